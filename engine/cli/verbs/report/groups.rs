//! `--groups`: divisions of the images by a table.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use pleura::report::Gathered;
use pleura_files::regular;

/// Adds the columns of a table, whose first column holds ids.
pub fn add(gathered: &mut Gathered, path: &Path) -> Result<()> {
    let failed = || format!("`{}`", path.display());
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(regular::open(path).with_context(failed)?);
    let header = reader.headers().with_context(failed)?.clone();
    ensure!(
        header.len() > 1,
        "`{}`: expected a column of ids and one for each division, such as `ImageId,site`, found `{}`",
        path.display(),
        header.iter().collect::<Vec<_>>().join(",")
    );
    let mut columns: Vec<HashMap<String, String>> = vec![HashMap::new(); header.len() - 1];
    for row in reader.records() {
        let row = row.with_context(failed)?;
        let id = row.get(0).unwrap_or_default();
        for (column, value) in columns.iter_mut().zip(row.iter().skip(1)) {
            let before = column.insert(id.to_owned(), value.to_owned());
            ensure!(
                before.is_none_or(|before| before == value),
                "`{}`: line {}: `{id}` has another group in an earlier line",
                path.display(),
                row.position().map_or(0, csv::Position::line)
            );
        }
    }
    let known = gathered.cases.iter().any(|case| columns[0].contains_key(&case.id));
    ensure!(known, "`{}` has none of the images: its first column holds no id of the findings", path.display());
    header.iter().skip(1).zip(&columns).for_each(|(kind, groups)| gathered.group_by(kind, groups));
    Ok(())
}
