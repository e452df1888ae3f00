//! The texts that a document is made of: its own, and those of the documents that it extends.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, Error};

use super::Document;
use super::locations::Lines;
use super::read::read;

/// The key by which a document extends another.
pub(super) const EXTENDS: &str = "extends";

/// How many documents may extend one another.
const MOST: usize = 8;

/// A position in one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The file's index; 0 is the document's own.
    pub(super) file: usize,
    /// Line, from 1.
    pub(super) line: usize,
    /// Column in characters, from 1.
    pub(super) column: usize,
}

impl Place {
    /// The beginning of the document.
    pub(super) const START: Self = Self { file: 0, line: 1, column: 1 };
}

/// The texts: the document's own, the one that it extends, and so on. Their bytes are numbered through, so that the span
/// of a key also says in which file it is.
pub(super) struct Sources {
    files: Vec<Source>,
}

struct Source {
    path: PathBuf,
    /// The folder, relative to the document's own.
    folder: PathBuf,
    /// The text, after as many blanks as the previous texts have bytes.
    padded: String,
    start: usize,
}

/// A document that cannot be read: where it is extended, and why.
pub(super) struct Unread {
    pub(super) at: usize,
    pub(super) message: String,
}

impl Sources {
    /// Reads what a document extends.
    pub(super) fn load<D: Document>(text: &str, path: &Path) -> (Self, Option<Unread>) {
        let own = Source { path: path.into(), folder: PathBuf::new(), padded: text.to_owned(), start: 0 };
        let mut sources = Self { files: vec![own] };
        while let Some((base, at)) = sources.extended().filter(|_| D::EXTENDS) {
            if let Err(message) = sources.add(&base) {
                return (sources, Some(Unread { at, message }));
            }
        }
        (sources, None)
    }

    /// What the last file extends, and where it says so.
    fn extended(&self) -> Option<(PathBuf, usize)> {
        let root = DeTable::parse_recoverable(&self.files.last()?.padded).0;
        let (key, value) = root.get_ref().get_key_value(EXTENDS)?;
        Some((PathBuf::from(value.get_ref().as_str()?), key.span().start))
    }

    fn add(&mut self, base: &Path) -> Result<(), String> {
        let last = self.files.last().expect("the document's own is there");
        let folder = last.folder.join(base.parent().unwrap_or(Path::new("")));
        let name = base.file_name().ok_or("expected the path of a file")?;
        let path = self.files[0].path.parent().unwrap_or(Path::new("")).join(&folder).join(name);
        if self.files.len() == MOST {
            return Err(format!("expected at most {MOST} files that extend one another; does one extend itself?"));
        }
        let text = read(&path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        let start = last.padded.len() + 1;
        self.files.push(Source { path, folder, padded: format!("{:start$}{text}", ""), start });
        Ok(())
    }

    /// Whether the document extends another.
    pub(super) fn extend(&self) -> bool {
        self.files.len() > 1
    }

    /// The files, the document's own first.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// The tables of each file with its folder, relative to the document's own, and the faults of its TOML.
    pub(super) fn trees(&self) -> impl Iterator<Item = (DeTable<'_>, &Path, Vec<Error>)> {
        self.files.iter().map(|file| {
            let (root, broken): (Spanned<DeTable<'_>>, _) = DeTable::parse_recoverable(&file.padded);
            (root.into_inner(), file.folder.as_path(), broken)
        })
    }

    pub(super) fn places(&self) -> Places<'_> {
        let files = self.files.iter().map(|file| (file.start, Lines::new(&file.padded[file.start..])));
        Places { files: files.collect() }
    }
}

/// Converts bytes to positions.
pub(super) struct Places<'t> {
    files: Vec<(usize, Lines<'t>)>,
}

impl Places<'_> {
    /// The position of a byte.
    pub(super) fn place(&self, offset: usize) -> Place {
        let file = self.files.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        let Some((start, lines)) = self.files.get(file) else { return Place::START };
        let (line, column) = lines.place(offset - start);
        Place { file, line, column }
    }

    /// The text of a position's line.
    pub(super) fn line(&self, place: Place) -> &str {
        self.files[place.file].1.line(place.line)
    }
}

#[cfg(test)]
pub(super) fn places_of(text: &str) -> Places<'_> {
    Places { files: vec![(0, Lines::new(text))] }
}
