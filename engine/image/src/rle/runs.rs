//! Masks as runs of pixels.
//!
//! Pixels are numbered down the columns, as in SIIM: pixel `column * height + row`. Overlaps and areas are sums over a
//! few hundred runs instead of a million pixels.

use ndarray::Array2;

use crate::{Mask, Size};

/// The largest number of pixels of a mask as runs: eight bytes a run, where 64-bit numbers would take sixteen.
const MOST: usize = u32::MAX as usize;

/// Bounds for run lengths of a mask whose size is unknown: as many pixels as [`Runs`] can count.
pub const ANY_SIZE: Size = Size::new(MOST, 1);

/// Marked pixels as half-open ranges: ascending, disjoint, none empty, no two adjacent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runs(Vec<(u32, u32)>);

impl Runs {
    pub(super) fn with_capacity(runs: usize) -> Self {
        Self(Vec::with_capacity(runs))
    }

    /// `(first, one past the last)` of each run, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// One past the last marked pixel; 0 if none is marked.
    #[must_use]
    pub fn end(&self) -> usize {
        self.0.last().map_or(0, |run| run.1 as usize)
    }

    /// Whether no pixel is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of marked pixels.
    #[must_use]
    pub fn area(&self) -> usize {
        self.0.iter().map(|(start, end)| (end - start) as usize).sum()
    }

    /// Adds a run that starts no earlier than the last one; touching or overlapping runs are joined.
    ///
    /// # Panics
    /// If the run ends beyond [`ANY_SIZE`].
    pub(super) fn push(&mut self, start: usize, end: usize) {
        debug_assert!(start < end);
        let end = u32::try_from(end).expect("masks have at most 2^32 - 1 pixels");
        self.join(start as u32, end);
    }

    fn join(&mut self, start: u32, end: u32) {
        match self.0.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => self.0.push((start, end)),
        }
    }

    /// The pixels that either marks.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all: Vec<_> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_unstable();
        let mut union = Self::default();
        all.into_iter().for_each(|(start, end)| union.join(start, end));
        union
    }

    /// The number of pixels that both mark.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> usize {
        let (mut left, mut right) = (self.0.as_slice(), other.0.as_slice());
        let mut overlap = 0;
        while let (Some(a), Some(b)) = (left.first(), right.first()) {
            overlap += a.1.min(b.1).saturating_sub(a.0.max(b.0)) as usize;
            // the run that ends first overlaps nothing further
            if a.1 <= b.1 { left = &left[1..] } else { right = &right[1..] }
        }
        overlap
    }

    /// Dice's coefficient, 2·overlap / (sum of areas), in 0..=1; 1 where both are empty.
    #[must_use]
    pub fn dice(&self, other: &Self) -> f64 {
        ratio(2 * self.overlap(other), self.area() + other.area())
    }

    /// Intersection over union, in 0..=1; 1 where both are empty.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f64 {
        let overlap = self.overlap(other);
        ratio(overlap, self.area() + other.area() - overlap)
    }

    /// The mask of `size`, row-major.
    ///
    /// # Panics
    /// If a run ends beyond `size`: the runs were decoded for another size.
    #[must_use]
    pub fn to_mask(&self, size: Size) -> Mask {
        let end = self.end();
        assert!(end <= size.area(), "runs up to pixel {end} in an image of {size}");
        // Each run toggles pixels at its ends, and each row is the row above with its toggles: one pass in memory
        // order, where filling columns would jump a row with each pixel.
        let Size { height, width } = size;
        let mut pixels = vec![false; height * width];
        for (start, end) in self.0.iter().map(|&(start, end)| (start as usize, end as usize)) {
            for column in start / height..=(end - 1) / height {
                let top = start.saturating_sub(column * height);
                let bottom = end - column * height;
                pixels[top * width + column] ^= true;
                if bottom < height {
                    pixels[bottom * width + column] ^= true;
                }
            }
        }
        for row in 1..height {
            let (above, below) = pixels.split_at_mut(row * width);
            let above = &above[(row - 1) * width..];
            below.iter_mut().zip(above).for_each(|(pixel, above)| *pixel ^= above);
        }
        Mask::from(Array2::from_shape_vec(size, pixels).expect("height * width pixels were made"))
    }
}

impl From<&Mask> for Runs {
    /// Notes where columns change, row by row (memory order), and sorts the changes.
    fn from(mask: &Mask) -> Self {
        let Size { height, width } = mask.size();
        let pixels = mask.pixels();
        let pixels = pixels.as_slice().expect("masks are row-major");
        let outside = vec![false; width];
        let row = |number: usize| {
            // the rows before the first and after the last
            number.checked_sub(1).and_then(|n| pixels.get(n * width..(n + 1) * width)).unwrap_or(&outside)
        };
        let mut changes = Vec::new();
        for number in 0..=height {
            let (above, below) = (row(number), row(number + 1));
            if above != below {
                let differ = (0..width).filter(|&column| above[column] != below[column]);
                changes.extend(differ.map(|column| column * height + number));
            }
        }
        changes.sort_unstable();
        // A run that ends at the bottom of a column and one that starts at the top of the next give the same number
        // twice: equal numbers are interchangeable, so pairs stay pairs, and `push` joins them.
        let mut runs = Self::default();
        changes.as_chunks().0.iter().for_each(|&[start, end]| runs.push(start, end));
        runs
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}
