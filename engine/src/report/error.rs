//! Why there is no report.

use std::path::PathBuf;

use crate::Size;

/// Findings that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindingsError {
    /// The file cannot be opened or breaks off.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line that is no finding.
    #[error("`{}`: line {line}: {fault}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it, and what to do.
        fault: String,
    },
    /// A file without a line.
    #[error("`{}` holds no findings", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
    },
}

/// A report that would show something wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is nothing to show.
    #[error("no cases to report")]
    Nothing,
    /// Two cases of one id.
    #[error("two cases have the id `{id}`")]
    Twice {
        /// The id.
        id: String,
    },
    /// A mask that is not of the case's size.
    #[error("the {what} mask of `{id}` runs to pixel {end}, past its size of {size}")]
    Overflow {
        /// The case.
        id: String,
        /// `true` or `predicted`.
        what: &'static str,
        /// One past the last marked pixel.
        end: usize,
        /// The case's size.
        size: Size,
    },
    /// A heat map whose parts do not fit together.
    #[error("the heat map of `{x_name}` and `{y_name}`: {fault}")]
    HeatMap {
        /// Across.
        x_name: String,
        /// Upwards.
        y_name: String,
        /// What does not fit.
        fault: String,
    },
}
