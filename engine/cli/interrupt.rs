//! Handling of Ctrl-C, and of the signals by which schedulers and terminals end a process.
//!
//! A verb that keeps finished results [says] how to continue, and ends at once. A training
//! [stops](InForce::becomes_stop) after its step, with a checkpoint, and a node after the images in progress; a second
//! signal ends them at once. Without either, a
//! signal ends the process as usual.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context, Result};

use crate::exit::Exit;
use crate::term;

/// The effect of a signal.
#[derive(Clone)]
enum Action {
    /// Ends the process.
    End,
    /// Prints how to continue, and ends the process.
    Say(Arc<dyn Fn() -> String + Send + Sync>),
    /// Sets the flag and prints what happens now; ends the process if it is set already.
    Stop(Arc<AtomicBool>, &'static str),
}

static ACTION: Mutex<Action> = Mutex::new(Action::End);

/// Keeps the effect of a signal while it exists; dropping it restores the previous one.
pub struct InForce {
    before: Action,
}

impl InForce {
    /// Makes a signal set this flag and print these words, and a second one end the process.
    pub fn becomes_stop(&self, flag: &Arc<AtomicBool>, words: &'static str) {
        *action() = Action::Stop(Arc::clone(flag), words);
    }
}

impl Drop for InForce {
    fn drop(&mut self) {
        *action() = self.before.clone();
    }
}

/// Makes a signal print these words and end the process with the code for transient errors.
///
/// # Errors
/// If the system refuses a signal handler.
pub fn says(words: impl Fn() -> String + Send + Sync + 'static) -> Result<InForce> {
    listen()?;
    Ok(InForce { before: std::mem::replace(&mut *action(), Action::Say(Arc::new(words))) })
}

/// Makes a signal print that the command has to be run again: for verbs that write whole files or none.
///
/// # Errors
/// As [`says`].
pub fn again() -> Result<InForce> {
    says(|| "interrupted: run the same command again".into())
}

fn action() -> MutexGuard<'static, Action> {
    ACTION.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen() -> Result<()> {
    static LISTENS: OnceLock<()> = OnceLock::new();
    if LISTENS.get().is_some() {
        return Ok(());
    }
    let ignored = ignored::signals();
    ctrlc::set_handler(on_signal).context("cannot handle Ctrl-C")?;
    ignored::ignore(&ignored);
    LISTENS.get_or_init(|| ());
    Ok(())
}

fn on_signal() {
    let action = action().clone();
    match action {
        Action::End => end(),
        Action::Say(words) => {
            term::note(words());
            end();
        }
        Action::Stop(flag, _) if flag.swap(true, Ordering::SeqCst) => end(),
        Action::Stop(_, words) => term::note(format_args!("{words}; press Ctrl-C again to stop at once")),
    }
}

/// Ends the process without running libraries' destructors, as other threads still compute with them.
fn end() -> ! {
    #[cfg(unix)]
    // SAFETY: it accepts any code and does not return.
    unsafe {
        libc::_exit(Exit::Transient as i32)
    }
    #[cfg(not(unix))]
    std::process::exit(Exit::Transient as i32)
}

/// Signals that the parent process set to be ignored, for example with `nohup`.
#[cfg(unix)]
mod ignored {
    const HANDLED: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

    /// The handled signals that are ignored now.
    pub fn signals() -> Vec<i32> {
        let is_ignored = |&signal: &i32| {
            let mut found = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: no new action is set. The struct for the current one is all zeros if the call fails, which is a
            // valid value of it.
            let found = unsafe {
                libc::sigaction(signal, std::ptr::null(), found.as_mut_ptr());
                found.assume_init()
            };
            found.sa_sigaction == libc::SIG_IGN
        };
        HANDLED.iter().copied().filter(is_ignored).collect()
    }

    /// Ignores these signals again.
    pub fn ignore(signals: &[i32]) {
        for &signal in signals {
            // SAFETY: ignoring a signal runs no code.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
    }
}

#[cfg(not(unix))]
mod ignored {
    pub fn signals() -> Vec<i32> {
        Vec::new()
    }

    pub fn ignore(_: &[i32]) {}
}
