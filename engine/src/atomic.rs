//! Files that are written whole or not at all.

use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// A temporary file in the folder of `path`, to be written and then [put in its place](place).
///
/// # Errors
/// Where the folder cannot be written.
pub fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".pleura-").suffix(".part");
    // Others may read it as the umask says; left to itself, `tempfile` makes it the owner's alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder(path))
}

/// Gives a temporary file its name: whoever reads `path` finds the old file or the whole new one.
///
/// # Errors
/// Where it cannot reach the disk, or cannot take the name; `path` is then as it was.
pub fn place(temporary: NamedTempFile, path: &Path) -> io::Result<()> {
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    // The name must reach the disk too; not every file system can be asked for that.
    let _ = File::open(folder(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
