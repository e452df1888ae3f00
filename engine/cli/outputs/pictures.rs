//! A folder of PNG files, one per image.

use std::collections::HashMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow};
use pleura::file_name;
use pleura_files::atomic::{self, Parts};

use super::Index;
use crate::paths::ignores_case;
use crate::term;

/// A folder of PNG files [named](file_name::of_id) after images.
pub struct Pngs {
    folder: PathBuf,
    parts: Parts,
    index: Index,
    /// The image of each name, in lower case if the file system ignores case.
    names: HashMap<String, String>,
    ignores_case: bool,
}

/// The result of writing an image's file.
pub enum Put {
    Done,
    /// Only this file could not be written; others can.
    Not(Error),
}

impl Pngs {
    /// Creates the folder if it is missing.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make folder `{}`", folder.display()))?;
        Ok(Self {
            folder: folder.into(),
            parts: Parts::default(),
            index: Index::beside(folder),
            names: HashMap::new(),
            ignores_case: ignores_case(folder),
        })
    }

    /// Uses temporary files that are distinguishable from those of other runs.
    pub fn with_parts(self, parts: Parts) -> Self {
        Self { parts, ..self }
    }

    /// Writes an image's file, without syncing it to disk, which would take far longer than the run.
    ///
    /// # Errors
    /// If the disk fails or is full.
    pub fn put(&mut self, id: &str, png: &[u8]) -> Result<Put> {
        if let Some(other) = self.taken(id) {
            return Ok(Put::Not(anyhow!(
                "its file name equals that of `{}` on this file system, which ignores case",
                short(other)
            )));
        }
        let path = self.path(id);
        let name = file_name::of_id(id);
        if name != id {
            self.index.add(&format!("{name}.png"), id)?;
        }
        let written = self.write(&path, png);
        let failed = || format!("cannot write `{}`", path.display());
        match written {
            Ok(()) => {
                self.keep(id);
                Ok(Put::Done)
            }
            Err(error) if is_of_this_file(&error) => Ok(Put::Not(Error::new(error).context(failed()))),
            Err(error) => Err(error).with_context(failed),
        }
    }

    fn write(&self, path: &Path, png: &[u8]) -> io::Result<()> {
        let mut file = self.parts.beside(path)?;
        file.write_all(png)?;
        atomic::place_unsynced(file, path)
    }

    /// Keeps an image's existing file.
    pub fn keep(&mut self, id: &str) {
        self.names.insert(self.key(id), id.to_owned());
    }

    /// The path of an image's file.
    pub fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{}.png", file_name::of_id(id)))
    }

    /// Prints once that names differ from ids, and where the ids are.
    pub fn tell_renamed(&self) {
        if self.index.added() > 0 {
            term::warning(format_args!(
                "{} images have ids that are not valid file names, such as `{}`: `{}` maps files to ids",
                self.index.added(),
                short(self.index.first().unwrap_or_default()),
                self.index.path().display()
            ));
        }
    }

    /// Another image that already has this one's name.
    fn taken(&self, id: &str) -> Option<&String> {
        self.names.get(&self.key(id)).filter(|other| *other != id)
    }

    fn key(&self, id: &str) -> String {
        let name = file_name::of_id(id);
        if self.ignores_case { name.to_lowercase() } else { name }
    }
}

/// The beginning of an id, for messages: ids may have thousands of characters.
pub fn short(id: &str) -> String {
    const SHOWN: usize = 64;
    match id.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &id[..end]),
        None => id.to_owned(),
    }
}

/// Whether an error concerns one file and not the disk: a folder of its name, a name that the file system refuses.
fn is_of_this_file(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename
            | ErrorKind::IsADirectory
            | ErrorKind::AlreadyExists
            | ErrorKind::DirectoryNotEmpty
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(pngs: &mut Pngs, id: &str) -> Option<String> {
        match pngs.put(id, id.as_bytes()).unwrap() {
            Put::Done => None,
            Put::Not(error) => Some(format!("{error:#}")),
        }
    }

    #[test]
    fn one_image_s_file_does_not_end_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let mut pngs = Pngs::create(folder.path()).unwrap();
        fs::create_dir(folder.path().join("blocked.png")).unwrap();
        let long = "x".repeat(5000);
        let ids = ["a b", "a_b", "a+b", "..", "", &long, "1.2.3"];
        for id in ids {
            assert_eq!(put(&mut pngs, id), None, "{id}");
        }
        assert!(put(&mut pngs, "blocked").unwrap().contains("blocked.png"));
        let index = Index::read(folder.path()).unwrap();
        assert_eq!(index.len(), 5, "`a_b` and `1.2.3` are their own names");
        for id in ids {
            let path = pngs.path(id);
            assert_eq!(fs::read_to_string(&path).unwrap(), id);
            let name = path.file_name().unwrap().to_str().unwrap();
            let found = index.get(name).map_or_else(|| name.strip_suffix(".png").unwrap(), String::as_str);
            assert_eq!(found, id);
        }
    }

    #[test]
    fn names_that_differ_in_case_are_one_where_the_file_system_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let mut pngs = Pngs { ignores_case: true, ..Pngs::create(folder.path()).unwrap() };
        assert_eq!(put(&mut pngs, "A"), None);
        assert!(put(&mut pngs, "a").unwrap().contains("`A`"));
        assert_eq!(put(&mut pngs, "A"), None, "the same image once more");
        let mut pngs = Pngs { ignores_case: false, ..Pngs::create(folder.path()).unwrap() };
        assert_eq!((put(&mut pngs, "A"), put(&mut pngs, "a")), (None, None));
    }
}
