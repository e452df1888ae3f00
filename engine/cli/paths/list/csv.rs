//! A list as CSV, plain or gzip.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use csv::{ReaderBuilder, StringRecord};
use flate2::bufread::MultiGzDecoder;
use pleura_files::regular;

use super::{field, positions};

/// The first bytes of gzip.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// The fields of these columns, row by row.
///
/// # Errors
/// If it is not a CSV with a header that has the columns, or a field is empty.
pub fn read(path: &Path, columns: &[&str]) -> Result<Vec<Vec<String>>> {
    let failed = || format!("cannot read `{}`", path.display());
    let mut file = BufReader::new(regular::open(path).with_context(failed)?);
    let is_gzip = file.fill_buf().with_context(failed)?.starts_with(&GZIP);
    let text: Box<dyn Read> = if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut reader = ReaderBuilder::new().from_reader(text);
    let header = reader.headers().with_context(failed)?.clone();
    let names: Vec<&str> = header.iter().map(|name| name.trim_start_matches('\u{FEFF}').trim()).collect();
    let at = positions(path, &names, columns)?;
    let (mut rows, mut record) = (Vec::new(), StringRecord::new());
    while reader.read_record(&mut record).with_context(failed)? {
        let number = rows.len() + 1;
        let fields =
            at.iter().zip(columns).map(|(&at, column)| field(path, number, column, record.get(at).unwrap_or("")));
        rows.push(fields.collect::<Result<_>>()?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::PathBuf;

    use super::super::ListArgs;

    fn list(name: &str, bytes: &[u8], id_column: Option<&str>) -> Result<Vec<(String, Option<String>)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let args = ListArgs { file, path_column: "path".into(), id_column: id_column.map(str::to_owned) };
        let named = |(path, id): (PathBuf, _)| {
            let name = path.strip_prefix(folder.path()).map_or_else(|_| path.clone(), PathBuf::from);
            (name.to_str().unwrap().to_owned(), id)
        };
        let rows = args.read().map(|rows| rows.into_iter().map(named).collect());
        rows.map_err(|error| format!("{error:#}").replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn rows_are_files_and_urls_in_order() {
        let text = b"\xEF\xBB\xBFpath,age, id \nb.png,4,one\n\"s3://x/a,b.png\",5,two\n/abs/c.dcm,6,three\n";
        let rows = list("l.csv", text, None).unwrap();
        assert_eq!(rows, [("b.png", None), ("s3://x/a,b.png", None), ("/abs/c.dcm", None)].map(|(p, i)| (p.into(), i)));
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zipped.write_all(text).unwrap();
        let rows = list("l.csv.gz", &zipped.finish().unwrap(), Some("id")).unwrap();
        assert_eq!(rows.iter().map(|row| row.1.as_deref().unwrap()).collect::<Vec<_>>(), ["one", "two", "three"]);
    }

    #[test]
    fn faults_name_the_row_and_the_columns() {
        for (text, id, fault) in [
            ("file,id\na,1\n", None, "`l.csv`: expected a column `path`, found `file`, `id`"),
            ("path\na\n", Some("id"), "expected a column `id`, found `path`"),
            ("path,id\na,1\n ,2\n", None, "`l.csv`: row 2: `path` is empty"),
            ("path,id\na,\n", Some("id"), "row 1: `id` is empty"),
            ("path,id\n", None, "has no rows"),
            ("path,id\na\n", None, "cannot read `l.csv`"),
        ] {
            let message = list("l.csv", text.as_bytes(), id).unwrap_err();
            assert!(message.contains(fault), "{message}");
        }
    }
}
