//! The identity of a file, however its path is spelled.

use std::io;
use std::path::{Component, Path, PathBuf};

/// A file, or the place of one that does not exist yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The device and inode of an existing file. All its hard links have the same.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The folder and name of a file, without links and `..`.
    Place(PathBuf),
}

impl Identity {
    /// The identity of an existing file or folder; links are followed.
    pub fn existing(path: &Path) -> Option<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;

            let found = path.metadata().ok()?;
            Some(Self::Inode(found.dev(), found.ino()))
        }
        #[cfg(not(unix))]
        {
            path.canonicalize().ok().map(Self::Place)
        }
    }

    /// The identity of a file that may not exist yet.
    pub fn new(path: &Path) -> Self {
        Self::existing(path).unwrap_or_else(|| Self::Place(real(path)))
    }

    /// Whether two paths name the same file. Names that differ only in case do if the file system ignores case.
    pub fn is_same(&self, other: &Self) -> bool {
        self == other || self.is_same_but_for_case(other, ignores_case)
    }

    fn is_same_but_for_case(&self, other: &Self, ignores_case: impl Fn(&Path) -> bool) -> bool {
        match (self, other) {
            (Self::Place(left), Self::Place(right)) => {
                folded(left) == folded(right) && left.parent().is_some_and(ignores_case)
            }
            #[cfg(unix)]
            _ => false,
        }
    }
}

fn folded(path: &Path) -> String {
    path.to_string_lossy().to_lowercase()
}

/// Whether the file system of a folder ignores the case of names. Tested with a temporary file, as one system may have
/// file systems and even folders of both kinds.
pub fn ignores_case(folder: &Path) -> bool {
    let Some(folder) = folder.ancestors().find(|folder| folder.is_dir()) else { return false };
    let Ok(probe) = tempfile::Builder::new().prefix(".pleura-case-").tempfile_in(folder) else { return false };
    let name = probe.path().file_name().unwrap_or_default().to_string_lossy().to_uppercase();
    folder.join(name).exists()
}

/// A path without links and `..`; the part that does not exist is kept as written.
pub fn real(path: &Path) -> PathBuf {
    let path = if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) };
    match path.canonicalize() {
        Ok(real) => return real,
        // a dangling link is replaced, not followed
        Err(error) if error.kind() != io::ErrorKind::NotFound => return path,
        Err(_) => {}
    }
    let Some(parent) = path.parent() else { return path };
    let mut real = real(parent);
    match path.components().next_back() {
        Some(Component::Normal(name)) => real.push(name),
        Some(Component::ParentDir) => drop(real.pop()),
        _ => {}
    }
    real
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_place_is_one_however_it_is_spelled() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| Identity::new(&folder.path().join(name));
        fs::create_dir(folder.path().join("sub")).unwrap();
        for other in ["./a.csv", "sub/../a.csv", "none/../a.csv", ".//a.csv"] {
            assert_eq!(at("a.csv"), at(other), "{other}");
        }
        assert_ne!(at("a.csv"), at("b.csv"));
        assert_ne!(at("a.csv"), at("sub/a.csv"));
        assert_eq!(at("new/folder/a.csv"), at("new/./folder/a.csv"));
        fs::write(folder.path().join("a.csv"), "").unwrap();
        for other in ["./a.csv", "sub/../a.csv"] {
            assert_eq!(at("a.csv"), at(other), "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_what_they_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("sub")).unwrap();
        fs::write(path("a.csv"), "").unwrap();
        std::os::unix::fs::symlink("a.csv", path("soft.csv")).unwrap();
        std::os::unix::fs::symlink("sub", path("way")).unwrap();
        fs::hard_link(path("a.csv"), path("hard.csv")).unwrap();
        for other in ["soft.csv", "hard.csv"] {
            assert!(Identity::new(&path("a.csv")).is_same(&Identity::new(&path(other))), "{other}");
        }
        assert!(Identity::new(&path("way/new.csv")).is_same(&Identity::new(&path("sub/new.csv"))));
    }

    #[test]
    fn case_counts_where_the_file_system_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let [lower, upper, other] =
            ["new.csv", "NEW.CSV", "newer.csv"].map(|name| Identity::new(&folder.path().join(name)));
        assert!(lower.is_same_but_for_case(&upper, |_| true));
        assert!(!lower.is_same_but_for_case(&upper, |_| false));
        assert!(!lower.is_same_but_for_case(&other, |_| true));
        // the probe agrees with the file system's behaviour
        fs::write(folder.path().join("probe.csv"), "").unwrap();
        assert_eq!(ignores_case(folder.path()), folder.path().join("PROBE.csv").exists());
        assert_eq!(lower.is_same(&upper), folder.path().join("PROBE.csv").exists());
    }
}
