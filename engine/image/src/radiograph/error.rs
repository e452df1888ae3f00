//! Errors of reading radiographs.

use std::io;
use std::path::PathBuf;

use super::find::LeftOut;
use super::limits::OverLimit;
use super::whole::Incomplete;

/// Why a file or an input gives no radiograph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RadiographError {
    /// The file, the folder or the list cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The path that could not be read.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The content is of no known format.
    #[error("`{}` {}", path.display(), if *empty { "is empty" } else { "is not a DICOM, PNG or JPEG file" })]
    Unrecognized {
        /// The file.
        path: PathBuf,
        /// Whether the file is empty.
        empty: bool,
    },
    /// A DICOM file that cannot be shown as one grey image.
    #[error("`{}` ({syntax}): {fault}", path.display())]
    Dicom {
        /// The file.
        path: PathBuf,
        /// Name and UID of its transfer syntax, or what is known about it.
        syntax: String,
        /// What is wrong.
        fault: DicomFault,
    },
    /// A PNG or JPEG file that cannot be decoded.
    #[error("`{}` ({format}): {reason}", path.display())]
    Raster {
        /// The file.
        path: PathBuf,
        /// `PNG` or `JPEG`.
        format: &'static str,
        /// The decoder's reason.
        reason: String,
    },
    /// An id that a submission cannot hold.
    #[error("`{}`: the image id {id:?} {reason}; give it another, or rename the file", path.display())]
    Id {
        /// The file.
        path: PathBuf,
        /// The id.
        id: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Values that do not form an image; see [`Radiograph::from_values`](super::Radiograph::from_values).
    #[error("the values of `{id}` are not an image: {reason}")]
    Values {
        /// The image.
        id: String,
        /// What is wrong with them.
        reason: String,
    },
    /// Reading and decoding the file takes more memory than allowed.
    #[error("`{}`: {over}", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// The bytes needed, and the limit.
        over: OverLimit,
    },
    /// A path that does not exist.
    #[error("no file or folder `{}`", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// A pattern that is not a glob.
    #[error("`{pattern}` is not a glob: {reason}")]
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A folder, a glob or a list without a single image.
    #[error("{input} holds no DICOM, PNG or JPEG image{}", first(left_out))]
    Nothing {
        /// The input as given.
        input: String,
        /// What was left out of it.
        left_out: Vec<LeftOut>,
    },
}

/// The first of the files left out, and the number of the others.
fn first(left_out: &[LeftOut]) -> String {
    let Some(first) = left_out.first() else { return String::new() };
    let more = if left_out.len() > 1 { format!(", and {} more files", left_out.len() - 1) } else { String::new() };
    format!(": left out is {first}{more}")
}

/// What is wrong with a DICOM file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DicomFault {
    /// The data set cannot be parsed.
    #[error("broken data set: {0}")]
    Parse(String),
    /// An object of a kind without pixels, with its article: `a Basic Text SR`.
    #[error("{0}, which has no pixels")]
    NoPixels(String),
    /// A required attribute is absent or empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An attribute with an invalid value.
    #[error("{name} is {value}: {reason}")]
    Invalid {
        /// The attribute's keyword.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        reason: String,
    },
    /// Several frames.
    #[error("{0} frames, expected a single image: split the file first")]
    MultiFrame(u32),
    /// Legal, but not supported.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// Fewer or more pixel data than the header claims.
    #[error("pixel data have {actual} bytes, expected {expected} (by the header)")]
    Length {
        /// Bytes according to the header.
        expected: u64,
        /// Bytes in the file.
        actual: u64,
    },
    /// The compressed image does not match the header.
    #[error("the compressed image has {actual}, expected {expected} (by the header)")]
    Mismatch {
        /// According to the header.
        expected: String,
        /// In the compressed image.
        actual: String,
    },
    /// Decoding takes more memory than allowed.
    #[error(transparent)]
    Memory(#[from] OverLimit),
    /// The compressed image cannot be decoded.
    #[error("cannot decompress: {0}")]
    Codec(String),
}

impl From<Incomplete> for DicomFault {
    fn from(fault: Incomplete) -> Self {
        Self::Codec(fault.to_string())
    }
}

impl DicomFault {
    /// Builds [`Self::Invalid`].
    pub(super) fn invalid(name: &'static str, value: impl ToString, reason: impl Into<String>) -> Self {
        Self::Invalid { name, value: value.to_string(), reason: reason.into() }
    }
}
