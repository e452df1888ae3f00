//! Temporary folders, whose names no message has: they are gone before anybody could look there.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tempfile::{Builder, TempDir};

/// All that were made; errors are told after they are gone.
static FOLDERS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A folder among the system's temporary files.
///
/// # Errors
/// If it cannot be made.
pub fn folder() -> io::Result<TempDir> {
    folder_in(&std::env::temp_dir(), ".tmp")
}

/// A folder in another, whose name begins with `prefix`.
///
/// # Errors
/// If it cannot be made.
pub fn folder_in(parent: &Path, prefix: &str) -> io::Result<TempDir> {
    let folder = Builder::new().prefix(prefix).tempdir_in(parent)?;
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    folders.push(format!("{}{}", folder.path().display(), std::path::MAIN_SEPARATOR));
    Ok(folder)
}

/// A message in which files of these folders have their own names alone.
pub fn hidden(text: &str) -> String {
    let folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    folders.iter().fold(text.to_owned(), |text, folder| text.replace(folder, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_their_own_names() {
        let parent = tempfile::tempdir().unwrap();
        let folder = folder_in(parent.path(), ".work-").unwrap();
        let error = std::fs::read(folder.path().join("x/y.csv")).unwrap_err();
        let text = format!("cannot read `{}`: {error}", folder.path().join("x/y.csv").display());
        drop(folder);
        assert!(hidden(&text).starts_with("cannot read `x/y.csv`: "), "{}", hidden(&text));
        let other = format!("cannot read `{}`", parent.path().join("z").display());
        assert_eq!(hidden(&other), other);
    }
}
