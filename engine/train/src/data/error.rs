//! What can be wrong with a recipe's data.

use std::fmt;
use std::path::PathBuf;

use pleura::Size;
use pleura::mask_image::MaskImageError;
use pleura::radiograph::RadiographError;
use pleura::submission::{SubmissionError, rle::ABSOLUTE};

/// How many problems are named; the rest are counted.
const NAMED: usize = 20;

/// Data that cannot be trained on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No image can be found, or one cannot be read.
    #[error(transparent)]
    Radiograph(#[from] RadiographError),
    /// The CSV of run lengths cannot be read.
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    /// Images and their truth that do not fit; all of them at once.
    #[error("{}", List(.0))]
    Problems(Vec<Problem>),
    /// The truth is that of other images.
    #[error(
        "none of the {images} images has a row in `{csv}`: an image is `{image}`, a row `{row}`",
        csv = csv.display()
    )]
    Strangers {
        /// How many images there are.
        images: usize,
        /// The CSV.
        csv: PathBuf,
        /// The id of the first image.
        image: String,
        /// The id of the first row.
        row: String,
    },
    /// A CSV that says nothing.
    #[error("`{}` has no rows", .0.display())]
    NoRows(PathBuf),
    /// `positives_only`, and no image has a mask that is not empty.
    #[error(
        "none of the {images} images has a mask that is not empty, and `data.positives_only` leaves out the others"
    )]
    NoPositives {
        /// How many images there are.
        images: usize,
    },
    /// A file that is not what it was.
    #[error("`{}` was {was} when the training began, but is {is} now", path.display())]
    Changed {
        /// The image's file.
        path: PathBuf,
        /// Size when the data were opened.
        was: Size,
        /// Size now.
        is: Size,
    },
    /// Too few images for one step.
    #[error("an epoch has {images} images, fewer than a batch of {batch}: set `batch` to at most {images}")]
    FewerThanBatch {
        /// In the epoch.
        images: usize,
        /// In a batch.
        batch: usize,
    },
    /// The system refuses the threads that make batches.
    #[error("cannot start the data loader's threads")]
    Threads(#[source] std::io::Error),
    /// No image at all to look at.
    #[error("no images to validate on")]
    Nothing,
    /// Tiles that an image is too small for.
    #[error("images of {size} are too small for the {tiles}×{tiles} `tiles` of `clahe`: each side must be larger")]
    Tiles {
        /// The phase's size.
        size: Size,
        /// Along each side.
        tiles: u32,
    },
}

/// One image or mask that does not fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A file that is no image, or a broken one.
    #[error(transparent)]
    Unreadable(#[from] RadiographError),
    /// Two images of one id.
    #[error("`{}` and `{}` are both image `{id}`: leave one out", first.display(), second.display())]
    TwoImages {
        /// Their id.
        id: String,
        /// The one.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Two masks of one stem, or two images that one mask would serve.
    #[error(
        "`{}` and `{}` have the same stem, which matches images and masks: rename or leave out one", first.display(),
        second.display()
    )]
    TwoStems {
        /// The one.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// An image of which nothing is known.
    #[error("image `{id}` (`{}`) has no {wanted}: leave it out, or set `absent_is_empty`", path.display())]
    NoTruth {
        /// The image.
        id: String,
        /// Its file.
        path: PathBuf,
        /// `row in …` or `mask in …`.
        wanted: String,
    },
    /// A mask that belongs to nothing.
    #[error("mask `{}` has no image with the same stem", .0.display())]
    NoImage(PathBuf),
    /// A mask of another size than its image.
    #[error("mask `{}` is {mask}, but its image is {image}", path.display())]
    Size {
        /// The mask's file.
        path: PathBuf,
        /// Size of the mask.
        mask: Size,
        /// Size of the image.
        image: Size,
    },
    /// A mask that cannot be read, or has marks too dark to count.
    #[error(transparent)]
    Mask(#[from] MaskImageError),
    /// A row that is no mask.
    #[error(transparent)]
    Row(SubmissionError),
    /// Runs that lie outside.
    #[error(
        "the runs of `{id}` end at pixel {end}, past {size}: {}",
        if *absolute { ABSOLUTE } else { "set `size` to the size of the images that they were counted on" }
    )]
    Overflow {
        /// The image.
        id: String,
        /// One past the last pixel.
        end: usize,
        /// Size that the runs were taken to be of.
        size: Size,
        /// Whether they fit once they are read as absolute positions.
        absolute: bool,
    },
}

/// The first of them, and how many more.
struct List<'a>(&'a [Problem]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "{count} {} with the data:", if count == 1 { "problem" } else { "problems" })?;
        for problem in self.0.iter().take(NAMED) {
            // with its causes, which a list cannot pass on as its own
            write!(f, "\n  {}", pleura::chain(problem))?;
        }
        match count.saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
