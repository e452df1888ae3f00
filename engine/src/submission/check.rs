//! Checks whether a submission would be accepted: every fault at once, each with its line.

use std::collections::HashSet;
use std::path::Path;

use indexmap::IndexMap;
use indexmap::map::Entry;

use super::{Row, RowError, Rows, SubmissionError, read_ids};
use crate::Size;

/// A fault for which a submission would be refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A row without a valid mask.
    #[error("line {line}")]
    Row {
        /// Counted from 1, the header included.
        line: u64,
        /// What is wrong with it.
        source: RowError,
    },
    /// A second row of an image. A truth may have several; a submission has one.
    #[error("line {line}: `{id}` already has a row, line {first}: expected one row per image, its masks merged")]
    Duplicate {
        /// The later row.
        line: u64,
        /// The image.
        id: String,
        /// The earlier row.
        first: u64,
    },
    /// An image that is not in the sample.
    #[error("line {line}: `{id}` is not in the sample")]
    Extra {
        /// Its first row.
        line: u64,
        /// The image.
        id: String,
    },
    /// An image of the sample without a row.
    #[error("`{id}` of the sample has no row")]
    Missing {
        /// The image.
        id: String,
    },
    /// A header and nothing else.
    #[error("expected at least one row")]
    Nothing,
}

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows below the header.
    pub rows: usize,
    /// Different images.
    pub images: usize,
    /// Images with a mask that is not empty.
    pub positives: usize,
    /// Images of the sample without a row, if that is allowed.
    pub unanswered: usize,
    /// Harmless oddities: a sentence each, with the file's name.
    pub remarks: Vec<String>,
    /// All faults: those with a line, in the order of lines; then missing images.
    pub problems: Vec<Problem>,
    /// Whether ids are in the sample's order; `None` without a sample, or if the ids differ.
    pub in_sample_order: Option<bool>,
}

/// The requirements of a submission.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Size of its masks.
    pub size: Size,
    /// The sample, whose ids it must have.
    pub sample: Option<&'a Path>,
    /// Whether it may omit images of the sample.
    pub subset: bool,
}

/// Checks the submission at `path`, and compares its ids with a sample's.
///
/// # Errors
/// If a file cannot be read at all or has other columns; all lesser faults are in the report.
pub fn check(path: &Path, options: Options<'_>) -> Result<Report, SubmissionError> {
    let sample = options.sample.map(read_ids).transpose()?;
    let mut report = Report::default();
    let first = read(path, options.size, &mut report)?;
    report.images = first.len();
    if report.rows == 0 {
        report.problems.push(Problem::Nothing);
    }
    if let Some(sample) = sample {
        compare(&first, &sample, options.subset, &mut report);
    }
    Ok(report)
}

/// Reads all rows; returns each image's first line.
fn read(path: &Path, size: Size, report: &mut Report) -> Result<IndexMap<String, u64>, SubmissionError> {
    let mut first: IndexMap<String, u64> = IndexMap::new();
    let mut positives = HashSet::new();
    let mut rows = Rows::open(path, size)?;
    for row in rows.by_ref() {
        report.rows += 1;
        let Row { line, id, runs } = match row {
            Ok(row) => row,
            Err(SubmissionError::Row { line, source, .. }) => {
                report.problems.push(Problem::Row { line, source });
                continue;
            }
            Err(error) => return Err(error),
        };
        match runs {
            Ok(runs) if !runs.is_empty() => _ = positives.insert(id.clone()),
            Ok(_) => {}
            Err(source) => report.problems.push(Problem::Row { line, source: source.into() }),
        }
        match first.entry(id) {
            Entry::Vacant(entry) => _ = entry.insert(line),
            Entry::Occupied(entry) => {
                report.problems.push(Problem::Duplicate { line, id: entry.key().clone(), first: *entry.get() });
            }
        }
    }
    report.positives = positives.len();
    report.remarks = rows.remarks();
    Ok(first)
}

fn compare(first: &IndexMap<String, u64>, sample: &[String], subset: bool, report: &mut Report) {
    let wanted: IndexMap<&str, ()> = sample.iter().map(|id| (id.as_str(), ())).collect();
    let extra = first.iter().filter(|(id, _)| !wanted.contains_key(id.as_str()));
    let missing = sample.iter().filter(|id| !first.contains_key(*id));
    let extra: Vec<_> = extra.map(|(id, &line)| Problem::Extra { line, id: id.clone() }).collect();
    let missing: Vec<_> = missing.map(|id| Problem::Missing { id: id.clone() }).collect();
    if extra.is_empty() && (missing.is_empty() || subset) {
        report.in_sample_order = Some(first.keys().eq(sample.iter().filter(|id| first.contains_key(*id))));
    }
    report.problems.extend(extra);
    report.problems.sort_by_key(Problem::line);
    match subset {
        true => report.unanswered = missing.len(),
        false => report.problems.extend(missing),
    }
}

impl Problem {
    /// The problem's line, if it has one.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        match self {
            Self::Row { line, .. } | Self::Duplicate { line, .. } | Self::Extra { line, .. } => Some(*line),
            Self::Missing { .. } | Self::Nothing => None,
        }
    }
}
