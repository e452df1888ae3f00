//! Files that are written whole or not at all.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::digest;

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".pleura-";
const SUFFIX: &str = ".part";

/// A temporary file in the folder of `path`, to be written and then [put in its place](place).
///
/// # Errors
/// If the folder cannot be written, or `path` is there and is no file: a folder, a device, a pipe.
pub fn beside(path: &Path) -> io::Result<NamedTempFile> {
    Parts::default().beside(path)
}

/// Temporary files whose writer can be told, so that what it left when it was killed can be removed.
#[derive(Debug, Clone)]
pub struct Parts {
    prefix: String,
}

impl Default for Parts {
    /// Nobody's in particular.
    fn default() -> Self {
        Self { prefix: PREFIX.into() }
    }
}

impl Parts {
    /// Those of whoever writes a file, one process at a time: see to it by a lock.
    #[must_use]
    pub fn new(owner: &Path) -> Self {
        let path = std::path::absolute(target(owner)).unwrap_or_else(|_| owner.into());
        let digest = digest::bytes(path.as_os_str().as_encoded_bytes());
        Self { prefix: format!("{PREFIX}{}-", &digest[..16]) }
    }

    /// Removes those in a folder.
    ///
    /// # Errors
    /// If the folder cannot be read, or one of them not be removed.
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
    /// Likewise.
    pub fn beside(&self, path: &Path) -> io::Result<NamedTempFile> {
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file, so it is not replaced"));
        }
        let mut builder = Builder::new();
        builder.prefix(&self.prefix).suffix(SUFFIX);
        // Others may read it as the umask says; left to itself, `tempfile` makes it the owner's alone.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(folder(&target(path))).map_err(unnamed)
    }
}

/// Gives a temporary file its name: whoever reads `path` finds the old file or the whole new one.
///
/// # Errors
/// If it cannot reach the disk, or cannot take the name; `path` is then as it was.
pub fn place(temporary: NamedTempFile, path: &Path) -> io::Result<()> {
    let path = target(path);
    temporary.as_file().sync_all()?;
    temporary.persist(&path)?;
    // The name must reach the disk too; not every file system can be asked for that.
    let _ = File::open(folder(&path)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// As [`place`], without waiting for the disk: for files of which there are thousands, and which can be made again.
/// Where the machine itself stops, such a file may be there and be empty.
///
/// # Errors
/// If it cannot take the name; `path` is then as it was.
pub fn place_unsynced(temporary: NamedTempFile, path: &Path) -> io::Result<()> {
    temporary.persist(target(path))?;
    Ok(())
}

/// What a link points to, so that the link stays; `path` itself where it is none, or points nowhere yet.
#[must_use]
pub fn target(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.into())
}

/// A system's error without the temporary file's name, which `tempfile` adds: whoever reads it knows another name.
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
