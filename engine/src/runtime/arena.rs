//! One arena for the memory of all sessions on the CPU.
//!
//! Otherwise each session keeps its own, as large as its largest run. Sessions take turns, so an arena as large as the
//! largest of all runs suffices. It may have a limit, which then holds for all sessions together.

use std::ffi::CStr;
use std::ptr;
use std::sync::{PoisonError, RwLock};

use ort::AsPointer;
use ort::environment::Environment;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{RunOptions, Session, SessionInputs};
use ort::sys::OrtArenaCfg;
use ort::value::TensorRef;

use super::assignment::check;
use super::device_options::on_cpu;
use crate::onnx::{ElementType, GraphBuilder};

/// ONNX Runtime's `kSameAsRequested`: the arena grows by the missing bytes, not to the next power of two.
const AS_REQUESTED: i32 = 1;
/// ONNX Runtime's own default.
const DEFAULT: i32 = -1;

/// The arena of an environment, for sessions opened with `session.use_env_allocators`.
///
/// `ort` has no calls for this yet, so it goes through the C API.
#[derive(Debug)]
pub struct Arena {
    /// The limit in bytes; `None`: no limit.
    limit: RwLock<Option<usize>>,
}

impl Arena {
    /// Registers an arena without a limit in an environment.
    ///
    /// # Errors
    /// If ONNX Runtime refuses.
    pub fn new(environment: &Environment) -> ort::Result<Self> {
        register(environment, &place()?, None)?;
        Ok(Self { limit: RwLock::new(None) })
    }

    /// Opens a session that shares an arena of `limit` bytes with those opened before with the same limit. If the last
    /// one had another limit, a new arena replaces the old one; existing sessions keep theirs. Without a limit,
    /// several may open at once.
    ///
    /// # Errors
    /// If ONNX Runtime refuses the arena or the session.
    pub fn open(
        &self,
        environment: &Environment,
        limit: Option<usize>,
        open: impl FnOnce() -> ort::Result<Session>,
    ) -> ort::Result<Session> {
        if limit.is_none() {
            let current = self.limit.read().unwrap_or_else(PoisonError::into_inner);
            if current.is_none() {
                return open();
            }
        }
        let mut current = self.limit.write().unwrap_or_else(PoisonError::into_inner);
        limit_to(environment, &mut current, limit)?;
        let session = open()?;
        if let Some(limit) = limit {
            // ONNX Runtime applies the limit to runs, not to weights; beyond the limit, its accounting would break.
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

    /// Runs a session without inputs once, in an arena of `limit` bytes, and frees its memory.
    ///
    /// # Errors
    /// If ONNX Runtime refuses the arena or the session, or if the run fails, for example for lack of memory.
    pub fn try_run(
        &self,
        environment: &Environment,
        limit: usize,
        open: impl FnOnce() -> ort::Result<Session>,
    ) -> ort::Result<()> {
        let mut current = self.limit.write().unwrap_or_else(PoisonError::into_inner);
        limit_to(environment, &mut current, Some(limit))?;
        // The session and its results are dropped before the arena is shrunk.
        let ran = open().and_then(|mut session| {
            let results = session.run(SessionInputs::<0>::ValueMap(Vec::new()));
            results.map(drop)
        });
        shrink(environment)?;
        ran
    }
}

/// Replaces the environment's arena if its limit differs.
fn limit_to(environment: &Environment, current: &mut Option<usize>, limit: Option<usize>) -> ort::Result<()> {
    if *current != limit {
        let place = place()?;
        // SAFETY: both are valid, and the arena lives on as long as a session holds it.
        check(unsafe { (ort::api().UnregisterAllocator)(environment.ptr().cast_mut(), place.ptr()) })?;
        register(environment, &place, limit)?;
        *current = limit;
    }
    Ok(())
}

/// Frees the unused memory of the environment's arena. ONNX Runtime does so only at the end of a run.
fn shrink(environment: &Environment) -> ort::Result<()> {
    let mut graph = GraphBuilder::new("shrink");
    let input = graph.input("x", ElementType::Float, &[1.into()]);
    graph.output(&input, "y", ElementType::Float, &[1.into()]);
    let mut session = on_cpu(environment, Session::builder(environment)?)?
        .with_env_allocators()?
        .commit_from_memory(&graph.build().to_bytes())?;
    let mut options = RunOptions::new()?;
    options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
    let input = TensorRef::from_array_view(([1_usize], &[0.0_f32][..]))?;
    session.run_with_options(ort::inputs![input], &options).map(drop)
}

/// The bytes allocated by a session's arena with a limit; ONNX Runtime keeps no count for one without.
fn taken(session: &Session) -> ort::Result<usize> {
    let api = ort::api();
    let arena = Allocator::new(session, place()?)?;
    let mut stats = ptr::null_mut();
    // SAFETY: the arena is valid; the result is a local variable that we own.
    check(unsafe { (api.AllocatorGetStats)(arena.ptr(), &raw mut stats) })?;
    // SAFETY: both are valid; the text is a part of the pairs, and copied before they are released.
    let text = unsafe { (api.GetKeyValue)(stats, c"TotalAllocated".as_ptr()).as_ref() };
    // SAFETY: as above; ONNX Runtime's texts are terminated.
    let bytes = text.and_then(|text| unsafe { CStr::from_ptr(text) }.to_str().ok()?.parse().ok());
    // SAFETY: it was made above, and nothing refers to it any more.
    unsafe { (api.ReleaseKeyValuePairs)(stats) };
    bytes.ok_or_else(|| ort::Error::new("ONNX Runtime does not report how much memory models take"))
}

/// The memory type of the arena.
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
    // SAFETY: all three are valid, and ONNX Runtime copies what it keeps of the latter two.
    let done = check(unsafe { (api.CreateAndRegisterAllocator)(environment.ptr().cast_mut(), place.ptr(), config) });
    // SAFETY: it was made above, and nothing refers to it any more.
    unsafe { (api.ReleaseArenaCfg)(config) };
    done
}
