//! Files that are opened only if they are regular ones: opening a pipe may wait for ever, reading a device may never end.
//!
//! That holds for what a user names as well. Most files are read more than once (for a checksum, by a later stage, to
//! resume), which a pipe such as the shell's `<(…)` does not allow: it would be read as empty the second time.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Opens a regular file to read it.
///
/// # Errors
/// If it cannot be opened, or is a folder, a pipe, a device or a socket, which the error says.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), path)
}

/// As [`open`], with other options. A file that these make is a regular one.
///
/// # Errors
/// As [`open`].
pub fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // opening a device may do something, such as rewind a tape
    match path.metadata() {
        Ok(found) => ensure_regular(&found)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // it may have become a pipe since, for whose other end this does not wait
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

/// Refuses what is no regular file.
///
/// # Errors
/// If it is something else, which the error says.
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

    /// Opened in the usual way, the pipe would hang this test.
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
