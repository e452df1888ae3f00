//! From what the user names to a list of files: files, folders, globs, and `-` for a list on standard input.

use std::collections::HashSet;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::dataset;
use super::error::RadiographError;
use crate::regular;

/// Names that end so are taken for images.
const EXTENSIONS: [&str; 5] = ["dcm", "dicom", "png", "jpg", "jpeg"];

/// The files that the inputs name, in the order of the inputs, each file once.
///
/// - A file is taken as it is; opening it will tell whether it is an image.
/// - A folder gives the images in it and in its folders, sorted by name. Images are told by extension (`.dcm`,
///   `.dicom`, `.png`, `.jpg`, `.jpeg`) or, where a name has none or ends in digits as a UID does, by DICOM's mark.
///   What begins with a dot is skipped.
/// - A glob (`*`, `?`, `[…]`, `**`) that is not also a path gives the images and folders that match, sorted.
/// - `-` reads files and folders from standard input, one a line.
///
/// # Errors
/// Where a path does not exist or cannot be read, or an input names no image.
pub fn find<P: AsRef<Path>>(inputs: &[P]) -> Result<Vec<PathBuf>, RadiographError> {
    find_with(inputs, io::stdin().lock())
}

/// As [`find`], with `-` reading the list from `list`.
///
/// # Errors
/// As [`find`].
pub fn find_with<P: AsRef<Path>>(inputs: &[P], mut list: impl BufRead) -> Result<Vec<PathBuf>, RadiographError> {
    let mut found = Found::default();
    for input in inputs {
        let input = input.as_ref();
        if input == Path::new("-") {
            found.listed(&mut list)?;
        } else if !found.path(input)? {
            found.glob(input)?;
        }
    }
    Ok(found.files)
}

#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    /// Where they really are, so that a file named twice is found once.
    seen: HashSet<PathBuf>,
}

impl Found {
    fn add(&mut self, file: PathBuf) {
        let real = file.canonicalize().unwrap_or_else(|_| file.clone());
        if self.seen.insert(real) {
            self.files.push(file);
        }
    }

    /// Adds a file or a folder. False where there is neither.
    fn path(&mut self, path: &Path) -> Result<bool, RadiographError> {
        if path.is_dir() {
            if !self.folder(path)? {
                return Err(RadiographError::Nothing { input: format!("folder `{}`", path.display()) });
            }
        } else if path.exists() {
            self.add(path.into());
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Adds a folder's images. False where it has none.
    fn folder(&mut self, folder: &Path) -> Result<bool, RadiographError> {
        let mut any = false;
        let visible = |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
        for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible) {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_image(entry.path()) => {
                    any = true;
                    self.add(entry.into_path());
                }
                Ok(_) => {}
                // a link to a folder that is being walked already, to nothing, or to itself
                Err(error) if error.loop_ancestor().is_some() || dangling(&error) => {
                    tracing::warn!("skipped a link: {error}");
                }
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_path_buf();
                    return Err(RadiographError::Read { path, source: error.into() });
                }
            }
        }
        Ok(any)
    }

    fn glob(&mut self, pattern: &Path) -> Result<(), RadiographError> {
        let text = pattern.to_string_lossy();
        if !text.contains(['*', '?', '[']) {
            return Err(RadiographError::Missing { path: pattern.into() });
        }
        let matches = glob::glob(&text)
            .map_err(|error| RadiographError::Pattern { pattern: text.to_string(), reason: error.to_string() })?;
        let mut any = false;
        for path in matches {
            let path = path.map_err(|error| {
                let path = error.path().to_path_buf();
                RadiographError::Read { path, source: error.into() }
            })?;
            if path.is_dir() {
                any |= self.folder(&path)?;
            } else if is_image(&path) {
                any = true;
                self.add(path);
            }
        }
        if any { Ok(()) } else { Err(RadiographError::Nothing { input: format!("`{text}`") }) }
    }

    /// Adds what a list names, one path a line; blank lines are skipped.
    fn listed(&mut self, list: &mut impl BufRead) -> Result<(), RadiographError> {
        let mut any = false;
        while let Some(line) =
            next_line(list).map_err(|source| RadiographError::Read { path: "standard input".into(), source })?
        {
            let line = line.trim_end_matches(['\n', '\r']);
            if line.trim().is_empty() {
                continue;
            }
            any = true;
            if !self.path(Path::new(line))? {
                return Err(RadiographError::Missing { path: line.into() });
            }
        }
        if any { Ok(()) } else { Err(RadiographError::Nothing { input: "the list on standard input".into() }) }
    }
}

fn dangling(error: &walkdir::Error) -> bool {
    let io = error.io_error();
    io.is_some_and(|error| error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ELOOP))
}

/// The longest line of a list, in bytes: longer than any path.
const MAX_LINE: u64 = 1 << 16;

/// The next line of a list, with its end.
fn next_line(list: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    list.take(MAX_LINE + 1).read_line(&mut line)?;
    if line.len() as u64 > MAX_LINE {
        let why = format!("a line of more than {MAX_LINE} bytes names no file");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(Some(line).filter(|line| !line.is_empty()))
}

/// Whether a file's name alone makes it an image of its folder: `.dcm`, `.dicom`, `.png`, `.jpg` or `.jpeg`.
#[must_use]
pub fn is_image_name(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    EXTENSIONS.contains(&extension.as_str())
}

/// Whether a file is taken for an image by its name, or where that says nothing, by DICOM's mark.
fn is_image(path: &Path) -> bool {
    let Some(extension) = path.extension() else { return has_magic(path) };
    is_image_name(path) || extension.as_encoded_bytes().iter().all(u8::is_ascii_digit) && has_magic(path)
}

fn has_magic(path: &Path) -> bool {
    let mut start = Vec::new();
    regular::open(path).and_then(|file| file.take(132).read_to_end(&mut start)).is_ok() && dataset::has_magic(&start)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path, files: &[PathBuf]) -> Vec<String> {
        files.iter().map(|file| file.strip_prefix(folder).unwrap().to_string_lossy().into_owned()).collect()
    }

    fn dicom() -> Vec<u8> {
        [&[0; 128][..], b"DICM"].concat()
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("b/c")).unwrap();
        fs::create_dir_all(at(".hidden")).unwrap();
        for name in ["z.DCM", "b/y.png", "b/c/x.jpeg", ".hidden/w.dcm", "b/.v.dcm", "notes.txt", "labels.csv", "bare"] {
            fs::write(at(name), "text").unwrap();
        }
        fs::write(at("b/IMG0001"), dicom()).unwrap();
        fs::write(at("b/1.2.840.10008"), dicom()).unwrap();
        fs::write(at("b/1.2.840.10009"), "text").unwrap();
        folder
    }

    #[test]
    fn folders_give_their_images_sorted() {
        let folder = folder();
        let found = find_with(&[folder.path()], io::empty()).unwrap();
        assert_eq!(names(folder.path(), &found), ["b/1.2.840.10008", "b/IMG0001", "b/c/x.jpeg", "b/y.png", "z.DCM"]);
    }

    #[test]
    fn globs_lists_and_files_each_file_once() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        let list = format!("{}\r\n\n{}\n", at("labels.csv").display(), at("b/c").display());
        let inputs = [at("z.DCM"), at("**/*.png"), PathBuf::from("-"), at("b/../z.DCM")];
        let found = find_with(&inputs, list.as_bytes()).unwrap();
        assert_eq!(names(folder.path(), &found), ["z.DCM", "b/y.png", "labels.csv", "b/c/x.jpeg"]);
    }

    #[test]
    fn what_names_no_image_is_an_error() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        fs::create_dir(folder.path().join("empty")).unwrap();
        let message = |input: String, list: &str| find_with(&[input], list.as_bytes()).unwrap_err().to_string();
        assert_eq!(message(at("none"), ""), format!("no file or folder `{}`", at("none")));
        assert!(message(at("*.tif"), "").ends_with("*.tif` holds no DICOM, PNG or JPEG file"));
        assert!(message(at("empty"), "").ends_with("empty` holds no DICOM, PNG or JPEG file"));
        assert!(message(at("***"), "").contains("is not a glob"));
        assert_eq!(message("-".into(), "\n"), "the list on standard input holds no DICOM, PNG or JPEG file");
        let endless = "x".repeat(1 << 17);
        assert_eq!(message("-".into(), &endless), "cannot read `standard input`");
        assert_eq!(message("-".into(), "gone.dcm\n"), "no file or folder `gone.dcm`");
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_end() {
        let folder = folder();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("b/up")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("b/dangling.dcm")).unwrap();
        std::os::unix::fs::symlink("itself.dcm", folder.path().join("b/itself.dcm")).unwrap();
        assert_eq!(find_with(&[folder.path()], io::empty()).unwrap().len(), 5);
    }
}
