//! Temporary folders. Messages do not name them, as they are removed before anyone could look there.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tempfile::{Builder, TempDir};

/// All folders made so far, kept because errors are printed after they are removed.
static FOLDERS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Creates a folder in the system's temporary folder.
///
/// # Errors
/// If it cannot be created.
pub fn folder() -> io::Result<TempDir> {
    folder_in(&std::env::temp_dir(), ".tmp")
}

/// Creates a folder in another, whose name begins with `prefix`.
///
/// # Errors
/// If it cannot be created.
pub fn folder_in(parent: &Path, prefix: &str) -> io::Result<TempDir> {
    let folder = Builder::new().prefix(prefix).tempdir_in(parent)?;
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    folders.push(format!("{}{}", folder.path().display(), std::path::MAIN_SEPARATOR));
    Ok(folder)
}

/// A message with paths in these folders shortened to the files' names.
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
