//! Expands the user's inputs to a list of files: files, folders, globs, and `-` for a list on standard input.

mod content;

use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::error::RadiographError;
use content::Content;

/// Extensions of images.
const EXTENSIONS: [&str; 5] = ["dcm", "dicom", "png", "jpg", "jpeg"];

/// The files that the inputs name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Found {
    /// The images, in the order of the inputs, each file once.
    pub images: Vec<PathBuf>,
    /// Files of folders and globs that look like images but are not, in the order found.
    pub left_out: Vec<LeftOut>,
}

/// A file of a folder that is not an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The file.
    pub path: PathBuf,
    /// The reason: `a Basic Text SR, which has no pixels`.
    pub reason: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "`{}`: {}", self.path.display(), self.reason)
    }
}

/// The images that the inputs name; see [`search`].
///
/// # Errors
/// As [`search`].
pub fn find<P: AsRef<Path>>(inputs: &[P]) -> Result<Vec<PathBuf>, RadiographError> {
    find_with(inputs, io::stdin().lock())
}

/// As [`find`], with `-` reading the list from `list`.
///
/// # Errors
/// As [`search`].
pub fn find_with<P: AsRef<Path>>(inputs: &[P], list: impl BufRead) -> Result<Vec<PathBuf>, RadiographError> {
    search_with(inputs, list).map(|found| found.images)
}

/// Finds the files that the inputs name.
///
/// - A file is taken unseen; opening it reports whether it is an image.
/// - A folder gives the images in it and in its folders, sorted by name. Names that start with a dot are skipped. PNG
///   and JPEG files are recognised by their names (`.png`, `.jpg`, `.jpeg`), all others by their first bytes, whatever
///   their names. DICOM objects without pixels (reports, directories, presentation states) are left out, as is a file
///   with an image's name or without an extension that is not an image. A file called `.dcm` or `.dicom` that is not
///   DICOM is not left out: opening it reports the fault.
/// - A glob (`*`, `?`, `[…]`, `**`) that is not also a path gives the matching images and folders, sorted.
/// - `-` reads files and folders from standard input, one per line.
///
/// # Errors
/// If a path does not exist or cannot be read, or an input names no image.
pub fn search<P: AsRef<Path>>(inputs: &[P]) -> Result<Found, RadiographError> {
    search_with(inputs, io::stdin().lock())
}

/// As [`search`], with `-` reading the list from `list`.
///
/// # Errors
/// As [`search`].
pub fn search_with<P: AsRef<Path>>(inputs: &[P], mut list: impl BufRead) -> Result<Found, RadiographError> {
    let mut search = Search::default();
    for input in inputs {
        let input = input.as_ref();
        if input == Path::new("-") {
            search.listed(&mut list)?;
        } else if !search.path(input)? {
            search.glob(input)?;
        }
    }
    Ok(search.found)
}

#[derive(Default)]
struct Search {
    found: Found,
    /// Canonical paths, so that a file named twice is found once.
    seen: HashSet<PathBuf>,
}

impl Search {
    /// Whether a file has not been seen before.
    fn is_new(&mut self, file: &Path) -> bool {
        self.seen.insert(file.canonicalize().unwrap_or_else(|_| file.to_owned()))
    }

    /// Adds a file that is named explicitly.
    fn add(&mut self, file: PathBuf) {
        if self.is_new(&file) {
            self.found.images.push(file);
        }
    }

    /// Adds a file of a folder or a glob if it is an image; returns whether it is.
    fn candidate(&mut self, file: PathBuf) -> bool {
        match content::look(&file) {
            Content::Image => {
                self.add(file);
                return true;
            }
            Content::LeftOut(reason) if self.is_new(&file) => self.found.left_out.push(LeftOut { path: file, reason }),
            Content::LeftOut(_) | Content::Other => {}
        }
        false
    }

    /// Adds a file or a folder; returns false if neither exists.
    fn path(&mut self, path: &Path) -> Result<bool, RadiographError> {
        if path.is_dir() {
            let before = self.found.left_out.len();
            if !self.folder(path)? {
                return Err(self.nothing(format!("folder `{}`", path.display()), before));
            }
        } else if path.exists() {
            self.add(path.into());
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// The error for an input without an image; `before` is the number of files left out before it.
    fn nothing(&self, input: String, before: usize) -> RadiographError {
        RadiographError::Nothing { input, left_out: self.found.left_out[before..].to_vec() }
    }

    /// Adds a folder's images; returns whether it has any.
    fn folder(&mut self, folder: &Path) -> Result<bool, RadiographError> {
        let mut any = false;
        let visible = |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
        for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible) {
            match entry {
                Ok(entry) if entry.file_type().is_file() => any |= self.candidate(entry.into_path()),
                Ok(_) => {}
                // a link to a folder that is already being walked, to nothing, or to itself
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
        let (mut any, before) = (false, self.found.left_out.len());
        for path in matches {
            let path = path.map_err(|error| {
                let path = error.path().to_path_buf();
                RadiographError::Read { path, source: error.into() }
            })?;
            any |= if path.is_dir() { self.folder(&path)? } else { self.candidate(path) };
        }
        if any { Ok(()) } else { Err(self.nothing(format!("`{text}`"), before)) }
    }

    /// Adds the paths of a list, one per line; blank lines are skipped.
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
        if any { Ok(()) } else { Err(self.nothing("the list on standard input".into(), self.found.left_out.len())) }
    }
}

fn dangling(error: &walkdir::Error) -> bool {
    let io = error.io_error();
    io.is_some_and(|error| error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ELOOP))
}

/// The longest line of a list, in bytes: longer than any path.
const MAX_LINE: u64 = 1 << 16;

/// The next line of a list, with its line ending.
fn next_line(list: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    list.take(MAX_LINE + 1).read_line(&mut line)?;
    if line.len() as u64 > MAX_LINE {
        let why = format!("a line of more than {MAX_LINE} bytes is not a file name");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(Some(line).filter(|line| !line.is_empty()))
}

/// Whether a file's name alone makes it an image of its folder: `.dcm`, `.dicom`, `.png`, `.jpg` or `.jpeg`.
#[must_use]
pub fn is_image_name(path: &Path) -> bool {
    EXTENSIONS.contains(&extension(path).as_str())
}

/// Whether a file of this name may be an image, as far as the name says: one of [`is_image_name`], one without an
/// extension or with the last number of a UID as one, or one of `.ima`, `.img`, `.dc3`, `.dic` and `.acr`. Names that
/// start with a dot are not, nor is `DICOMDIR`. For collections whose files cannot be looked into one by one.
#[must_use]
pub fn may_be_image_name(path: &Path) -> bool {
    let is_other = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b".") || name == "DICOMDIR");
    !is_other && (is_image_name(path) || content::is_likely_dicom(&extension(path)))
}

/// A name's extension in lower case; empty if there is none.
fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
