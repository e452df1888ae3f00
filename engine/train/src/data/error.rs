//! Errors of a recipe's data.

use std::fmt;
use std::path::PathBuf;

use pleura::Size;
use pleura::mask_image::MaskImageError;
use pleura::radiograph::RadiographError;
use pleura::submission::{SubmissionError, rle::ABSOLUTE};

/// The number of problems that are listed; the rest are counted.
const NAMED: usize = 20;

/// Why data cannot be trained on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No image can be found, or one cannot be read.
    #[error(transparent)]
    Radiograph(#[from] RadiographError),
    /// The CSV of run lengths cannot be read.
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    /// Images and truth that do not match; all problems at once.
    #[error("{}", List(.0))]
    Problems(Vec<Problem>),
    /// The truth belongs to other images.
    #[error(
        "none of the {images} images has a row in `{csv}`: an image is `{image}`, a row `{row}`",
        csv = csv.display()
    )]
    Strangers {
        /// The number of images.
        images: usize,
        /// The CSV.
        csv: PathBuf,
        /// The id of the first image.
        image: String,
        /// The id of the first row.
        row: String,
    },
    /// A CSV without rows.
    #[error("`{}` has no rows", .0.display())]
    NoRows(PathBuf),
    /// With `positives_only`, no image has a non-empty mask.
    #[error(
        "none of the {images} images has a mask that is not empty, and `data.positives_only` leaves out the others"
    )]
    NoPositives {
        /// The number of images.
        images: usize,
    },
    /// A file has changed.
    #[error("`{}` was {was} when the training began, but is {is} now", path.display())]
    Changed {
        /// The image's file.
        path: PathBuf,
        /// Its size when the data were opened.
        was: Size,
        /// Its size now.
        is: Size,
    },
    /// Too few images for one batch.
    #[error("an epoch has {images} images, fewer than a batch of {batch}: set `batch` to at most {images}")]
    FewerThanBatch {
        /// Images in the epoch.
        images: usize,
        /// Images per batch.
        batch: usize,
    },
    /// The system refuses the threads that make batches.
    #[error("cannot start the data loader's threads")]
    Threads(#[source] std::io::Error),
    /// No image to validate on.
    #[error("no images to validate on")]
    Nothing,
    /// Sides that are exchanged, of images that are not square.
    #[error("images of {size} are not square, which `transpose` and `quarter-turns` need")]
    NotSquare {
        /// The phase's size.
        size: Size,
    },
    /// An image too small for CLAHE's tiles.
    #[error("images of {size} are too small for the {tiles}×{tiles} `tiles` of `clahe`: each side must be larger")]
    Tiles {
        /// The phase's size.
        size: Size,
        /// Tiles along each side.
        tiles: u32,
    },
}

/// A mismatch between images and truth.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A file that is not an image, or a broken one.
    #[error(transparent)]
    Unreadable(#[from] RadiographError),
    /// Two images with the same id.
    #[error("`{}` and `{}` are both image `{id}`: leave one out", first.display(), second.display())]
    TwoImages {
        /// Their id.
        id: String,
        /// The first image.
        first: PathBuf,
        /// The second image.
        second: PathBuf,
    },
    /// Two masks with the same stem, or two images with the same mask.
    #[error(
        "`{}` and `{}` have the same stem, which matches images and masks: rename or leave out one", first.display(),
        second.display()
    )]
    TwoStems {
        /// The first file.
        first: PathBuf,
        /// The second file.
        second: PathBuf,
    },
    /// An image without truth.
    #[error("image `{id}` (`{}`) has no {wanted}: leave it out, or set `absent_is_empty`", path.display())]
    NoTruth {
        /// The image.
        id: String,
        /// Its file.
        path: PathBuf,
        /// `row in …` or `mask in …`.
        wanted: String,
    },
    /// A mask without an image.
    #[error("mask `{}` has no image with the same stem", .0.display())]
    NoImage(PathBuf),
    /// A mask whose size is not its image's.
    #[error("mask `{}` is {mask}, but its image is {image}", path.display())]
    Size {
        /// The mask's file.
        path: PathBuf,
        /// Size of the mask.
        mask: Size,
        /// Size of the image.
        image: Size,
    },
    /// A mask that cannot be read, or whose marks are too dark.
    #[error(transparent)]
    Mask(#[from] MaskImageError),
    /// A row without a valid mask.
    #[error(transparent)]
    Row(SubmissionError),
    /// Runs that exceed the image.
    #[error(
        "the runs of `{id}` end at pixel {end}, past {size}: {}",
        if *absolute { ABSOLUTE } else { "set `size` to the size of the images that they were counted on" }
    )]
    Overflow {
        /// The image.
        id: String,
        /// One past the last pixel.
        end: usize,
        /// The size that the runs were assumed to refer to.
        size: Size,
        /// Whether they fit when read as absolute positions.
        absolute: bool,
    },
}

/// The first of them, and the number of the others.
struct List<'a>(&'a [Problem]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "{count} {} with the data:", if count == 1 { "problem" } else { "problems" })?;
        for problem in self.0.iter().take(NAMED) {
            // with its causes, which a list cannot return as its source
            write!(f, "\n  {}", pleura::chain(problem))?;
        }
        match count.saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
