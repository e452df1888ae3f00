//! SIIM's run-length encoding.
//!
//! Pairs `offset length` over pixels numbered down the columns; an offset counts from the end of the run before it,
//! the first from pixel 0. `-1` is the empty mask. Lossless for every mask: the competition's own encoder drops a
//! run that reaches the last pixel.

use std::fmt::Write;

use super::Runs;
use crate::Mask;

/// How the empty mask is written.
pub const EMPTY: &str = "-1";

/// Encodes a mask.
#[must_use]
pub fn encode(mask: &Mask) -> String {
    Runs::from(mask).encode()
}

/// Decodes a mask of (height, width) = `size`. Blanks around and between numbers do not matter.
///
/// # Errors
/// Where the text is not pairs of numbers, or a run goes past the image.
pub fn decode(text: &str, size: (usize, usize)) -> Result<Mask, RleError> {
    Ok(Runs::decode(text, size)?.to_mask(size))
}

impl Runs {
    /// Writes the relative form; `-1` where no pixel is marked.
    #[must_use]
    pub fn encode(&self) -> String {
        if self.is_empty() {
            return EMPTY.to_owned();
        }
        let mut text = String::with_capacity(8 * self.ranges().len());
        let mut from = 0;
        for &(start, end) in self.ranges() {
            let blank = if from == 0 { "" } else { " " };
            write!(text, "{blank}{} {}", start - from, end - start).expect("writing to a string cannot fail");
            from = end;
        }
        text
    }

    /// Reads the relative form for masks of (height, width) = `size`.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn decode(text: &str, size: (usize, usize)) -> Result<Self, RleError> {
        let text = text.trim();
        match text {
            "" => return Err(RleError::Blank),
            EMPTY => return Ok(Self::default()),
            _ => {}
        }
        let pixels = size.0.saturating_mul(size.1);
        let mut words = text.split_ascii_whitespace();
        let mut runs = Self::default();
        let mut from = 0_usize;
        for run in 1.. {
            let Some(offset) = words.next() else { break };
            let length = words.next().ok_or(RleError::Odd { count: 2 * run - 1 })?;
            let (offset, length) = (number(offset, run)?, number(length, run)?);
            if length == 0 {
                return Err(RleError::NoLength { run });
            }
            let start = from.saturating_add(offset);
            // Beyond all numbers is beyond every image.
            let end = start.checked_add(length).filter(|end| *end <= pixels);
            let Some(end) = end else {
                let end = start.saturating_add(length);
                return Err(RleError::Overflow { run, end, past: end - pixels, size });
            };
            runs.push(start, end);
            from = end;
        }
        Ok(runs)
    }
}

fn number(word: &str, run: usize) -> Result<usize, RleError> {
    // `parse` would take `+5`
    let word_is_digits = word.bytes().all(|byte| byte.is_ascii_digit());
    match word.parse() {
        Ok(number) if word_is_digits => Ok(number),
        _ if word.strip_prefix('-').is_some_and(|digits| digits.parse::<f64>().is_ok()) => {
            Err(RleError::Negative { run, word: word.to_owned() })
        }
        _ => Err(RleError::NotANumber { run, word: word.to_owned() }),
    }
}

/// Text that is not a mask. Runs are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RleError {
    /// No text at all. (Competitors' encoders give it for the empty mask, and some for the full one.)
    #[error("there are no run lengths; the empty mask is written -1")]
    Blank,
    /// The last offset has no length.
    #[error("an odd count of numbers, {count}, is no pairs of offset and length")]
    Odd {
        /// How many numbers there are.
        count: usize,
    },
    /// A word that is not a whole number, or one too large for this machine.
    #[error("run {run}: `{word}` is not a number of pixels")]
    NotANumber {
        /// Which run.
        run: usize,
        /// The word.
        word: String,
    },
    /// A number below 0; `-1` is the empty mask only where it stands alone.
    #[error("run {run}: `{word}` is negative")]
    Negative {
        /// Which run.
        run: usize,
        /// The word.
        word: String,
    },
    /// A run of no pixels.
    #[error("run {run} has length 0")]
    NoLength {
        /// Which run.
        run: usize,
    },
    /// A run that goes past the image's last pixel.
    #[error("run {run} ends at pixel {end}, {past} past {}×{}", size.0, size.1)]
    Overflow {
        /// Which run.
        run: usize,
        /// One past the run's last pixel.
        end: usize,
        /// How many pixels lie outside.
        past: usize,
        /// (height, width) of the image.
        size: (usize, usize),
    },
}
