//! Findings as DICOM objects: a segmentation (SEG), a Secondary Capture with the outline burnt in, a structured report (SR,
//! TID 1500), and a presentation state with the outline (GSPS).
//!
//! Patient and study are the source's, as far as their values are valid. UIDs depend on the source, the run's files and
//! the program's version alone, so that what is stored twice is stored once, and another threshold has other UIDs.

mod capture;
mod common;
mod contour;
mod dataset;
mod presentation;
mod report;
mod segmentation;
mod source;
mod uid;
mod valid;

use std::borrow::Cow;

use dicom_dictionary_std::uids;
use ndarray::Array2;
use pleura::ensemble::{Finding, Origin, Outcome};
use pleura::manifest::FindingCode;
use pleura::{Mask, Radiograph};

use source::Source;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The mask as a Segmentation (SEG) of one binary frame.
    Segmentation,
    /// The radiograph with the outline, the score and a warning burnt in, as a Secondary Capture.
    Capture,
    /// Finding, score and area as an Enhanced SR by template TID 1500.
    Report,
    /// The outline as a Grayscale Softcopy Presentation State (GSPS), which a PACS draws over the radiograph.
    Presentation,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Segmentation, Self::Capture, Self::Report, Self::Presentation];

    /// A short name for files: `seg`, `sc`, `sr`, `pr`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Segmentation => "seg",
            Self::Capture => "sc",
            Self::Report => "sr",
            Self::Presentation => "pr",
        }
    }

    /// The SOP Class UID of its objects.
    #[must_use]
    pub fn sop_class(self) -> &'static str {
        match self {
            Self::Segmentation => uids::SEGMENTATION_STORAGE,
            Self::Capture => uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
            Self::Report => uids::ENHANCED_SR_STORAGE,
            Self::Presentation => uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE,
        }
    }
}

/// A DICOM object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its SOP Instance UID.
    pub uid: String,
    /// The file, with preamble and file meta.
    pub bytes: Vec<u8>,
}

/// What objects tell of the run that found a finding.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// What masks mean.
    pub code: &'a FindingCode,
    /// The ensemble's name.
    pub ensemble: &'a str,
    /// The identity of its files.
    pub origin: &'a Origin,
    /// When the objects are made: a date as `20260131` and a time as `235959`, local.
    pub made: (&'a str, &'a str),
}

/// Why there are no objects for a finding.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DicomOutError {
    /// The colour of the finding's code is none.
    #[error("expected a colour such as `#e69f00` in the manifest's `finding.color`, found `{0}`")]
    Color(String),
    /// An object cannot be written.
    #[error("cannot write the {} object", .kind.name())]
    Write {
        /// The object's kind.
        kind: Kind,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The objects of a finding. A DICOM file has a report and a capture, and if anything is marked, a segmentation and a presentation state; a PNG or
/// JPEG file, which has neither patient nor study, has a capture alone. The mask is brought to the image's size by the
/// nearest pixel if it has another one; areas are those of that mask.
///
/// # Errors
/// If the finding's colour is none, or an object cannot be written.
pub fn objects(radiograph: &Radiograph, finding: &Finding, run: &Run<'_>) -> Result<Vec<Object>, DicomOutError> {
    let mask = at_size_of(radiograph, &finding.mask);
    let source = Source::new(radiograph);
    let image = Image { radiograph, finding, mask: &mask, source: &source, run };
    let mut objects = Vec::new();
    if source.is_dicom && !mask.is_empty() {
        objects.push(segmentation::object(&image)?);
        objects.push(presentation::object(&image)?);
    }
    if source.is_dicom {
        objects.push(report::object(&image)?);
    }
    objects.push(capture::object(&image)?);
    Ok(objects)
}

/// What all objects of an image are made from.
struct Image<'a> {
    radiograph: &'a Radiograph,
    finding: &'a Finding,
    /// The finding's mask at the radiograph's size.
    mask: &'a Mask,
    source: &'a Source,
    run: &'a Run<'a>,
}

impl Image<'_> {
    /// The marked area in mm², if the pixels' spacing is known.
    fn area(&self) -> Option<f64> {
        let (row, column) = self.radiograph.spacing()?;
        Some(self.mask.area() as f64 * f64::from(row) * f64::from(column))
    }

    /// Whether people should read the image first.
    fn is_referred(&self) -> bool {
        self.finding.outcome() == Outcome::Refer
    }

    /// The classifier's score in words: one number, or its bounds where members were left out.
    fn score(&self) -> Option<String> {
        let (low, high) = self.finding.score?;
        Some(if low == high { format!("{low:.3}") } else { format!("{low:.3} to {high:.3}") })
    }
}

fn at_size_of<'m>(radiograph: &Radiograph, mask: &'m Mask) -> Cow<'m, Mask> {
    let (to, from) = (radiograph.size(), mask.size());
    if to == from {
        return Cow::Borrowed(mask);
    }
    let pixels = mask.pixels();
    // the pixel that holds the new pixel's centre
    let nearest = |at: usize, to: usize, from: usize| (2 * at + 1) * from / (2 * to);
    Cow::Owned(Mask::from(Array2::from_shape_fn((to.height, to.width), |(row, column)| {
        pixels[(nearest(row, to.height, from.height), nearest(column, to.width, from.width))]
    })))
}
