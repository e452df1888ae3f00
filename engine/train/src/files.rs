//! Text files that are written completely or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that cannot be written; an existing one is unchanged.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`", path = path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

/// Writes a file, replacing any file at `path`.
///
/// # Errors
/// If it cannot be written, for example because the disk is full; `path` is then unchanged.
pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), WriteError> {
    let written = pleura_files::atomic::beside(path).and_then(|mut temporary| {
        temporary.write_all(contents.as_ref())?;
        pleura_files::atomic::place(temporary, path)
    });
    written.map_err(|source| WriteError { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_or_the_reason_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write(&path, "old").unwrap();
        write(&path, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        let error = write(&folder.path().join("none").join("a.txt"), "").unwrap_err();
        assert!(error.to_string().contains("a.txt"));
        assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
    }
}
