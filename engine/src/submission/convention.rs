//! Competitions' conventions for masks as run lengths.
//!
//! All number pixels down the columns. They differ in how runs are counted, how an empty mask is written, and where the
//! class of a mask is stored:
//!
//! | name | columns | runs | empty mask | class |
//! |---|---|---|---|---|
//! | `siim` | `ImageId,EncodedPixels` | offsets from the end of the previous run, from 0 | `-1` | |
//! | `airbus` | `ImageId,EncodedPixels` | absolute positions from 1 | blank | |
//! | `severstal` | `ImageId_ClassId,EncodedPixels` | absolute positions from 1 | blank | in the id: `a.jpg_1` |
//! | `severstal-column` | `ImageId,ClassId,EncodedPixels` | absolute positions from 1 | blank | in a column |
//! | `clouds` | `Image_Label,EncodedPixels` | absolute positions from 1 | blank | in the id: `a.jpg_Fish` |
//! | `hubmap` | `id,rle` | absolute positions from 1 | blank | |

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::fields::{Field, Fields};
use super::{Remarks, Runs, Submission, SubmissionError, columns};
use crate::Size;
use pleura_image::rle::ANY_SIZE;

/// A competition's convention for masks as run lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Convention {
    /// SIIM-ACR Pneumothorax Segmentation.
    Siim,
    /// Airbus Ship Detection Challenge.
    Airbus,
    /// Severstal: Steel Defect Detection, with the class in the id.
    Severstal,
    /// The same with the class in a column of its own. Either is read by both names.
    SeverstalColumn,
    /// Understanding Clouds from Satellite Images.
    Clouds,
    /// HuBMAP; the column of run lengths is read as `rle`, `encoding` or `predicted`.
    Hubmap,
}

impl Convention {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Siim, Self::Airbus, Self::Severstal, Self::SeverstalColumn, Self::Clouds, Self::Hubmap];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Siim => "siim",
            Self::Airbus => "airbus",
            Self::Severstal => "severstal",
            Self::SeverstalColumn => "severstal-column",
            Self::Clouds => "clouds",
            Self::Hubmap => "hubmap",
        }
    }

    /// Its name in sentences.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Siim => "SIIM",
            Self::Airbus => "Airbus",
            Self::Severstal | Self::SeverstalColumn => "Severstal",
            Self::Clouds => "Understanding Clouds",
            Self::Hubmap => "HuBMAP",
        }
    }

    /// The size of its competition's masks; `None` if they vary.
    #[must_use]
    pub fn size(self) -> Option<Size> {
        match self {
            Self::Siim => Some(super::SIIM_SIZE),
            Self::Airbus => Some(Size::new(768, 768)),
            Self::Severstal | Self::SeverstalColumn => Some(Size::new(256, 1600)),
            Self::Clouds => Some(Size::new(1400, 2100)),
            Self::Hubmap => None,
        }
    }

    /// Whether each mask has a class; ids are then `NAME_CLASS`.
    #[must_use]
    pub fn has_classes(self) -> bool {
        matches!(self, Self::Severstal | Self::SeverstalColumn | Self::Clouds)
    }

    /// Splits an id into image and class; `None` if it does not end with a class of this convention.
    #[must_use]
    pub fn split(self, id: &str) -> Option<(&str, &str)> {
        let (name, class) = id.rsplit_once('_').filter(|(name, _)| !name.is_empty())?;
        self.is_class(class).then_some((name, class))
    }

    /// Whether a text may be a class of this convention: a number for Severstal, a word for Understanding Clouds.
    #[must_use]
    pub fn is_class(self, class: &str) -> bool {
        !class.is_empty()
            && match self {
                Self::Severstal | Self::SeverstalColumn => class.bytes().all(|byte| byte.is_ascii_digit()),
                Self::Clouds => class.bytes().all(|byte| byte.is_ascii_alphabetic()),
                Self::Siim | Self::Airbus | Self::Hubmap => false,
            }
    }

    /// The header of files in this convention.
    pub(super) fn columns(self) -> &'static str {
        match self {
            Self::Siim | Self::Airbus => "ImageId,EncodedPixels",
            Self::Severstal => "ImageId_ClassId,EncodedPixels",
            Self::SeverstalColumn => "ImageId,ClassId,EncodedPixels",
            Self::Clouds => "Image_Label,EncodedPixels",
            Self::Hubmap => "id,rle",
        }
    }

    pub(super) fn encode(self, runs: &Runs) -> String {
        match self {
            Self::Siim => runs.encode(),
            _ => runs.encode_absolute(),
        }
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Convention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|it| it.name() == text).ok_or_else(|| format!("expected one of {}", names()))
    }
}

impl Submission {
    /// Reads a CSV of a convention; several rows of an id are OR-ed. If the convention has classes, ids are
    /// `NAME_CLASS`. `size` is that of every mask; without it masks have unknown sizes, and only [`Runs`] can be
    /// retrieved.
    ///
    /// # Errors
    /// If the file cannot be read, has other columns, or a row is not a mask of this size.
    pub fn read_as(
        path: impl AsRef<Path>,
        convention: Convention,
        size: Option<Size>,
    ) -> Result<Self, SubmissionError> {
        let path = path.as_ref();
        let bounds = size.unwrap_or(ANY_SIZE);
        if convention == Convention::Siim {
            return Ok(Self { size, ..Self::read(path, bounds)? });
        }
        let mut submission = Self { size, ..Self::any_size() };
        let mut fields = Fields::open(path, |header| columns::find(header, convention))?;
        let remarks = Remarks::new(&fields);
        while let Some(field) = fields.next_field() {
            let Field { line, id, text, .. } = field?;
            let runs = Runs::decode_absolute(text, bounds);
            let runs = runs.map_err(|source| SubmissionError::row(path, line, source.into()))?;
            submission.join(&id, runs);
        }
        remarks.log();
        Ok(submission)
    }

    /// The ids of a CSV of a convention, each once, in the order in which they first appear.
    ///
    /// # Errors
    /// As [`Submission::read_as`], except for run lengths, which are not parsed.
    pub fn read_ids_as(path: impl AsRef<Path>, convention: Convention) -> Result<Vec<String>, SubmissionError> {
        super::read::ids(Fields::open(path.as_ref(), |header| columns::find(header, convention))?)
    }

    /// The masks of one class, or with `None` those of all classes joined; ids are then those of the images. An image that
    /// has only rows of other classes is empty.
    ///
    /// # Errors
    /// If an id does not end with a class of this convention.
    pub fn of_class(&self, convention: Convention, class: Option<&str>) -> Result<Self, SubmissionError> {
        let mut chosen = Self { size: self.size, ..Self::any_size() };
        for (id, runs) in self.iter() {
            let (name, of) = convention.split(id).ok_or_else(|| no_class(id, convention))?;
            let runs = if class.is_none_or(|class| class == of) { runs.clone() } else { Runs::default() };
            chosen.join(name, runs);
        }
        Ok(chosen)
    }
}

pub(super) fn no_class(id: &str, convention: Convention) -> SubmissionError {
    SubmissionError::NoClass { id: id.to_owned(), convention }
}
