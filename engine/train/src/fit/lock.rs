//! One training at a time in a folder.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use super::TrainError;

/// A folder's lock; the system takes it back when the process ends, however it does.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the file is locked while it is open")] File);

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Where another training has it, or the folder cannot be written.
    pub fn of(folder: &Path) -> Result<Self, TrainError> {
        let file = File::create(folder.join(".lock")).map_err(|source| TrainError::folder(folder, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                Err(TrainError::Busy { folder: folder.into(), source: ErrorKind::ResourceBusy.into() })
            }
            Err(TryLockError::Error(source)) => Err(TrainError::folder(folder, source)),
        }
    }
}
