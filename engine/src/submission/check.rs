//! Checks whether a submission would be accepted: every fault at once, each with its line.

use std::path::Path;

use super::fields::Fields;
use super::ids::Ids;
use super::read::each_id;
use super::{Row, RowError, Rows, SubmissionError, columns};
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
    let mut report = Report::default();
    let images = Images::read(path, options.size, &mut report)?;
    report.images = images.ids.len();
    report.positives = images.marked.iter().filter(|marked| **marked).count();
    if report.rows == 0 {
        report.problems.push(Problem::Nothing);
    }
    if let Some(sample) = options.sample {
        images.compare(sample, options.subset, &mut report)?;
    }
    Ok(report)
}

/// The images of a submission.
#[derive(Default)]
struct Images {
    ids: Ids,
    /// The first line of each.
    lines: Vec<u64>,
    /// Whether a row of it has a mask that is not empty.
    marked: Vec<bool>,
}

impl Images {
    /// Reads all rows.
    fn read(path: &Path, size: Size, report: &mut Report) -> Result<Self, SubmissionError> {
        let mut images = Self::default();
        let mut rows = Rows::open(path, size)?;
        while let Some(row) = rows.next_row() {
            report.rows += 1;
            let Row { line, id, runs } = match row {
                Ok(row) => row,
                Err(SubmissionError::Row { line, source, .. }) => {
                    report.problems.push(Problem::Row { line, source });
                    continue;
                }
                Err(error) => return Err(error),
            };
            let marked = runs.as_ref().is_ok_and(|runs| !runs.is_empty());
            if let Err(source) = runs {
                report.problems.push(Problem::Row { line, source: source.into() });
            }
            match images.ids.insert(&id) {
                (_, true) => {
                    images.lines.push(line);
                    images.marked.push(marked);
                }
                (place, false) => {
                    images.marked[place] |= marked;
                    let first = images.lines[place];
                    report.problems.push(Problem::Duplicate { line, id: id.into_owned(), first });
                }
            }
        }
        report.remarks = rows.remarks();
        Ok(images)
    }

    /// Compares the ids with a sample's, which is not kept.
    fn compare(&self, sample: &Path, subset: bool, report: &mut Report) -> Result<(), SubmissionError> {
        let (mut wanted, mut missing) = (vec![false; self.ids.len()], Ids::default());
        let (mut next, mut in_order) = (0, true);
        each_id(&mut Fields::open(sample, columns::siim)?, |id| match self.ids.find_near(id, next) {
            Some(place) if !wanted[place] => {
                in_order &= place == next;
                wanted[place] = true;
                next = place + 1;
            }
            Some(_) => {}
            None => _ = missing.insert(id),
        })?;
        let unwanted = || wanted.iter().enumerate().filter(|(_, wanted)| !**wanted).map(|(place, _)| place);
        let extra = |place| Problem::Extra { line: self.lines[place], id: self.ids.name(place).to_owned() };
        if unwanted().next().is_none() && (missing.len() == 0 || subset) {
            report.in_sample_order = Some(in_order);
        }
        report.problems.extend(unwanted().map(extra));
        report.problems.sort_by_key(Problem::line);
        match subset {
            true => report.unanswered = missing.len(),
            false => report.problems.extend(missing.iter().map(|id| Problem::Missing { id: id.to_owned() })),
        }
        Ok(())
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
