//! Errors of reports.

use std::path::PathBuf;

use crate::Size;
use crate::radiograph::RadiographError;

/// Why findings cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindingsError {
    /// The file cannot be opened or ends unexpectedly.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A line that is not a finding.
    #[error("`{}`: line {line}: {fault}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it, and what to do.
        fault: String,
    },
    /// A file without lines.
    #[error("`{}` holds no findings", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
    },
}

/// Why a report cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There are no cases.
    #[error("no cases to report")]
    Nothing,
    /// Two cases with the same id.
    #[error("two cases have the id `{id}`")]
    Twice {
        /// The id.
        id: String,
    },
    /// A mask that exceeds the case's size.
    #[error("the {what} mask of `{id}` runs to pixel {end}, past its size of {size}")]
    Overflow {
        /// The case's id.
        id: String,
        /// `true` or `predicted`.
        what: &'static str,
        /// One past the last marked pixel.
        end: usize,
        /// The case's size.
        size: Size,
    },
    /// A truth of another size.
    #[error(
        "the mask of `{id}` is {found}, and those of `{path}` are {size}: say `--size {height}x{width}` if it is they \
         that have another size, or predict with `output.size = [{}, {}]`",
        size.height,
        size.width,
        path = path.display(),
        height = found.height,
        width = found.width
    )]
    TruthSize {
        /// The case's id.
        id: String,
        /// Size of its mask.
        found: Size,
        /// The truth's file.
        path: PathBuf,
        /// Size of the truth's masks.
        size: Size,
    },
    /// A truth of other images.
    #[error("`{path}` has a row for none of the {images} images, such as `{id}`", path = path.display())]
    NoTruth {
        /// The truth's file.
        path: PathBuf,
        /// The number of cases.
        images: usize,
        /// One of them.
        id: String,
    },
    /// A heat map whose parts are inconsistent.
    #[error("the heat map of `{x_name}` and `{y_name}`: {fault}")]
    HeatMap {
        /// The name of the horizontal axis.
        x_name: String,
        /// The name of the vertical axis.
        y_name: String,
        /// What is inconsistent.
        fault: String,
    },
}

/// Why a case has no picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// A finding without a path.
    #[error("the findings have no path for `{id}`: give it with `--images`")]
    NoPath {
        /// The case's id.
        id: String,
    },
    /// A file that cannot be read.
    #[error("give the images' current place with `--images`")]
    Read {
        /// The cause.
        source: RadiographError,
    },
    /// A file that holds another image by now.
    #[error("`{path}` is image `{found}`, expected `{id}`", path = path.display())]
    OtherImage {
        /// The file.
        path: PathBuf,
        /// Its image.
        found: String,
        /// The case's id.
        id: String,
    },
}

/// Why a case has no map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// Its file cannot be read.
    #[error("cannot read `{}`: expected a map that `pleura predict --maps` has written", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Its file is no map.
    #[error("`{}`: {message}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// The reason.
        message: String,
    },
}
