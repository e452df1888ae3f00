//! Truth from a CSV of run lengths.

use std::path::Path;

use indexmap::IndexMap;
use pleura::Size;
use pleura::submission::rle::ANY_SIZE;
use pleura::submission::{Row, Rows, Runs, SubmissionError};

use super::super::error::{DataError, Problem};
use super::{Image, Item};

/// Assigns each image the runs of its rows; `size` is the size on which they are counted, or each image's own.
pub(super) fn join(
    images: Vec<Image>,
    csv: &Path,
    size: Option<Size>,
    absent_is_empty: bool,
    problems: &mut Vec<Problem>,
    remarks: &mut Vec<String>,
) -> Result<Vec<Item>, DataError> {
    let mut truth = read(csv, problems, remarks)?;
    check_any(&images, &truth, csv)?;
    let mut items = Vec::with_capacity(images.len());
    for image in images {
        let runs = truth.swap_remove(&image.glance.id);
        if runs.is_none() && !absent_is_empty {
            let wanted = format!("row in `{}`", csv.display());
            problems.push(Problem::NoTruth { id: image.glance.id, path: image.path, wanted });
            continue;
        }
        let (runs, size) = (runs.unwrap_or_default(), size.unwrap_or(image.glance.size));
        let end = runs.end();
        if end > size.area() {
            let absolute = runs.reads_as_absolute(size);
            problems.push(Problem::Overflow { id: image.glance.id, end, size, absolute });
            continue;
        }
        items.push(image.with(runs, size));
    }
    if !truth.is_empty() {
        remarks.push(format!("`{}` has rows for {} images without a file", csv.display(), truth.len()));
    }
    Ok(items)
}

/// The runs of each id, several rows OR-ed.
fn read(
    csv: &Path,
    problems: &mut Vec<Problem>,
    remarks: &mut Vec<String>,
) -> Result<IndexMap<String, Runs>, DataError> {
    let mut truth: IndexMap<String, Runs> = IndexMap::new();
    // runs are decoded before their image, and so its size, is known
    let mut rows = Rows::open(csv, ANY_SIZE)?;
    while let Some(row) = rows.next_row() {
        match row {
            Ok(Row { line, id, runs }) => {
                // an image with a wrong row does have a row
                let so_far = truth.entry(id.into_owned()).or_default();
                match runs {
                    Ok(runs) => *so_far = so_far.union(&runs),
                    Err(error) => {
                        problems.push(Problem::Row(SubmissionError::Row {
                            path: csv.into(),
                            line,
                            source: error.into(),
                        }));
                    }
                }
            }
            Err(error @ SubmissionError::Row { .. }) => problems.push(Problem::Row(error)),
            Err(error) => return Err(error.into()),
        }
    }
    remarks.extend(rows.remarks());
    Ok(truth)
}

/// The official CSV covers more images than most people have; if it covers none, that is a mistake.
fn check_any(images: &[Image], truth: &IndexMap<String, Runs>, csv: &Path) -> Result<(), DataError> {
    let Some(image) = images.first() else { return Ok(()) };
    let Some(row) = truth.keys().next() else { return Err(DataError::NoRows(csv.into())) };
    if images.iter().any(|image| truth.contains_key(&image.glance.id)) {
        return Ok(());
    }
    let image = image.glance.id.clone();
    Err(DataError::Strangers { images: images.len(), csv: csv.into(), image, row: row.clone() })
}
