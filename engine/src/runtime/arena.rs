//! One arena for the memory of all sessions on the CPU.
//!
//! Each session would keep its own, as large as its largest run. Sessions take turns, so that one as large as the
//! largest of them all is enough. It may have a limit, which is that of all sessions together.

use std::ffi::CStr;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use ort::AsPointer;
use ort::environment::Environment;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{RunOptions, Session, SessionInputs};
use ort::sys::OrtArenaCfg;
use ort::value::TensorRef;

use super::assignment::check;
use crate::onnx::{ElementType, GraphBuilder};

/// ONNX Runtime's `kSameAsRequested`: the arena grows by what is missing, not to the next power of two.
const AS_REQUESTED: i32 = 1;
/// ONNX Runtime's own choice.
const DEFAULT: i32 = -1;

/// The arena of an environment, for sessions that are opened with `session.use_env_allocators`.
///
/// `ort` has no calls for this yet, so it goes through the C API.
#[derive(Debug)]
pub struct Arena {
    /// The most bytes that it may take; none for all there is.
    limit: Mutex<Option<usize>>,
}

impl Arena {
    /// Gives an environment an arena without a limit.
    ///
    /// # Errors
    /// If ONNX Runtime refuses.
    pub fn new(environment: &Environment) -> ort::Result<Self> {
        register(environment, &place()?, None)?;
        Ok(Self { limit: Mutex::new(None) })
    }

    /// Opens a session that shares an arena of so many bytes with those that were opened before with as many. Where the
    /// last one was opened with another limit, a new arena takes the old one's place; sessions keep what they have.
    ///
    /// # Errors
    /// If ONNX Runtime refuses the arena or the session.
    pub fn open(
        &self,
        environment: &Environment,
        limit: Option<usize>,
        open: impl FnOnce() -> ort::Result<Session>,
    ) -> ort::Result<Session> {
        let mut current = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        limit_to(environment, &mut current, limit)?;
        let session = open()?;
        if let Some(limit) = limit {
            // ONNX Runtime holds runs to the limit, and not weights; beyond it, it would lose count.
            let taken = taken(&session)?;
            if taken > limit {
                let text = format!(
                    "models take {taken} bytes before they run, more than the limit of {limit} bytes; allow more \
                     (`--device-memory`)"
                );
                return Err(ort::Error::new(text));
            }
        }
        Ok(session)
    }

    /// Runs a session without inputs once, in an arena of so many bytes, and frees what it took.
    ///
    /// # Errors
    /// If ONNX Runtime refuses the arena or the session, or if it fails, for want of memory perhaps.
    pub fn try_run(
        &self,
        environment: &Environment,
        limit: usize,
        open: impl FnOnce() -> ort::Result<Session>,
    ) -> ort::Result<()> {
        let mut current = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        limit_to(environment, &mut current, Some(limit))?;
        // The session and its results are gone before the arena is shrunk.
        let ran = open().and_then(|mut session| {
            let results = session.run(SessionInputs::<0>::ValueMap(Vec::new()));
            results.map(drop)
        });
        shrink(environment)?;
        ran
    }
}

/// Puts an arena of another limit in the place of the environment's, if it has another.
fn limit_to(environment: &Environment, current: &mut Option<usize>, limit: Option<usize>) -> ort::Result<()> {
    if *current != limit {
        let place = place()?;
        // SAFETY: both are alive, and the arena lives on as long as a session holds it.
        check(unsafe { (ort::api().UnregisterAllocator)(environment.ptr().cast_mut(), place.ptr()) })?;
        register(environment, &place, limit)?;
        *current = limit;
    }
    Ok(())
}

/// Frees what the environment's arena holds and does not use. ONNX Runtime does so at the end of a run only.
fn shrink(environment: &Environment) -> ort::Result<()> {
    let mut graph = GraphBuilder::new("shrink");
    let input = graph.input("x", ElementType::Float, &[1.into()]);
    graph.output(&input, "y", ElementType::Float, &[1.into()]);
    let mut session =
        Session::builder(environment)?.with_env_allocators()?.commit_from_memory(&graph.build().to_bytes())?;
    let mut options = RunOptions::new()?;
    options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
    let input = TensorRef::from_array_view(([1_usize], &[0.0_f32][..]))?;
    session.run_with_options(ort::inputs![input], &options).map(drop)
}

/// The bytes that a session's arena with a limit has taken; ONNX Runtime keeps no account of one without.
fn taken(session: &Session) -> ort::Result<usize> {
    let api = ort::api();
    let arena = Allocator::new(session, place()?)?;
    let mut stats = ptr::null_mut();
    // SAFETY: the arena is alive; the result is a local variable, and ours.
    check(unsafe { (api.AllocatorGetStats)(arena.ptr(), &raw mut stats) })?;
    // SAFETY: both are alive; the text is a part of the pairs, and copied before they are released.
    let text = unsafe { (api.GetKeyValue)(stats, c"TotalAllocated".as_ptr()).as_ref() };
    // SAFETY: as above; ONNX Runtime's texts are terminated.
    let bytes = text.and_then(|text| unsafe { CStr::from_ptr(text) }.to_str().ok()?.parse().ok());
    // SAFETY: it was made above, and nothing refers to it any more.
    unsafe { (api.ReleaseKeyValuePairs)(stats) };
    bytes.ok_or_else(|| ort::Error::new("ONNX Runtime does not report how much memory models take"))
}

/// Where the arena takes its memory.
fn place() -> ort::Result<MemoryInfo<'static>> {
    MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default)
}

fn register(environment: &Environment, place: &MemoryInfo<'_>, limit: Option<usize>) -> ort::Result<()> {
    let api = ort::api();
    let mut config: *mut OrtArenaCfg = ptr::null_mut();
    // 0 stands for no limit.
    let most = limit.map_or(0, |limit| limit.max(1));
    // SAFETY: the result is a local variable.
    check(unsafe { (api.CreateArenaCfg)(most, AS_REQUESTED, DEFAULT, DEFAULT, &raw mut config) })?;
    // SAFETY: all three are alive, and ONNX Runtime copies what it keeps of the latter two.
    let done = check(unsafe { (api.CreateAndRegisterAllocator)(environment.ptr().cast_mut(), place.ptr(), config) });
    // SAFETY: it was made above, and nothing refers to it any more.
    unsafe { (api.ReleaseArenaCfg)(config) };
    done
}
