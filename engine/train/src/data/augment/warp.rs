//! Warps images by looking up the source of each pixel.

use ndarray::{Array2, Axis};

use super::super::prepare::Sample;
use crate::recipe::Border;

/// The sources of a row's pixels, in pixels of the image.
pub(super) struct Places<'a> {
    pub(super) x: &'a mut [f32],
    pub(super) y: &'a mut [f32],
}

/// Warps an image and its mask: `place` fills in the sources for a row of the given number.
pub(super) fn warp(sample: &Sample, border: Border, mut place: impl FnMut(usize, Places<'_>)) -> Sample {
    let (height, width) = sample.image.dim();
    let (mut image, mut mask) = (Array2::zeros((height, width)), Array2::zeros((height, width)));
    let (mut x, mut y) = (vec![0.0_f32; width], vec![0.0_f32; width]);
    let from = Source {
        image: sample.image.as_slice().expect("planes are row-major"),
        mask: sample.mask.as_slice().expect("planes are row-major"),
        height,
        width,
        border,
    };
    let rows = image.axis_iter_mut(Axis(0)).zip(mask.axis_iter_mut(Axis(0)));
    for (row, (mut image, mut mask)) in rows.enumerate() {
        place(row, Places { x: &mut x, y: &mut y });
        for (((&x, &y), pixel), marked) in x.iter().zip(&y).zip(&mut image).zip(&mut mask) {
            (*pixel, *marked) = from.look_up(x, y);
        }
    }
    Sample { image, mask }
}

struct Source<'a> {
    image: &'a [f32],
    mask: &'a [u8],
    height: usize,
    width: usize,
    border: Border,
}

impl Source<'_> {
    /// The image at a position, bilinearly, and the mask's nearest pixel.
    fn look_up(&self, x: f32, y: f32) -> (f32, u8) {
        let ((left, right), (top, below)) = (split(x), split(y));
        let nearest = (top.saturating_add((below >= 0.5).into()), left.saturating_add((right >= 0.5).into()));
        let (corners, marked) = self.inside(left, top, nearest).unwrap_or_else(|| self.anywhere(left, top, nearest));
        let upper = corners[0] * (1.0 - right) + corners[1] * right;
        let lower = corners[2] * (1.0 - right) + corners[3] * right;
        (upper * (1.0 - below) + lower * below, marked)
    }

    /// The four pixels and the mask's one, if all are within the image: the fast path, and the usual case.
    fn inside(&self, left: i32, top: i32, nearest: (i32, i32)) -> Option<([f32; 4], u8)> {
        let (left, top) = (usize::try_from(left).ok()?, usize::try_from(top).ok()?);
        if left + 1 >= self.width || top + 1 >= self.height {
            return None;
        }
        let at = top * self.width + left;
        let (upper, lower) = (self.image.get(at..at + 2)?, self.image.get(at + self.width..at + self.width + 2)?);
        let marked = self.mask[nearest.0 as usize * self.width + nearest.1 as usize];
        Some(([upper[0], upper[1], lower[0], lower[1]], marked))
    }

    fn anywhere(&self, left: i32, top: i32, nearest: (i32, i32)) -> ([f32; 4], u8) {
        let index = |row: i32, column: i32| {
            let row = self.border.index(row as isize, self.height)?;
            Some(row * self.width + self.border.index(column as isize, self.width)?)
        };
        let corner = |down: i32, across: i32| {
            index(top.saturating_add(down), left.saturating_add(across)).map_or(0.0, |at| self.image[at])
        };
        let marked = index(nearest.0, nearest.1).map_or(0, |at| self.mask[at]);
        ([corner(0, 0), corner(0, 1), corner(1, 0), corner(1, 1)], marked)
    }
}

/// The pixel at or before a position, and the position's distance from it, in 0..1. Rounding down by hand is several
/// times as fast as `floor` if the target's baseline has no instruction for it.
fn split(place: f32) -> (i32, f32) {
    let toward_zero = place as i32;
    let before = if toward_zero as f32 > place { toward_zero.saturating_sub(1) } else { toward_zero };
    // at most 1, for positions so far away that they round
    (before, (place - before as f32).min(1.0))
}

impl Border {
    /// The pixel for an index along a side; `None` if it is black. OpenCV's `borderInterpolate`.
    fn index(self, index: isize, side: usize) -> Option<usize> {
        match self {
            _ if index >= 0 && (index as usize) < side => Some(index as usize),
            Self::Constant => None,
            Self::Replicate => Some(index.clamp(0, side as isize - 1) as usize),
            Self::Reflect => {
                let index = index.rem_euclid(2 * side as isize) as usize;
                Some(index.min(2 * side - 1 - index))
            }
            Self::Reflect101 => Some(mirrored(index, side)),
            Self::Wrap => Some(index.rem_euclid(side as isize) as usize),
        }
    }
}

/// Reflects an index along a side at the centres of its first and last pixels.
pub(super) fn mirrored(index: isize, side: usize) -> usize {
    if side == 1 {
        return 0;
    }
    let period = 2 * (side - 1);
    let index = index.rem_euclid(period as isize) as usize;
    index.min(period - index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_leave_out_the_last_pixel() {
        let shown: Vec<_> = (-5..9).map(|index| mirrored(index, 4)).collect();
        assert_eq!(shown, [1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2]);
        assert!((-3..3).all(|index| mirrored(index, 1) == 0));
    }

    /// The examples of each border in OpenCV's documentation, for the image `abcdefgh`.
    #[test]
    fn borders_are_opencv_s() {
        let cases = [
            (Border::Replicate, "aaaaaa|abcdefgh|hhhhhhh"),
            (Border::Reflect, "fedcba|abcdefgh|hgfedcb"),
            (Border::Reflect101, "gfedcb|abcdefgh|gfedcba"),
            (Border::Wrap, "cdefgh|abcdefgh|abcdefg"),
            (Border::Constant, "000000|abcdefgh|0000000"),
        ];
        for (border, expected) in cases {
            let shown = |index| border.index(index, 8).map_or('0', |at| char::from(b'a' + at as u8));
            let found: String = (-6..15).map(shown).collect();
            assert_eq!(found, expected.replace('|', ""), "{border:?}");
            // a single pixel, far away
            assert_eq!(border.index(-9, 1), (border != Border::Constant).then_some(0), "{border:?}");
        }
    }

    #[test]
    fn beyond_is_as_the_border_says() {
        let sample = Sample { image: ndarray::array![[0.25, 0.75]], mask: ndarray::array![[0, 1]] };
        let far = |x: f32, border| {
            let moved = warp(&sample, border, |row, places| {
                places.x.fill(x);
                places.y.fill(row as f32);
            });
            (moved.image[(0, 0)], moved.mask[(0, 0)])
        };
        assert_eq!(far(0.5, Border::Constant), (0.5, 1));
        assert_eq!(far(1.5, Border::Constant), (0.375, 0)); // half way to black
        assert_eq!(far(-1.0, Border::Constant), (0.0, 0));
        assert_eq!(far(1.5, Border::Reflect101), (0.5, 0));
        assert_eq!(far(-1.0, Border::Reflect101), (0.75, 1));
        assert_eq!(far(-1.0, Border::Replicate), (0.25, 0));
        assert_eq!(far(2.0, Border::Wrap), (0.25, 0));
        assert_eq!(far(2.0, Border::Reflect), (0.75, 1));
        assert_eq!(far(1e20, Border::Constant), (0.0, 0));
        assert_eq!(far(-1e20, Border::Constant), (0.0, 0));
    }
}
