//! A plugin that ends the process from within a call, as `exit(0)` does: the process would end as if all had gone well,
//! and nothing would be written. A handler that `exit` runs names the plugin, and sees to an exit code that says so.
//!
//! `_exit`, `abort` and signals run no handler, and a thread of the plugin's own is in no call: `isolation = "process"` is
//! there for those.

use std::cell::Cell;
use std::ptr::NonNull;

/// A plugin or its library, and what it is called for.
type Caller = (NonNull<str>, &'static str);

thread_local! {
    /// Without a destructor: `exit` has run those of its thread when it comes to the handler.
    static CALLER: Cell<Option<Caller>> = const { Cell::new(None) };
}

/// Puts back what was there before, whether the call returned or panicked.
struct Back(Option<Caller>);

impl Drop for Back {
    fn drop(&mut self) {
        CALLER.set(self.0);
    }
}

/// Runs a plugin's code: should it call `exit`, it is named, where [`watch`] was called before.
pub(super) fn within<T>(name: &str, call: &'static str, work: impl FnOnce() -> T) -> T {
    let _back = Back(CALLER.replace(Some((NonNull::from(name), call))));
    work()
}

/// The plugin in whose call this thread is.
pub(super) fn caller() -> Option<String> {
    let (name, _) = CALLER.get()?;
    // SAFETY: `within` has not returned, so that what it borrows is alive.
    Some(unsafe { name.as_ref() }.to_owned())
}

/// Has `exit` look whether a plugin called it, before it does anything that was asked of it earlier: what libraries do at
/// the process's end may hang in the middle of a run. For plugins in this process: of a child's end its status tells.
#[cfg(unix)]
pub(super) fn watch() {
    // SAFETY: the handlers stay for as long as the process, and call nothing that must not be called at its end. Where
    // there is no room for them, all is as it was.
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
/// For handlers of `exit` that a program registers after plugins are loaded: those run first.
#[cfg(unix)]
pub fn name_exit() {
    at_exit();
}

#[cfg(not(unix))]
pub fn name_exit() {}

/// The exit code of programs that ended so: wrong usage, manifest or models, which retrying does not help.
#[cfg(unix)]
const CODE: libc::c_int = 2;

#[cfg(unix)]
extern "C" fn at_exit() {
    let Some((name, call)) = CALLER.try_with(Cell::get).ok().flatten() else { return };
    // SAFETY: `exit` was called from within `within`, which has not returned, so that what it borrows is alive.
    let name = unsafe { name.as_ref() };
    let text = format!(
        "error: plugin `{name}` ({call}) called `exit`, which ends the whole run: return an error instead, or set \
         `isolation = \"process\"`, which loses one image only\n"
    );
    // SAFETY: plain system calls. Nothing else is run: the process is in the middle of a run.
    unsafe {
        let _ = libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
        libc::_exit(CODE);
    }
}
