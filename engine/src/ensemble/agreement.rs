//! How far the members of an ensemble agree on an image.

use multiversion::multiversion;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// How far the members agree on an image, of those that ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// The highest score of a classifier minus the lowest, in 0..=1; `None` if fewer than two ran fully.
    pub score_spread: Option<f32>,
    /// The mean Dice over all pairs of the segmenters' own masks, in 0..=1, where two empty masks count 1; `None` if
    /// fewer than two ran.
    pub dice: Option<f32>,
}

impl Agreement {
    /// From each classifier's score, and the segmenters' Dice.
    pub(super) fn new(scores: impl Iterator<Item = f32> + Clone, dice: Option<f32>) -> Self {
        let several = scores.clone().nth(1).is_some();
        let spread = scores.clone().fold(0.0, f32::max) - scores.fold(1.0, f32::min);
        Self { score_spread: several.then_some(spread), dice }
    }
}

/// A mask of one bit a pixel: each row starts a new word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bits {
    words: Vec<u64>,
    area: usize,
}

/// Pixels of a word.
const WORD: usize = 64;

impl Bits {
    /// The pixels of a map that are strictly above a number.
    pub fn of(map: ArrayView2<'_, f32>, above: f32) -> Self {
        let mut bits = Self { words: Vec::with_capacity(map.nrows() * map.ncols().div_ceil(WORD)), area: 0 };
        for row in map.rows() {
            match row.as_slice() {
                Some(row) => bits.push(row, above),
                None => bits.push(&row.to_vec(), above),
            }
        }
        bits
    }

    /// Adds the next row.
    pub fn push(&mut self, row: &[f32], above: f32) {
        self.area += add(&mut self.words, row, above);
    }

    /// Dice's coefficient with a mask of the same size; 1 if both are empty.
    fn dice(&self, other: &Self) -> f64 {
        let both: usize = self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones() as usize).sum();
        let areas = self.area + other.area;
        if areas == 0 { 1.0 } else { 2.0 * both as f64 / areas as f64 }
    }
}

/// Packs a row into words, and returns the number of its marked pixels.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw", "x86_64+avx+avx2"))]
fn add(words: &mut Vec<u64>, row: &[f32], above: f32) -> usize {
    let mut area = 0;
    for pixels in row.chunks(WORD) {
        let mut marks = [0_u8; WORD];
        marks.iter_mut().zip(pixels).for_each(|(mark, &p)| *mark = u8::from(p > above));
        let mut word = 0;
        for (place, eight) in marks.as_chunks::<8>().0.iter().enumerate() {
            // moves the lowest bit of each of eight bytes, the first byte's first, into the highest byte
            let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            word |= bits << (8 * place);
        }
        area += word.count_ones() as usize;
        words.push(word);
    }
    area
}

/// The mean Dice over all pairs of masks of one size; `None` if there are fewer than two.
pub fn mean_dice(masks: &[Bits]) -> Option<f32> {
    let pairs = masks.iter().enumerate().flat_map(|(i, mask)| masks[..i].iter().map(move |other| (mask, other)));
    let (sum, count) = pairs.fold((0.0, 0_u32), |(sum, count), (a, b)| (sum + a.dice(b), count + 1));
    (count > 0).then(|| (sum / f64::from(count)) as f32)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::Mask;
    use crate::submission::Runs;

    fn map(size: (usize, usize), seed: usize) -> Array2<f32> {
        Array2::from_shape_fn(size, |(row, column)| ((row * 31 + column * 17 + seed * 97) % 101) as f32 / 100.0)
    }

    #[test]
    fn dice_is_that_of_the_masks() {
        for size in [(1, 1), (3, 63), (5, 64), (7, 65), (9, 200)] {
            let maps = [map(size, 1), map(size, 2), map(size, 3)];
            let bits: Vec<Bits> = maps.iter().map(|map| Bits::of(map.view(), 0.5)).collect();
            let runs: Vec<Runs> = maps.iter().map(|map| Runs::from(&Mask::from(map.mapv(|p| p > 0.5)))).collect();
            bits.iter().zip(&runs).for_each(|(bits, runs)| assert_eq!(bits.area, runs.area()));
            let expected = (runs[0].dice(&runs[1]) + runs[0].dice(&runs[2]) + runs[1].dice(&runs[2])) / 3.0;
            assert!((f64::from(mean_dice(&bits).unwrap()) - expected).abs() < 1e-6, "{size:?}");
        }
    }

    #[test]
    fn a_pixel_on_the_threshold_and_the_layout_of_a_map_do_not_count() {
        let one = Array2::from_shape_vec((2, 2), vec![0.5, 0.6, 0.5, 0.7]).unwrap();
        assert_eq!(Bits::of(one.view(), 0.5).area, 2);
        let wide = map((4, 70), 1);
        let columns = wide.t().as_standard_layout().into_owned();
        assert_eq!(Bits::of(columns.t(), 0.5), Bits::of(wide.view(), 0.5));
    }

    #[test]
    fn empty_masks_agree_and_one_member_does_not_say() {
        let (none, some) = (Bits::of(Array2::zeros((3, 3)).view(), 0.5), Bits::of(Array2::ones((3, 3)).view(), 0.5));
        assert_eq!(mean_dice(&[none.clone(), none.clone()]), Some(1.0));
        assert_eq!(mean_dice(&[none.clone(), some]), Some(0.0));
        assert_eq!(mean_dice(&[none]), None);
        let spread = |scores: &[f32]| Agreement::new(scores.iter().copied(), None).score_spread;
        assert_eq!((spread(&[]), spread(&[0.5]), spread(&[0.25, 0.75, 0.5])), (None, None, Some(0.5)));
    }
}
