//! Files that are written completely or not at all.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::digest;

/// The prefix and suffix of temporary files' names.
const PREFIX: &str = ".pleura-";
const SUFFIX: &str = ".part";

/// A temporary file in the folder of `path`, to be written and then [put in its place](place).
///
/// # Errors
/// If the folder cannot be written, or `path` exists and is not a file: a folder, a device, a pipe.
pub fn beside(path: &Path) -> io::Result<NamedTempFile> {
    Parts::default().beside(path)
}

/// Temporary files whose names identify their writer, so that the files of a killed process can be removed.
#[derive(Debug, Clone)]
pub struct Parts {
    prefix: String,
}

impl Default for Parts {
    /// Temporary files without an owner.
    fn default() -> Self {
        Self { prefix: PREFIX.into() }
    }
}

impl Parts {
    /// Temporary files of the writer of `owner`. Only one process at a time may use them: ensure it with a lock.
    #[must_use]
    pub fn new(owner: &Path) -> Self {
        let path = std::path::absolute(target(owner)).unwrap_or_else(|_| owner.into());
        let digest = digest::bytes(path.as_os_str().as_encoded_bytes());
        Self { prefix: format!("{PREFIX}{}-", &digest[..16]) }
    }

    /// Removes this owner's temporary files from a folder.
    ///
    /// # Errors
    /// If the folder cannot be read, or one of them cannot be removed.
    pub fn sweep(&self, folder: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(&self.prefix) && name.ends_with(SUFFIX)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// As [`beside`].
    ///
    /// # Errors
    /// As [`beside`].
    pub fn beside(&self, path: &Path) -> io::Result<NamedTempFile> {
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file, so it is not replaced"));
        }
        let mut builder = Builder::new();
        builder.prefix(&self.prefix).suffix(SUFFIX);
        // Readable by others according to the umask; by default, `tempfile` creates files for the owner only.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(folder(&target(path))).map_err(unnamed)
    }
}

/// Renames a temporary file to `path`: a reader finds either the old file or the whole new one.
///
/// # Errors
/// If it cannot be flushed to disk, or cannot be renamed; `path` is then unchanged.
pub fn place(temporary: NamedTempFile, path: &Path) -> io::Result<()> {
    let path = target(path);
    temporary.as_file().sync_all()?;
    temporary.persist(&path)?;
    // The rename must reach the disk, too; not every file system supports that.
    let _ = File::open(folder(&path)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// As [`place`], without waiting for the disk: for files that are many and can be made again.
/// If the machine itself stops, such a file may exist and be empty.
///
/// # Errors
/// If it cannot be renamed; `path` is then unchanged.
pub fn place_unsynced(temporary: NamedTempFile, path: &Path) -> io::Result<()> {
    temporary.persist(target(path))?;
    Ok(())
}

/// The target of a link, so that the link is kept; `path` itself if it is not a link, or a dangling one.
#[must_use]
pub fn target(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.into())
}

/// A system error without the temporary file's name, which `tempfile` adds: users know another name.
fn unnamed(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path \"") {
        Some((cause, _)) => io::Error::new(error.kind(), cause),
        None => error,
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Write;

    use super::*;

    fn write(path: &Path, text: &str) -> io::Result<()> {
        let mut temporary = beside(path)?;
        temporary.write_all(text.as_bytes())?;
        place(temporary, path)
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(write(&socket, "x").unwrap_err().to_string().contains("is not a regular file"));
        assert!(write(folder.path(), "x").is_err());
    }

    #[test]
    fn an_error_does_not_name_the_temporary_file() {
        let error = beside(Path::new("no/such/folder/file")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(!error.to_string().contains(PREFIX) && error.to_string().contains("No such file"), "{error}");
    }

    #[test]
    fn only_ones_own_parts_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        let (ours, theirs) = (Parts::new(&folder.path().join("a.csv")), Parts::new(&folder.path().join("b.csv")));
        for parts in [&ours, &theirs, &Parts::default()] {
            parts.beside(&path).unwrap().keep().unwrap();
        }
        let left = || std::fs::read_dir(folder.path()).unwrap().count();
        ours.sweep(folder.path()).unwrap();
        assert_eq!(left(), 2);
        theirs.sweep(folder.path()).unwrap();
        assert_eq!(left(), 1);
    }

    #[test]
    fn a_link_stays_and_its_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(file).unwrap(), "new");
    }
}
