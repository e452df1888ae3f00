//! Locks a folder for training.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use super::TrainError;

/// A folder's lock; the system releases it when the process ends in any way.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the file is locked while it is open")] File);

impl Lock {
    /// Takes the exclusive lock.
    ///
    /// # Errors
    /// If another training holds a lock, or the folder cannot be written.
    pub fn acquire(folder: &Path) -> Result<Self, TrainError> {
        take(folder, File::try_lock)
    }

    /// Takes a shared lock.
    ///
    /// # Errors
    /// If another training holds the exclusive lock, or the folder cannot be written.
    pub fn shared(folder: &Path) -> Result<Self, TrainError> {
        take(folder, File::try_lock_shared)
    }
}

fn take(folder: &Path, lock: fn(&File) -> Result<(), TryLockError>) -> Result<Lock, TrainError> {
    // NFS requires read access for a shared lock, and write access for an exclusive one
    let file = pleura_files::regular::open_with(
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
