//! Exit codes, and the one place where an error is printed.

use std::io::ErrorKind;
use std::process::{ExitCode, Termination};

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Success.
    Good = 0,
    /// Some inputs were skipped and reported, or a comparison found differences.
    Skipped = 1,
    /// Wrong usage, manifest or models: retrying will not help.
    Wrong = 2,
    /// Transient: a full disk, an interrupted call, a lost network. Retrying may help.
    Transient = 75,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// Prints what went wrong, once, and chooses the code.
pub fn conclude(result: anyhow::Result<Exit>) -> Exit {
    let exit = result.unwrap_or_else(|error| failed(&error));
    // results that could not be written count, even if all else succeeded
    match crate::term::finish() {
        Ok(()) => exit,
        Err(error) => exit.max(failed(&error)),
    }
}

fn failed(error: &anyhow::Error) -> Exit {
    crate::term::error(error);
    if error.chain().any(is_transient) { Exit::Transient } else { Exit::Wrong }
}

fn is_transient(cause: &(dyn std::error::Error + 'static)) -> bool {
    // these two do not return the system's error as their source
    let picture = cause.downcast_ref::<image::ImageError>().and_then(|error| match error {
        image::ImageError::IoError(error) => Some(error),
        _ => None,
    });
    let table = cause.downcast_ref::<csv::Error>().and_then(|error| match error.kind() {
        csv::ErrorKind::Io(error) => Some(error),
        _ => None,
    });
    let error = cause.downcast_ref::<std::io::Error>().or(picture).or(table);
    let kind = error.map(std::io::Error::kind);
    matches!(
        kind,
        Some(
            ErrorKind::StorageFull
                | ErrorKind::QuotaExceeded
                | ErrorKind::Interrupted
                | ErrorKind::TimedOut
                | ErrorKind::ResourceBusy
                // the network, or a server, failed again and again
                | ErrorKind::ConnectionAborted
                // the system refuses another thread or process
                | ErrorKind::WouldBlock
                | ErrorKind::OutOfMemory
        )
    )
}
