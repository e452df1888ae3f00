//! Run lengths as absolute positions: pairs `start length` over pixels numbered down the columns from 1, ascending. The
//! empty mask is blank.

use std::fmt::Write;

use super::{ANY_SIZE, EMPTY, RleError, Runs, pairs};
use crate::Size;

impl Runs {
    /// Writes absolute positions from 1; an empty text if no pixel is marked.
    #[must_use]
    pub fn encode_absolute(&self) -> String {
        let mut text = String::with_capacity(12 * self.ranges().len());
        for &(start, end) in self.ranges() {
            let blank = if text.is_empty() { "" } else { " " };
            write!(text, "{blank}{} {}", u64::from(start) + 1, end - start).expect("writing to a string cannot fail");
        }
        text
    }

    /// Reads absolute positions from 1 for masks of `size`; a blank or `-1` is the empty mask.
    ///
    /// # Errors
    /// If the text is not pairs of numbers, or a run starts at 0, before the end of the previous run, or ends beyond
    /// the image.
    pub fn decode_absolute(text: &str, size: Size) -> Result<Self, RleError> {
        let text = text.trim();
        let mut runs = Self::default();
        if text.is_empty() || text == EMPTY {
            return Ok(runs);
        }
        let pixels = size.area().min(ANY_SIZE.area());
        // one past the last pixel so far, from 0
        let mut reached = 0;
        for pair in pairs(text) {
            let (run, start, length) = pair?;
            let start = start.checked_sub(1).ok_or(RleError::Zero { run })?;
            if start < reached {
                return Err(RleError::Disorder { run, start: start + 1, before: reached });
            }
            let end = start.saturating_add(length);
            if end > pixels {
                return Err(RleError::Overflow { run, end, past: end - pixels, size, absolute: false });
            }
            runs.push(start, end);
            reached = end;
        }
        Ok(runs)
    }

    /// Whether the offsets and lengths of these runs also fit an image of `size` when read as absolute positions from
    /// 1.
    #[must_use]
    pub fn reads_as_absolute(&self, size: Size) -> bool {
        let ends = std::iter::once(0).chain(self.ranges().iter().map(|run| run.1));
        let runs = self.ranges().iter().zip(ends);
        let pairs = runs.map(|(&(start, end), before)| ((start - before) as usize, (end - start) as usize));
        read_as_absolute(pairs, size.area()).is_some()
    }
}

/// The number of runs if offsets and lengths can be read as absolute positions from 1 in an image of `pixels` pixels;
/// else `None`.
fn read_as_absolute(pairs: impl Iterator<Item = (usize, usize)>, pixels: usize) -> Option<usize> {
    let (mut reached, mut count) = (0_usize, 0);
    for (start, length) in pairs {
        let start = start.checked_sub(1).filter(|start| *start >= reached)?;
        reached = start.checked_add(length).filter(|end| *end <= pixels)?;
        count += 1;
    }
    (count > 0).then_some(count)
}

/// The number of runs if a text of run lengths can be read as absolute positions from 1 in an image of `pixels` pixels;
/// else `None`.
#[must_use]
pub fn text_reads_as_absolute(text: &str, pixels: usize) -> Option<usize> {
    let pairs: Vec<_> =
        pairs(text).map(|pair| pair.map(|(_, start, length)| (start, length))).collect::<Result<_, _>>().ok()?;
    read_as_absolute(pairs.into_iter(), pixels)
}
