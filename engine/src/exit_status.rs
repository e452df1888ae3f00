//! How child processes ended, for people.

use std::process::ExitStatus;

/// "exited (exit status: 3)", or "was killed by SIGSEGV, a segmentation fault".
pub fn text(status: ExitStatus) -> String {
    match signal(status) {
        Some(signal) => format!("was killed by {}", signal_name(signal)),
        None => format!("exited ({status})"),
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

fn signal_name(signal: i32) -> String {
    let names = [
        (libc::SIGSEGV, "SIGSEGV, a segmentation fault"),
        (libc::SIGABRT, "SIGABRT, an abort"),
        (libc::SIGFPE, "SIGFPE, an arithmetic error"),
        (libc::SIGILL, "SIGILL, an illegal instruction"),
        (libc::SIGTERM, "SIGTERM"),
        #[cfg(unix)]
        (libc::SIGALRM, "SIGALRM: it took longer than its step's `timeout`"),
        #[cfg(unix)]
        (libc::SIGBUS, "SIGBUS, a bus error"),
        #[cfg(unix)]
        (libc::SIGKILL, "SIGKILL, perhaps out of memory"),
    ];
    let named = names.iter().find(|(number, _)| *number == signal);
    named.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}
