//! `--list`: a table with a column of paths or URLs, as CSV (plain or gzip) or Parquet.

mod csv;
#[cfg(feature = "parquet")]
mod parquet;

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use pleura_files::regular;

use crate::remote::is_url;

/// A list of radiographs.
#[derive(clap::Args, Clone)]
pub struct ListArgs {
    /// Table of radiographs: CSV, plain or gzip, or Parquet. Relative paths are relative to its folder.
    #[arg(id = "list", long = "list", value_name = "TABLE", requires = "path_column", required = false)]
    pub file: PathBuf,

    /// Column of `--list` with paths or URLs.
    #[arg(long, value_name = "NAME", requires = "list", required = false)]
    pub path_column: String,

    /// Column of `--list` with the images' ids: with it, `--shard` and `--sample` read no file to choose. An image of
    /// another id is skipped.
    #[arg(long, value_name = "NAME", requires = "list")]
    pub id_column: Option<String>,
}

/// A row: a path, and the id if there is a column of ids.
type Row = (PathBuf, Option<String>);

impl ListArgs {
    /// The rows, in order.
    ///
    /// # Errors
    /// If the file cannot be read, lacks a column, has no rows, or has a row without a path or an id.
    pub fn read(&self) -> Result<Vec<Row>> {
        let path = &self.file;
        let mut start = Vec::new();
        let read = regular::open(path).and_then(|file| file.take(4).read_to_end(&mut start));
        read.with_context(|| format!("cannot read `{}`", path.display()))?;
        let columns: Vec<&str> = [self.path_column.as_str()].into_iter().chain(self.id_column.as_deref()).collect();
        let table = if start == *b"PAR1" { self.parquet(&columns)? } else { csv::read(path, &columns)? };
        let folder = path.parent().unwrap_or(Path::new(""));
        let row = |fields: Vec<String>| {
            let mut fields = fields.into_iter();
            let path = PathBuf::from(fields.next().unwrap_or_default());
            (if is_url(&path) { path } else { folder.join(path) }, fields.next())
        };
        ensure!(!table.is_empty(), "`{}` has no rows", path.display());
        Ok(table.into_iter().map(row).collect())
    }

    #[cfg(feature = "parquet")]
    fn parquet(&self, columns: &[&str]) -> Result<Vec<Vec<String>>> {
        parquet::read(&self.file, columns)
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(&self, _: &[&str]) -> Result<Vec<Vec<String>>> {
        bail!(
            "`{}`: this program was built without Parquet: build it with `cargo build --release --features parquet`, \
             or write the list as CSV",
            self.file.display()
        );
    }
}

/// The positions of columns among those that there are.
///
/// # Errors
/// If one is missing; the error names those that there are.
fn positions(path: &Path, found: &[&str], columns: &[&str]) -> Result<Vec<usize>> {
    let position = |column: &&str| {
        let at = found.iter().position(|name| name == column);
        at.with_context(|| {
            let names: Vec<_> = found.iter().map(|name| format!("`{name}`")).collect();
            format!("`{}`: expected a column `{column}`, found {}", path.display(), names.join(", "))
        })
    };
    columns.iter().map(position).collect()
}

/// A field that must not be empty.
fn field(path: &Path, row: usize, column: &str, text: &str) -> Result<String> {
    if text.trim().is_empty() {
        bail!("`{}`: row {row}: `{column}` is empty", path.display());
    }
    Ok(text.trim().to_owned())
}
