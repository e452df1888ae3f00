//! Errors of run lengths.

use crate::Size;

/// The hint for run lengths that fit when read as absolute positions.
pub const ABSOLUTE: &str = "read as absolute positions from 1, as Airbus, Severstal, Understanding Clouds and \
                                   HuBMAP count, they fit: `pleura data convert rle --from` converts them";

/// Text that is not a mask. Runs are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RleError {
    /// An empty text. (Competitors' encoders write it for the empty mask, and some for the full one.)
    #[error(
        "expected run lengths, found none; write the empty mask as -1{}",
        if *absolute { ABSOLUTE_FILE } else { "" }
    )]
    Blank {
        /// Whether the file's other run lengths can be read as absolute positions.
        absolute: bool,
    },
    /// The last offset has no length.
    #[error("expected offset/length pairs, found {count} {} (odd)", if *count == 1 { "number" } else { "numbers" })]
    Odd {
        /// The number of numbers.
        count: usize,
    },
    /// What pandas writes for an empty cell.
    #[error("`{word}` is how pandas writes a missing value; write the empty mask as -1 (`fillna('-1')`)")]
    Missing {
        /// The word.
        word: String,
    },
    /// A whole number with a decimal point.
    #[error(
        "run {run}: `{word}` is a whole number written as a float, as pandas does in a column with missing values; \
         write `{}`", word.split('.').next().unwrap_or_default()
    )]
    Float {
        /// The run's number.
        run: usize,
        /// The word.
        word: String,
    },
    /// A word that is not a whole number, or one too large for this machine.
    #[error("run {run}: `{word}` is not a number of pixels")]
    NotANumber {
        /// The run's number.
        run: usize,
        /// The word.
        word: String,
    },
    /// A number below 0; `-1` is the empty mask only if it is the whole text.
    #[error("run {run}: `{word}` is negative")]
    Negative {
        /// The run's number.
        run: usize,
        /// The word.
        word: String,
    },
    /// A run of length 0.
    #[error("run {run} has length 0")]
    NoLength {
        /// The run's number.
        run: usize,
    },
    /// A run that ends beyond the image's last pixel.
    #[error(
        "run {run} ends at pixel {end}, {past} past {size}{}{}", if *absolute { "; " } else { "" },
        if *absolute { ABSOLUTE } else { "" }
    )]
    Overflow {
        /// The run's number.
        run: usize,
        /// One past the run's last pixel.
        end: usize,
        /// The number of pixels outside.
        past: usize,
        /// The image's size.
        size: Size,
        /// Whether the runs fit when read as absolute positions from 1.
        absolute: bool,
    },
    /// An absolute position of 0.
    #[error("run {run} starts at 0, but absolute positions count from 1")]
    Zero {
        /// The run's number.
        run: usize,
    },
    /// Absolute positions that do not ascend.
    #[error(
        "run {run} starts at {start}, but the previous run ends at {before}: expected ascending absolute positions \
         (SIIM's are offsets)"
    )]
    Disorder {
        /// The run's number.
        run: usize,
        /// Its first pixel, from 1.
        start: usize,
        /// The last pixel of the previous run, from 1.
        before: usize,
    },
}

/// The hint for a blank among run lengths that can be read as absolute positions.
const ABSOLUTE_FILE: &str = ". The file's run lengths look absolute: Airbus, Severstal, Understanding Clouds and HuBMAP \
                             count positions from 1 and leave the empty mask blank; `pleura data convert rle --from` \
                             converts them";
