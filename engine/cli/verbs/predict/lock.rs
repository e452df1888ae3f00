//! Lock files.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use anyhow::{Context, Result};
use pleura_files::regular;

use crate::term;

/// Opens a file to read and append, creating it if it is missing, and locks it while it is open. The system releases
/// the lock when the process ends in any way.
///
/// # Errors
/// If another process holds the lock, which is transient; or if the file cannot be written.
pub fn open(path: &Path, whose: &Path) -> Result<File> {
    let failed = || format!("cannot write `{}`", path.display());
    loop {
        let file =
            regular::open_with(OpenOptions::new().read(true).append(true).create(true), path).with_context(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let busy = io::Error::new(ErrorKind::ResourceBusy, "wait for it, or use another `--out`");
                let what = format!("another run is writing `{}` (it holds `{}`)", whose.display(), path.display());
                return Err(anyhow::Error::new(busy).context(what));
            }
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                let path = path.display();
                term::warning(format_args!(
                    "the file system of `{path}` does not support locks: make sure that no other run writes there"
                ));
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock `{}`", path.display()));
            }
        }
        // the previous holder may have removed it between the two steps: this file then has no name
        if is_at(&file, path).with_context(failed)? {
            return Ok(file);
        }
    }
}

/// Whether the open file is still at that path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let ours = file.metadata()?;
    match path.metadata() {
        Ok(named) => Ok((ours.dev(), ours.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// On other systems an open file cannot be removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}
