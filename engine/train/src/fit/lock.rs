//! Who may train in a folder at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use super::TrainError;

/// A folder's lock; the system takes it back when the process ends, however it does.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the file is locked while it is open")] File);

impl Lock {
    /// Takes the lock for oneself.
    ///
    /// # Errors
    /// If another training has it, or the folder cannot be written.
    pub fn acquire(folder: &Path) -> Result<Self, TrainError> {
        take(folder, File::try_lock)
    }

    /// Takes the lock together with others that do so too.
    ///
    /// # Errors
    /// If another training has it for itself, or the folder cannot be written.
    pub fn shared(folder: &Path) -> Result<Self, TrainError> {
        take(folder, File::try_lock_shared)
    }
}

fn take(folder: &Path, lock: fn(&File) -> Result<(), TryLockError>) -> Result<Lock, TrainError> {
    // NFS shares a lock only of what can be read, and gives one alone only of what can be written
    let file = pleura::regular::open_with(
        OpenOptions::new().read(true).write(true).create(true).truncate(false),
        &folder.join(".lock"),
    );
    let file = file.map_err(|source| TrainError::folder(folder, source))?;
    match lock(&file) {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => {
            Err(TrainError::Busy { folder: folder.into(), source: ErrorKind::ResourceBusy.into() })
        }
        Err(TryLockError::Error(source)) => Err(TrainError::folder(folder, source)),
    }
}
