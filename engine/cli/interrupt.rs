//! What Ctrl-C does, and the signals by which schedulers and terminals end a process.
//!
//! A verb that keeps what it has finished [says] how to go on, and ends at once. A training
//! [stops](InForce::becomes_stop) after its step, with a checkpoint; a second signal ends it at once. Where neither was
//! ever in force, a signal ends the process as it ends any other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context, Result};

use crate::exit::Exit;
use crate::term;

/// What a signal does.
#[derive(Clone)]
enum Action {
    /// Ends the process.
    End,
    /// Says how to go on, and ends the process.
    Say(Arc<dyn Fn() -> String + Send + Sync>),
    /// Sets the flag; ends the process where it is set already.
    Stop(Arc<AtomicBool>),
}

static ACTION: Mutex<Action> = Mutex::new(Action::End);

/// What a signal does, as long as this lives; what it did before, afterwards.
pub struct InForce {
    before: Action,
}

impl InForce {
    /// From now on a signal sets this flag, and a second one ends the process.
    pub fn becomes_stop(&self, flag: &Arc<AtomicBool>) {
        *action() = Action::Stop(Arc::clone(flag));
    }
}

impl Drop for InForce {
    fn drop(&mut self) {
        *action() = self.before.clone();
    }
}

/// A signal prints these words, and ends the process with the code for what may be tried again.
///
/// # Errors
/// If the system does not let signals be listened to.
pub fn says(words: impl Fn() -> String + Send + Sync + 'static) -> Result<InForce> {
    listen()?;
    Ok(InForce { before: std::mem::replace(&mut *action(), Action::Say(Arc::new(words))) })
}

/// A signal says that the same command is to be run again: for verbs that keep nothing, and write whole files or none.
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
        Action::Stop(flag) if flag.swap(true, Ordering::SeqCst) => end(),
        Action::Stop(_) => term::note("stopping after this step with a checkpoint; press Ctrl-C again to stop at once"),
    }
}

/// Ends the process without the destructors of libraries, as other threads still compute with them.
fn end() -> ! {
    #[cfg(unix)]
    // SAFETY: it takes any number, and does not come back.
    unsafe {
        libc::_exit(Exit::Transient as i32)
    }
    #[cfg(not(unix))]
    std::process::exit(Exit::Transient as i32)
}

/// Signals that whoever started the process has it ignore, such as by `nohup`.
#[cfg(unix)]
mod ignored {
    const HANDLED: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

    /// Those that are ignored.
    pub fn signals() -> Vec<i32> {
        let is_ignored = |&signal: &i32| {
            let mut found = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: no new action is given, and there is room for the one in force, which is all zeros should the call
            // fail: a valid value of that struct.
            let found = unsafe {
                libc::sigaction(signal, std::ptr::null(), found.as_mut_ptr());
                found.assume_init()
            };
            found.sa_sigaction == libc::SIG_IGN
        };
        HANDLED.iter().copied().filter(is_ignored).collect()
    }

    /// Has them ignored again.
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
