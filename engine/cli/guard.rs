//! Ends of the process that no verb chose: a library that calls `exit`, an abort, memory exhaustion, a panic. Each
//! prints a line on standard error and has an exit code other than success; finished images are in the run's journal.

use std::alloc::{GlobalAlloc, Layout, System};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::Exit;

/// Whether the program is ending on purpose.
static LEAVING: AtomicBool = AtomicBool::new(false);
/// Whether the system has refused memory.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// The system's allocator, which records refused requests: an abort that follows is then known to be caused by them.
pub struct Allocator;

impl Allocator {
    fn noted(pointer: *mut u8) -> *mut u8 {
        if pointer.is_null() {
            REFUSED.store(true, Ordering::Relaxed);
        }
        pointer
    }
}

// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's guarantees.
        Self::noted(unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        Self::noted(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        Self::noted(unsafe { System.realloc(pointer, layout, size) })
    }
}

/// Disables the capture of backtraces in errors, which are printed nowhere. A capture holds a lock; if memory runs out
/// meanwhile, the report of that waits for the same lock, and the program hangs. Call it at the start of the program.
pub fn leave_out_backtraces() {
    const VARIABLE: &str = "RUST_LIB_BACKTRACE";
    if std::env::var_os(VARIABLE).is_none() {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var(VARIABLE, "0") };
    }
}

/// Runs the program's work; a panic ends it with [`Exit::Wrong`] and a message.
pub fn run(work: impl FnOnce() -> Exit) -> Exit {
    watch();
    let exit = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        crate::term::error(&anyhow::anyhow!(
            "pleura panicked ({}): this is a bug, please report it; continue an unfinished run with `--resume`",
            message(panic.as_ref())
        ));
        Exit::Wrong
    });
    LEAVING.store(true, Ordering::Relaxed);
    exit
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// Registers a check with `exit` that the program is ending on purpose. It runs before handlers registered earlier:
/// those of libraries loaded meanwhile may hang in the middle of a run.
pub fn watch_exit() {
    #[cfg(unix)]
    // SAFETY: the handler exists as long as the process, and calls only what is allowed at its end.
    unsafe {
        libc::atexit(at_exit);
    }
}

/// Registers checks with `exit` and `abort` that the program is ending on purpose.
#[cfg(unix)]
fn watch() {
    let handler: extern "C" fn(libc::c_int) = at_abort;
    watch_exit();
    // SAFETY: the handler exists as long as the process, and calls only async-signal-safe functions. An all-zero
    // `sigaction` has no flags and masks no signals.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as libc::sighandler_t;
        libc::sigaction(libc::SIGABRT, &raw const action, std::ptr::null_mut());
    }
}

#[cfg(not(unix))]
fn watch() {}

#[cfg(unix)]
extern "C" fn at_exit() {
    if !LEAVING.load(Ordering::Relaxed) {
        pleura::plugin::name_exit();
        end(
            "error: a library in this process called `exit`, perhaps a plugin's thread; no output was written: set \
             `isolation = \"process\"` on the plugins to find it, and continue with `--resume`\n",
            Exit::Wrong,
        );
    }
}

#[cfg(unix)]
extern "C" fn at_abort(_: libc::c_int) {
    if REFUSED.load(Ordering::Relaxed) {
        end(
            "error: out of memory: allow more, or use less (`--memory`, `--threads`, `--batch`); finished images are \
             kept, continue with `--resume`\n",
            Exit::Transient,
        );
    }
    end(
        "error: a library in this process aborted it (see its message above): continue an unfinished run with \
         `--resume`\n",
        Exit::Wrong,
    );
}

/// Prints a message and ends the process, calling only async-signal-safe functions.
#[cfg(unix)]
fn end(text: &str, exit: Exit) -> ! {
    // SAFETY: plain system calls.
    unsafe {
        let _ = libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
        libc::_exit(exit as libc::c_int)
    }
}
