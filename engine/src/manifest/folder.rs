//! The folder of a manifest, which its files must not leave.
//!
//! A manifest often comes from others. Only the user may allow that it names any file of the machine, and so has a
//! library or a model loaded from there.

use std::io;
use std::path::{Component, Path, PathBuf};

/// A manifest's folder, and whether files outside of it may be named.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    allow_outside: bool,
}

/// Why a manifest may not name a path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The path leads out of the manifest's folder: by `..`, as an absolute path, or through a symbolic link.
    #[error(
        "`{file}` lies outside the manifest's folder (it is `{real}`): move it there, or allow it with --allow-outside",
        file = file.display(), real = real.display()
    )]
    Outside {
        /// The path as named.
        file: PathBuf,
        /// Its real location.
        real: PathBuf,
    },
    /// Its real location cannot be determined.
    #[error("cannot resolve `{file}`", file = file.display())]
    Unknown {
        /// The path as named.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Folder {
    /// The folder of the manifest at `manifest`.
    #[must_use]
    pub fn containing(manifest: &Path, allow_outside: bool) -> Self {
        Self { path: manifest.parent().unwrap_or(Path::new("")).to_owned(), allow_outside }
    }

    /// The folder, as in the manifest's own path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The location of a file that the manifest names, relative to its folder. It need not exist.
    ///
    /// # Errors
    /// If it is outside, unless that is allowed.
    pub fn resolve(&self, file: &Path) -> Result<PathBuf, FolderError> {
        let path = self.path.join(file);
        if self.allow_outside {
            return Ok(path);
        }
        let unknown = |source| FolderError::Unknown { file: file.to_owned(), source };
        // A manifest named without a folder has an empty parent path.
        let home = real(&Path::new(".").join(&self.path)).map_err(unknown)?;
        let real = real(&Path::new(".").join(&path)).map_err(unknown)?;
        if real.starts_with(&home) { Ok(path) } else { Err(FolderError::Outside { file: file.to_owned(), real }) }
    }
}

/// The path without links and `..`, as far as it exists; the rest is appended as written.
fn real(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        result => return result,
    }
    let Some(parent) = path.parent() else { return Err(io::ErrorKind::NotFound.into()) };
    let mut real = real(parent)?;
    match path.components().next_back() {
        Some(Component::Normal(name)) => real.push(name),
        Some(Component::ParentDir) => drop(real.pop()),
        _ => {}
    }
    Ok(real)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("home/models")).unwrap();
        fs::create_dir_all(root.path().join("home-too")).unwrap();
        fs::write(root.path().join("home/models/a.onnx"), "").unwrap();
        fs::write(root.path().join("home-too/b.onnx"), "").unwrap();
        let folder = Folder::containing(&root.path().join("home/ensemble.toml"), false);
        (root, folder)
    }

    #[test]
    fn what_lies_in_the_folder_is_found_there() {
        let (root, folder) = folder();
        for inside in
            ["models/a.onnx", "./models/../models/a.onnx", "none.onnx", "none/../x.onnx", "../home/models/a.onnx"]
        {
            assert_eq!(folder.resolve(inside.as_ref()).unwrap(), root.path().join("home").join(inside));
        }
        let whole = root.path().join("home/models/a.onnx");
        assert_eq!(folder.resolve(&whole).unwrap(), whole);
    }

    #[test]
    fn what_lies_outside_is_refused_unless_allowed() {
        let (root, folder) = folder();
        let allowed = Folder::containing(&root.path().join("home/ensemble.toml"), true);
        let whole = root.path().join("home-too/b.onnx");
        for outside in
            ["../home-too/b.onnx", "models/../../home-too/b.onnx", "../none", "none/../../x", whole.to_str().unwrap()]
        {
            let error = folder.resolve(outside.as_ref()).unwrap_err().to_string();
            assert!(error.contains(outside) && error.contains("--allow-outside"), "{error}");
            assert_eq!(allowed.resolve(outside.as_ref()).unwrap(), root.path().join("home").join(outside));
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed() {
        use std::os::unix::fs::symlink;
        let (root, folder) = folder();
        let home = root.path().join("home");
        symlink("models/a.onnx", home.join("within.onnx")).unwrap();
        symlink("../home-too/b.onnx", home.join("out.onnx")).unwrap();
        symlink("../home-too", home.join("out")).unwrap();
        symlink("circle", home.join("circle")).unwrap();
        symlink("home", root.path().join("alias")).unwrap();
        assert!(folder.resolve("within.onnx".as_ref()).is_ok());
        for outside in ["out.onnx", "out/b.onnx", "out/none.onnx"] {
            assert!(matches!(folder.resolve(outside.as_ref()), Err(FolderError::Outside { .. })), "{outside}");
        }
        assert!(matches!(folder.resolve("circle".as_ref()), Err(FolderError::Unknown { .. })));
        // The manifest's own path may have links in it.
        let alias = Folder::containing(&root.path().join("alias/ensemble.toml"), false);
        assert!(alias.resolve("models/a.onnx".as_ref()).is_ok());
        assert!(alias.resolve(&home.join("models/a.onnx")).is_ok());
    }

    proptest! {
        /// Whatever a path is made of, an accepted one is in the folder.
        #[test]
        fn no_way_leads_out(parts in proptest::collection::vec(prop_oneof![
            Just(".."), Just("."), Just("models"), Just("none"), Just("home"), Just("home-too"), Just("b.onnx"),
        ], 1..8)) {
            let (root, folder) = folder();
            let home = root.path().join("home").canonicalize().unwrap();
            let file: PathBuf = parts.iter().collect();
            if let Ok(path) = folder.resolve(&file) {
                prop_assert!(real(&path).unwrap().starts_with(&home), "{}", file.display());
                // Reading the path literally agrees, as there are no links.
                let mut depth = 0_i32;
                let mut names = vec!["home"];
                for part in &parts {
                    match *part { ".." => drop(names.pop()), "." => {}, name => names.push(name) }
                    depth = depth.max(names.len() as i32);
                }
                prop_assert_eq!(names.first(), Some(&"home"));
            }
        }
    }
}
