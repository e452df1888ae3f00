//! A list as Parquet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use pleura_files::regular;

use super::{field, positions};

/// The fields of these columns, row by row.
///
/// # Errors
/// If it is not a Parquet file with these columns, as text; or a field is empty.
pub fn read(path: &Path, columns: &[&str]) -> Result<Vec<Vec<String>>> {
    // a damaged file can make the reader panic
    let read = catch_unwind(AssertUnwindSafe(|| rows(path, columns)));
    read.unwrap_or_else(|_| Err(anyhow!("`{}` is damaged: its pages cannot be decoded", path.display())))
}

fn rows(path: &Path, columns: &[&str]) -> Result<Vec<Vec<String>>> {
    let failed = || format!("cannot read `{}`", path.display());
    let file = regular::open(path).with_context(failed)?;
    let reader = SerializedFileReader::new(file).with_context(failed)?;
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
    let chosen: Vec<Arc<Type>> =
        positions(path, &names, columns)?.into_iter().map(|at| Arc::clone(&schema.get_fields()[at])).collect();
    let once = chosen.iter().filter(|field| field.name() == chosen[0].name()).count() == 1 || chosen.len() == 1;
    ensure!(once, "expected two columns, found `{}` twice", columns[0]);
    let chosen = Type::group_type_builder(schema.name()).with_fields(chosen).build().with_context(failed)?;
    let mut rows = Vec::new();
    for row in reader.get_row_iter(Some(chosen)).with_context(failed)? {
        let row = row.with_context(failed)?;
        let number = rows.len() + 1;
        let found: Vec<(&String, &Field)> = row.get_column_iter().collect();
        let text = |column: &&str| {
            let (_, value) = found.iter().find(|(name, _)| name == column).context("a chosen column")?;
            field(path, number, column, &text(path, column, value)?)
        };
        rows.push(columns.iter().map(text).collect::<Result<_>>()?);
    }
    Ok(rows)
}

/// A value as text.
fn text(path: &Path, column: &str, value: &Field) -> Result<String> {
    match value {
        Field::Str(text) => Ok(text.clone()),
        Field::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes.data());
            text.map(str::to_owned).with_context(|| format!("`{}`: `{column}` is not text", path.display()))
        }
        Field::Null => Ok(String::new()),
        other => bail!("`{}`: expected `{column}` as text, found {other}", path.display()),
    }
}
