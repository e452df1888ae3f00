//! One arena for the memory of all sessions on the CPU.
//!
//! Each session would keep its own, as large as its largest run. Sessions take turns, so that one as large as the
//! largest of them all is enough.

use std::ptr;

use ort::AsPointer;
use ort::environment::Environment;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::sys::OrtArenaCfg;

use super::assignment::check;

/// ONNX Runtime's `kSameAsRequested`: the arena grows by what is missing, not to the next power of two.
const AS_REQUESTED: i32 = 1;
/// ONNX Runtime's own choice.
const DEFAULT: i32 = -1;

/// Lets sessions of this environment share an arena, those that are opened with `session.use_env_allocators`.
///
/// `ort` has no call for this yet, so it goes through the C API.
///
/// # Errors
/// Where ONNX Runtime refuses.
pub fn share(environment: &Environment) -> ort::Result<()> {
    let api = ort::api();
    let info = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default)?;
    let mut config: *mut OrtArenaCfg = ptr::null_mut();
    // SAFETY: the result is a local variable. No limit is set: 0 stands for none.
    check(unsafe { (api.CreateArenaCfg)(0, AS_REQUESTED, DEFAULT, DEFAULT, &raw mut config) })?;
    // SAFETY: all three are alive, and ONNX Runtime copies what it keeps of the latter two.
    let done = check(unsafe { (api.CreateAndRegisterAllocator)(environment.ptr().cast_mut(), info.ptr(), config) });
    // SAFETY: it was made above, and nothing refers to it any more.
    unsafe { (api.ReleaseArenaCfg)(config) };
    done
}
