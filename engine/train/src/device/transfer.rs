//! Copies floats between this process's memory and a device's.

use std::sync::{Mutex, PoisonError};

use ort::AsPointer;
use ort::memory::MemoryInfo;
use ort::session::{IoBinding, Session};
use ort::value::{Shape, TensorRefMut};
use pleura::onnx::{ElementType, GraphBuilder};
use pleura::runtime::{self, Loaded, SessionOptions};

use super::program::bind;

/// The number of floats copied at once, 16 MiB: a copy passes through device memory of that size.
pub(super) const PIECE: usize = 1 << 22;

/// Copies floats to and from one device.
///
/// ONNX Runtime copies between devices only around a run, so this is a session whose one node is `Identity`, with the
/// source bound as its input and the target as its output. `ort`'s own `copy_into` works the same way, but it holds a
/// lock while it binds, and binding a source that it does not own takes that lock a second time: it never returns.
pub(super) struct Transfer {
    session: Mutex<(Session, IoBinding)>,
}

/// The location of the first of several floats: the memory, and the address.
#[derive(Clone, Copy)]
pub(super) struct Location<'a> {
    pub memory: &'a MemoryInfo<'a>,
    pub address: *mut f32,
}

impl Transfer {
    /// Opens the session on a device.
    ///
    /// # Errors
    /// If the device refuses.
    pub fn new(runtime: &Loaded, options: SessionOptions) -> ort::Result<Self> {
        let mut graph = GraphBuilder::new("transfer");
        let input = graph.input("from", ElementType::Float, &["n".into()]);
        let output = graph.node("Identity", &[&input], vec![]);
        graph.output(&output, "to", ElementType::Float, &["n".into()]);
        let session = runtime::session(runtime, &graph.build().to_bytes(), options)?;
        let binding = session.create_binding()?;
        Ok(Self { session: Mutex::new((session, binding)) })
    }

    /// Runs `read` on the session, to get an allocator of its device's memory.
    pub fn session<T>(&self, read: impl FnOnce(&Session) -> T) -> T {
        read(&self.session.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Copies `count` floats.
    ///
    /// # Errors
    /// If the device fails.
    ///
    /// # Safety
    /// Both locations must hold that many floats in the memory they name, must not overlap, and nothing else may read
    /// or write the target, or write the source, until this returns.
    pub unsafe fn copy(&self, from: Location<'_>, to: Location<'_>, count: usize) -> ort::Result<()> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let (session, binding) = &mut *session;
        for start in (0..count).step_by(PIECE) {
            let length = PIECE.min(count - start);
            // SAFETY: the piece is within what the caller guarantees.
            let (from, to) = unsafe { (view(from, start, length)?, view(to, start, length)?) };
            bind(binding, "from", from.ptr(), true)?;
            bind(binding, "to", to.ptr(), false)?;
            binding.synchronize_inputs()?;
            let ran = session.run_binding(binding).map(drop);
            let ran = ran.and_then(|()| binding.synchronize_outputs());
            // Nothing stays bound after the call.
            binding.clear();
            ran?;
        }
        Ok(())
    }
}

/// A handle on `length` floats, `start` floats after a location.
///
/// # Safety
/// They must stay valid in the location's memory for as long as the handle is used.
unsafe fn view(location: Location<'_>, start: usize, length: usize) -> ort::Result<TensorRefMut<'static, f32>> {
    // SAFETY: the caller guarantees both.
    unsafe {
        let address = location.address.add(start).cast();
        TensorRefMut::from_raw(location.memory.to_owned(), address, Shape::from([length]))
    }
}
