//! CSVs with one value per image.

use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, Trim};
use indexmap::IndexMap;

const ID: &str = "ImageId";

/// Why a CSV does not provide it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file cannot be read, or is not a CSV.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reader's reason.
        source: csv::Error,
    },
    /// A column is missing.
    #[error("`{}`: expected a column `{column}`, found {found}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The existing columns.
        found: String,
    },
    /// A row without an id or a value.
    #[error("`{}`: line {line}: `{column}` is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// Counted from 1, the header included.
        line: u64,
        /// The column.
        column: String,
    },
    /// Two rows that contradict each other.
    #[error("`{}`: line {line}: `{id}` has `{second}`, but `{first}` in an earlier row", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The line of the second row.
        line: u64,
        /// The image.
        id: String,
        /// The first row's value.
        first: String,
        /// The second row's value.
        second: String,
    },
}

/// Each image's value in a column, by its `ImageId`, in the order of the rows. Other columns are ignored; rows that
/// agree count as one.
///
/// # Errors
/// If the file cannot be read, has no such column, or a row has no value or contradicts an earlier one.
pub fn read(path: &Path, column: &str) -> Result<IndexMap<String, String>, TableError> {
    let failed = |source| TableError::Read { path: path.into(), source };
    let file = pleura_files::regular::open(path).map_err(|error| failed(error.into()))?;
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(file);
    let headers = reader.headers().map_err(failed)?;
    let place = |wanted: &str| {
        headers.iter().position(|name| name.trim_start_matches('\u{FEFF}') == wanted).ok_or_else(|| {
            let found: Vec<_> = headers.iter().map(|name| format!("`{name}`")).collect();
            TableError::Column { path: path.into(), column: wanted.into(), found: found.join(", ") }
        })
    };
    let (id_at, value_at) = (place(ID)?, place(column)?);
    let mut values: IndexMap<String, String> = IndexMap::new();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |at: usize, column: &str| match record.get(at) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(TableError::Empty { path: path.into(), line, column: column.into() }),
        };
        let (id, value) = (field(id_at, ID)?, field(value_at, column)?);
        match values.get(&id) {
            Some(first) if *first != value => {
                return Err(TableError::Twice { path: path.into(), line, id, first: first.clone(), second: value });
            }
            _ => drop(values.insert(id, value)),
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Vec<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).unwrap();
        let values = read(&path, "fold").map_err(|error| error.to_string())?;
        Ok(values.into_iter().collect())
    }

    #[test]
    fn columns_are_found_by_name() {
        let pair = |id: &str, value: &str| (id.to_owned(), value.to_owned());
        let expected = vec![pair("b", "1"), pair("a", "0")];
        for text in
            ["ImageId,fold\nb,1\na,0\n", "\u{FEFF}ImageId, fold\r\nb, 1\r\na,0", "x,fold,ImageId\n,1,b\n,0,a\n,1,b\n"]
        {
            assert_eq!(table(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn faults_name_the_line() {
        let cases = [
            ("id,fold\n", "expected a column `ImageId`, found `id`, `fold`"),
            ("ImageId,f\n", "expected a column `fold`"),
            ("ImageId,fold\na,1\nb,\n", "line 3: `fold` is empty"),
            ("ImageId,fold\n,1\n", "line 2: `ImageId` is empty"),
            ("ImageId,fold\na,1\na,2\n", "line 3: `a` has `2`, but `1` in an earlier row"),
            ("ImageId,fold\na,1,3\n", "cannot read"),
        ];
        for (text, message) in cases {
            let error = table(text).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
        let missing = read(Path::new("no/such.csv"), "fold").unwrap_err().to_string();
        assert_eq!(missing, "cannot read `no/such.csv`");
    }
}
