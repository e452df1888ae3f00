//! The image of each file whose name is not the image's id.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use csv::ReaderBuilder;
use pleura_files::regular;

/// The file's name; it is written only if a name differs.
pub const NAME: &str = "ids.csv";
const COLUMNS: [&str; 2] = ["file", "ImageId"];

/// `ids.csv` of a folder. A row is added just before its file is written, so that a killed run leaves no file without
/// its id.
pub struct Index {
    path: PathBuf,
    /// The file and its rows by file name, once opened.
    open: Option<(File, HashMap<String, String>)>,
    /// The number of ids added by this run, and the first of them.
    added: usize,
    first: Option<String>,
}

impl Index {
    /// The index of a folder. Nothing is read or written yet.
    pub fn beside(folder: &Path) -> Self {
        Self { path: folder.join(NAME), open: None, added: 0, first: None }
    }

    /// The ids by file name; empty without an `ids.csv`.
    ///
    /// # Errors
    /// If the file cannot be read, or is not such an index.
    pub fn read(folder: &Path) -> Result<HashMap<String, String>> {
        read(&folder.join(NAME))
    }

    /// Adds the id of a file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, file: &str, id: &str) -> Result<()> {
        self.added += 1;
        self.first.get_or_insert_with(|| id.to_owned());
        if self.open.is_none() {
            self.open = Some(open(&self.path)?);
        }
        let Some((out, known)) = &mut self.open else { return Ok(()) };
        if known.get(file).is_some_and(|known| known == id) {
            return Ok(());
        }
        let mut row = csv::Writer::from_writer(Vec::new());
        row.write_record([file, id]).context("cannot make a row")?;
        // one write per row: shards of a run may share a folder
        let row = row.into_inner().map_err(csv::IntoInnerError::into_error)?;
        out.write_all(&row).with_context(|| format!("cannot write `{}`", self.path.display()))?;
        known.insert(file.to_owned(), id.to_owned());
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of files whose names differ from their ids.
    pub fn added(&self) -> usize {
        self.added
    }

    /// The first of these ids.
    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }
}

fn open(path: &Path) -> Result<(File, HashMap<String, String>)> {
    let known = read(path)?;
    let failed = || format!("cannot write `{}`", path.display());
    let mut options = OpenOptions::new();
    let mut file = regular::open_with(options.append(true).create(true), path).with_context(failed)?;
    if file.metadata().with_context(failed)?.len() == 0 {
        file.write_all(format!("{}\n", COLUMNS.join(",")).as_bytes()).with_context(failed)?;
    }
    Ok((file, known))
}

fn read(path: &Path) -> Result<HashMap<String, String>> {
    let failed = || format!("cannot read `{}`", path.display());
    let file = match regular::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        file => file.with_context(failed)?,
    };
    if file.metadata().with_context(failed)?.len() == 0 {
        return Ok(HashMap::new());
    }
    let mut reader = ReaderBuilder::new().from_reader(file);
    let columns = reader.headers().with_context(failed)?;
    ensure!(
        *columns == COLUMNS[..],
        "expected the columns {} in `{}` (pleura's list of picture ids), found {}: move the file away",
        COLUMNS.join(","),
        path.display(),
        columns.iter().collect::<Vec<_>>().join(",")
    );
    reader.deserialize().collect::<Result<_, _>>().with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Index::read(folder.path()).unwrap().is_empty());
        let ids = ["a b", "a,\"b\"", "a\nb", "", " ä "];
        for _ in 0..2 {
            let mut index = Index::beside(folder.path());
            for (number, id) in ids.iter().enumerate() {
                index.add(&format!("{number}.png"), id).unwrap();
            }
            let read = Index::read(folder.path()).unwrap();
            assert_eq!(read.len(), ids.len());
            assert!(ids.iter().enumerate().all(|(number, id)| read[&format!("{number}.png")] == *id));
        }
        let text = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(text.matches("0.png").count(), 1, "what is known is not written again");
    }

    #[test]
    fn another_s_file_of_that_name_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "name,age\nx,1\n").unwrap();
        let error = Index::beside(folder.path()).add("a.png", "a b").unwrap_err().to_string();
        assert!(error.contains("found name,age"), "{error}");
        assert_eq!(std::fs::read_to_string(folder.path().join(NAME)).unwrap(), "name,age\nx,1\n");
    }
}
