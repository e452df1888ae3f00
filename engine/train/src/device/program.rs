//! A graph whose inputs and outputs are permanently bound to buffers.

use std::ffi::CString;
use std::sync::Arc;

use ort::AsPointer;
use ort::session::{IoBinding, Session};
use pleura::onnx::Model;
use pleura::runtime::{self, Device, Loaded, SessionOptions};

use super::{Buffer, DeviceError, Place};

/// An input or output, by name, and its buffer.
pub type Bound<'b> = (String, &'b Arc<Buffer>);

/// A graph that can run repeatedly on the same buffers.
///
/// A buffer may be bound as an input and as an output, so that weights are updated in place: every node that reads the
/// old numbers must then run before the node that writes the new ones, because that node depends on it, or must be that
/// node itself, element by element.
pub struct Program {
    session: Session,
    binding: IoBinding,
    /// The binding points into these.
    _buffers: Vec<Arc<Buffer>>,
}

impl Program {
    /// Opens a graph on a device. `inputs` and `outputs` are all of its inputs and outputs, by name.
    ///
    /// # Errors
    /// If the device refuses the graph.
    pub fn new(place: &Place, model: &Model, inputs: &[Bound<'_>], outputs: &[Bound<'_>]) -> Result<Self, DeviceError> {
        Self::open(place, runtime::session, model, inputs, outputs)
    }

    /// As [`Program::new`], for graphs in mixed precision: lets CUDA use tensor cores.
    ///
    /// # Errors
    /// As [`Program::new`].
    pub fn mixed(
        place: &Place,
        model: &Model,
        inputs: &[Bound<'_>],
        outputs: &[Bound<'_>],
    ) -> Result<Self, DeviceError> {
        Self::open(place, runtime::mixed_session, model, inputs, outputs)
    }

    fn open(
        place: &Place,
        open: fn(&Loaded, &[u8], SessionOptions) -> ort::Result<Session>,
        model: &Model,
        inputs: &[Bound<'_>],
        outputs: &[Bound<'_>],
    ) -> Result<Self, DeviceError> {
        let failed = || DeviceError::new(format!("ONNX Runtime rejects the graph `{}`", model.graph().name));
        let session = open(place.runtime, &model.to_bytes(), place.options).map_err(failed())?;
        if place.device() != Device::Cpu
            && let Some(operators) = runtime::left_to_the_cpu(&session).map_err(failed())?
        {
            let (name, device) = (&model.graph().name, place.device());
            tracing::warn!("graph `{name}`: {device} leaves some operators to the CPU, and waits for it: {operators}");
        }
        let binding = session.create_binding().map_err(failed())?;
        let bind = || {
            for (name, buffer) in inputs {
                bind(&binding, name, buffer.handle(), true)?;
            }
            outputs.iter().try_for_each(|(name, buffer)| bind(&binding, name, buffer.handle(), false))
        };
        bind().map_err(failed())?;
        let buffers = inputs.iter().chain(outputs).map(|(_, buffer)| Arc::clone(buffer)).collect();
        Ok(Self { session, binding, _buffers: buffers })
    }

    /// Runs once: reads the inputs' buffers, writes the outputs'.
    ///
    /// # Errors
    /// If the device fails, for example for lack of memory.
    pub fn run(&mut self) -> Result<(), DeviceError> {
        let ran = self.session.run_binding(&self.binding).map(drop);
        ran.map_err(DeviceError::new("a training step failed"))
    }
}

/// Binds a value to an input or output. The crate's own bindings copy inputs, and refuse outputs that are also inputs.
/// The binding points to the floats, which must stay valid as long as it exists, or until it is cleared.
pub(super) fn bind(
    binding: &IoBinding,
    name: &str,
    value: *const ort::sys::OrtValue,
    is_input: bool,
) -> ort::Result<()> {
    let api = ort::api();
    let name = CString::new(name).map_err(|_| ort::Error::new("a name holds a zero byte"))?;
    let bind = if is_input { api.BindInput } else { api.BindOutput };
    // SAFETY: the binding is passed only by its owner, before it is run; the value is valid, and the binding shares it;
    // the call copies the name.
    let status = unsafe { bind(binding.ptr().cast_mut(), name.as_ptr(), value) };
    // SAFETY: the status comes from the call above and is passed on once.
    unsafe { ort::Error::result_from_status(status) }
}
