//! SIIM's run-length encoding.
//!
//! Pairs `offset length` over pixels numbered down the columns; an offset counts from the end of the previous run, the
//! first from pixel 0. `-1` is the empty mask. Lossless for every mask: the competition's own encoder drops a run that
//! reaches the last pixel.

mod absolute;
mod error;
mod runs;

use std::fmt::Write;

use crate::{Mask, Size};

pub use absolute::text_reads_as_absolute;
pub use error::{ABSOLUTE, RleError};
pub use runs::{ANY_SIZE, Runs};

/// The empty mask.
pub const EMPTY: &str = "-1";

/// How pandas and others write a missing value.
const MISSING: [&str; 8] = ["nan", "NaN", "NAN", "None", "null", "NULL", "NA", "<NA>"];

/// Encodes a mask.
#[must_use]
pub fn encode(mask: &Mask) -> String {
    Runs::from(mask).encode()
}

/// Decodes a mask of `size`. Blanks around and between numbers do not matter.
///
/// # Errors
/// If the text is not pairs of numbers, or a run ends beyond the image.
pub fn decode(text: &str, size: Size) -> Result<Mask, RleError> {
    Ok(Runs::decode(text, size)?.to_mask(size))
}

impl Runs {
    /// Writes relative offsets; `-1` if no pixel is marked.
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

    /// Reads the relative form for masks of `size`.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn decode(text: &str, size: Size) -> Result<Self, RleError> {
        let text = text.trim();
        match text {
            "" => return Err(RleError::Blank { absolute: false }),
            EMPTY => return Ok(Self::default()),
            _ => {}
        }
        let pixels = size.area().min(ANY_SIZE.area());
        // two numbers and two blanks a run
        let mut runs = Self::with_capacity(memchr::memchr_iter(b' ', text.as_bytes()).count() / 2 + 1);
        let mut from = 0_usize;
        for pair in pairs(text) {
            let (run, offset, length) = pair?;
            let start = from.saturating_add(offset);
            // An overflow is beyond every image.
            let end = start.checked_add(length).filter(|end| *end <= pixels);
            let Some(end) = end else {
                let end = start.saturating_add(length);
                let absolute = text_reads_as_absolute(text, pixels).is_some();
                return Err(RleError::Overflow { run, end, past: end - pixels, size, absolute });
            };
            runs.push(start, end);
            from = end;
        }
        Ok(runs)
    }
}

/// The pairs of numbers of a text that is not blank, each with its number from 1; no length is 0.
fn pairs(text: &str) -> impl Iterator<Item = Result<(usize, usize, usize), RleError>> {
    let mut words = text.split_ascii_whitespace();
    let is_whole = |word: &str| word.parse().is_ok_and(|number: f64| number == -1.0);
    let mut fault = match text.trim() {
        word if MISSING.contains(&word) => Some(RleError::Missing { word: word.to_owned() }),
        word if word != EMPTY && is_whole(word) => Some(RleError::Float { run: 1, word: word.to_owned() }),
        _ => None,
    };
    (1..).map_while(move |run| {
        let first = words.next()?;
        let second = words.next();
        Some(fault.take().map_or_else(|| pair(run, first, second), Err))
    })
}

fn pair(run: usize, first: &str, second: Option<&str>) -> Result<(usize, usize, usize), RleError> {
    let second = second.ok_or(RleError::Odd { count: 2 * run - 1 })?;
    let (first, length) = (number(first, run)?, number(second, run)?);
    if length == 0 { Err(RleError::NoLength { run }) } else { Ok((run, first, length)) }
}

fn number(word: &str, run: usize) -> Result<usize, RleError> {
    // `parse` would take `+5`
    let is_digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_float = |word: &str| {
        word.split_once('.').is_some_and(|(whole, rest)| is_digits(whole) && rest.bytes().all(|byte| byte == b'0'))
    };
    match word.parse() {
        Ok(number) if is_digits(word) => Ok(number),
        _ if word.strip_prefix('-').is_some_and(|digits| digits.parse::<f64>().is_ok()) => {
            Err(RleError::Negative { run, word: word.to_owned() })
        }
        _ if is_float(word) => Err(RleError::Float { run, word: word.to_owned() }),
        _ => Err(RleError::NotANumber { run, word: word.to_owned() }),
    }
}
