//! The truth of one image, for comparison with masks at the size of the maps.

use ndarray::{Array2, Zip};

use crate::submission::Runs;
use crate::{Mask, Size};
use pleura_image::resize::shares;

/// Counts over the pixels of a mask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Pixels of the mask.
    pub area: u32,
    /// Pixels of the submitted mask that the truth marks, too.
    pub hits: u32,
    /// Pixels of the submitted mask.
    pub submitted: u32,
}

impl Sums {
    /// Adds the counts of other pixels.
    pub fn add(&mut self, other: Self) {
        self.area += other.area;
        self.hits += other.hits;
        self.submitted += other.submitted;
    }
}

/// The truth of one image.
///
/// Masks are resized from the size of the maps to that of the output by nearest pixels, so each pixel of a map stands
/// for a number of the output's pixels, some of which the truth marks.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The number of the output's rows that each row stands for.
    rows: Vec<u32>,
    /// The number of the output's columns that each column stands for.
    columns: Vec<u32>,
    /// The number of the output's marked pixels in the truth that each pixel stands for, within their bounding box.
    hits: Array2<u32>,
    /// The first (row, column) of the box.
    corner: (usize, usize),
    area: u32,
}

impl Target {
    /// `truth` is of `size`; masks are made at `map` and submitted at `mask`.
    ///
    /// A truth of another size than the submitted masks is resized to theirs: a pixel is marked if at least half of it
    /// is, or, if that would leave nothing, where most of it is.
    #[must_use]
    pub fn new(truth: &Runs, size: Size, map: Size, mask: Size) -> Self {
        let counted = |from: usize, to: usize| {
            let mut counts = vec![0; from];
            (0..to).for_each(|place| counts[place * from / to] += 1);
            counts
        };
        let (rows, columns) = (counted(map.height, mask.height), counted(map.width, mask.width));
        if truth.is_empty() {
            return Self { rows, columns, hits: Array2::zeros((0, 0)), corner: (0, 0), area: 0 };
        }
        let truth = fit(&truth.to_mask(size), mask);
        let marked = truth.pixels();
        let marked = marked
            .indexed_iter()
            .filter(|(_, marked)| **marked)
            .map(|((row, column), _)| (row * map.height / mask.height, column * map.width / mask.width));
        let (mut first, mut last) = ((usize::MAX, usize::MAX), (0, 0));
        for (row, column) in marked.clone() {
            first = (first.0.min(row), first.1.min(column));
            last = (last.0.max(row), last.1.max(column));
        }
        let mut hits = Array2::zeros((last.0 + 1 - first.0, last.1 + 1 - first.1));
        marked.for_each(|(row, column)| hits[(row - first.0, column - first.1)] += 1);
        Self { rows, columns, hits, corner: first, area: truth.area() as u32 }
    }

    /// Whether the truth is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.area == 0
    }

    /// The counts of a pixel of the map.
    pub(super) fn at(&self, row: usize, column: usize) -> Sums {
        let place = (row.wrapping_sub(self.corner.0), column.wrapping_sub(self.corner.1));
        let hits = self.hits.get(place).copied().unwrap_or(0);
        Sums { area: 1, hits, submitted: self.rows[row] * self.columns[column] }
    }

    /// The counts of a mask of the map's size.
    #[must_use]
    pub fn sums(&self, mask: &Mask) -> Sums {
        let mut sums = Sums::default();
        for (y, row) in mask.pixels().rows().into_iter().enumerate() {
            row.iter().enumerate().filter(|(_, marked)| **marked).for_each(|(x, _)| sums.add(self.at(y, x)));
        }
        sums
    }

    /// Dice's coefficient of a mask, in 0..=1; 1 if both are empty.
    #[must_use]
    pub fn dice(&self, sums: Sums) -> f64 {
        let whole = sums.submitted + self.area;
        if whole == 0 { 1.0 } else { f64::from(2 * sums.hits) / f64::from(whole) }
    }

    /// Dice's coefficient of the empty mask.
    #[must_use]
    pub fn nothing(&self) -> f64 {
        if self.is_empty() { 1.0 } else { 0.0 }
    }
}

/// Resizes the truth. A non-empty mask does not become empty.
fn fit(truth: &Mask, size: Size) -> Mask {
    if truth.size() == size {
        return truth.clone();
    }
    let shares = shares(truth, size);
    let most = shares.iter().copied().fold(0.0, f32::max);
    let least = most.min(0.5);
    Mask::from(Zip::from(&shares).map_collect(|&share| share > 0.0 && share >= least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ensemble::nearest;

    fn drawn(size: Size, marked: impl Fn(usize, usize) -> bool) -> Mask {
        Mask::from(Array2::from_shape_fn(size, |(row, column)| marked(row, column)))
    }

    #[test]
    fn counts_are_those_of_the_mask_that_is_submitted() {
        let mask = drawn(Size::new(5, 7), |row, column| (row * 7 + column) % 3 != 0);
        for size in [(5, 7), (10, 14), (13, 9), (3, 4)].map(Size::from) {
            let truth = drawn(size, |row, column| (row + column) % 2 == 0);
            let target = Target::new(&Runs::from(&truth), size, mask.size(), size);
            let submitted = nearest(&mask, size);
            let expected = Runs::from(&submitted).dice(&Runs::from(&truth));
            let sums = target.sums(&mask);
            assert_eq!((sums.area as usize, sums.submitted as usize), (mask.area(), submitted.area()), "{size}");
            assert_eq!(target.dice(sums), expected, "{size}");
        }
    }

    #[test]
    fn a_small_truth_does_not_vanish() {
        let (large, small) = (Size::new(64, 64), Size::new(8, 8));
        let truth = drawn(large, |row, column| row == 9 && column == 9);
        let target = Target::new(&Runs::from(&truth), large, small, small);
        assert!(!target.is_empty());
        let there = drawn(small, |row, column| (row, column) == (1, 1));
        assert_eq!(target.dice(target.sums(&there)), 1.0);
        assert_eq!((target.nothing(), target.dice(Sums::default())), (0.0, 0.0));
        let empty = Target::new(&Runs::default(), large, small, small);
        assert_eq!((empty.nothing(), empty.dice(Sums::default())), (1.0, 1.0));
    }
}
