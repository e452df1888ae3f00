//! Opens regular files only: opening a pipe may block for ever, reading a device may never end.
//!
//! This applies to paths given by the user, too. Most files are read more than once (for a checksum, by a later stage,
//! to resume), which a pipe such as the shell's `<(…)` does not allow: the second time, it would be empty.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Opens a regular file to read it.
///
/// # Errors
/// If it cannot be opened, or is a folder, a pipe, a device or a socket, which the error names.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), path)
}

/// As [`open`], with other options. A file that these create is a regular one.
///
/// # Errors
/// As [`open`].
pub fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // opening a device may have effects, such as rewinding a tape
    match path.metadata() {
        Ok(found) => ensure_regular(&found)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // it may have become a pipe since; do not wait for its other end
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    ensure_regular(&file.metadata()?)?;
    Ok(file)
}

/// The bytes of a regular file.
///
/// # Errors
/// As [`open`], and if it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a regular file.
///
/// # Errors
/// As [`open`], and if it cannot be read or is not UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    io::read_to_string(open(path)?)
}

/// Refuses anything but a regular file.
///
/// # Errors
/// If it is something else, which the error names.
pub fn ensure_regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let why = format!("expected a regular file, found {}", kind(found));
    Err(io::Error::new(ErrorKind::InvalidInput, why))
}

fn kind(found: &Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;

        let kind = found.file_type();
        if kind.is_fifo() {
            return "a pipe (FIFO): write its content to a file and name that";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    if found.is_dir() { "a folder" } else { "something else" }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Opened in the usual way, the pipe would block this test.
    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let [fifo, socket, good] = ["fifo", "socket", "good"].map(|name| folder.path().join(name));
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::fs::write(&good, "text").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&fifo, &link).unwrap();
        let cases = [
            (&*fifo, "pipe"),
            (&link, "pipe"),
            (&socket, "socket"),
            (folder.path(), "folder"),
            (Path::new("/dev/zero"), "device"),
        ];
        for (path, kind) in cases {
            let error = open(path).unwrap_err().to_string();
            assert!(error.starts_with("expected a regular file, found a ") && error.contains(kind), "{error}");
            assert!(open_with(OpenOptions::new().read(true).append(true).create(true), path).is_err());
        }
        assert_eq!(read_to_string(&good).unwrap(), "text");
        assert_eq!(read(&good).unwrap(), b"text");
        assert_eq!(open(&folder.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
