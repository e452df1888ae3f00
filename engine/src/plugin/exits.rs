//! Handles a plugin that ends the process from within a call, such as by `exit(0)`: the process would end as if it had
//! succeeded, without writing anything. An `exit` handler names the plugin, and sets an exit code of failure.
//!
//! `_exit`, `abort` and signals run no handler, and a thread of the plugin's own is outside of any call: use
//! `isolation = "process"` for those.

use std::cell::Cell;
use std::ptr::NonNull;

/// The name of a plugin or its library, and the current call.
type Caller = (NonNull<str>, &'static str);

thread_local! {
    /// Without a destructor: `exit` has already run those of its thread when it runs the handler.
    static CALLER: Cell<Option<Caller>> = const { Cell::new(None) };
}

/// Restores the previous caller, whether the call returns or panics.
struct Back(Option<Caller>);

impl Drop for Back {
    fn drop(&mut self) {
        CALLER.set(self.0);
    }
}

/// Runs a plugin's code: if it calls `exit`, the plugin is named, provided that [`watch`] was called before.
pub(super) fn within<T>(name: &str, call: &'static str, work: impl FnOnce() -> T) -> T {
    let _back = Back(CALLER.replace(Some((NonNull::from(name), call))));
    work()
}

/// The plugin that this thread is calling, if any.
pub(super) fn caller() -> Option<String> {
    let (name, _) = CALLER.get()?;
    // SAFETY: `within` has not returned, so its borrow is valid.
    Some(unsafe { name.as_ref() }.to_owned())
}

/// Registers handlers that check first whether a plugin called `exit`: handlers that libraries registered earlier may
/// hang in the middle of a run. For plugins in this process; a child's end is visible in its status.
#[cfg(unix)]
pub(super) fn watch() {
    // SAFETY: the handlers exist as long as the process, and call nothing that is forbidden at its end. If there is no
    // room for them, nothing changes.
    unsafe {
        libc::atexit(at_exit);
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        at_quick_exit(at_exit);
    }
}

#[cfg(not(unix))]
pub(super) fn watch() {}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    fn at_quick_exit(handler: extern "C" fn()) -> libc::c_int;
}

/// Ends the process with a line that names the plugin if `exit` was called from within a plugin's call; else does nothing.
/// For `exit` handlers that a program registers after plugins are loaded, as those run first.
#[cfg(unix)]
pub fn name_exit() {
    at_exit();
}

#[cfg(not(unix))]
pub fn name_exit() {}

/// The exit code in that case: wrong usage, manifest or models; retrying does not help.
#[cfg(unix)]
const CODE: libc::c_int = 2;

#[cfg(unix)]
extern "C" fn at_exit() {
    let Some((name, call)) = CALLER.try_with(Cell::get).ok().flatten() else { return };
    // SAFETY: `exit` was called from within `within`, which has not returned, so its borrow is valid.
    let name = unsafe { name.as_ref() };
    let text = format!(
        "error: plugin `{name}` ({call}) called `exit`, which ends the whole run: return an error instead, or set \
         `isolation = \"process\"`, which loses one image only\n"
    );
    // SAFETY: plain system calls. Nothing else runs: the process is in the middle of a run.
    unsafe {
        let _ = libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
        libc::_exit(CODE);
    }
}
