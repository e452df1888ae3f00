//! Looks up where pixels come from.

use ndarray::{Array2, ArrayView2, Axis};

use super::super::prepare::Sample;

/// What lies beyond an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Black, and not marked.
    Black,
    /// The image mirrored, without its last pixel: OpenCV's `BORDER_REFLECT_101`.
    Mirrored,
}

/// The place that each pixel of a row comes from, in pixels of the image.
pub(super) struct Places<'a> {
    pub(super) x: &'a mut [f32],
    pub(super) y: &'a mut [f32],
}

/// An image and its mask of pixels that come from elsewhere: `place` fills in the places for a row of that number.
pub(super) fn warp(sample: &Sample, beyond: Beyond, mut place: impl FnMut(usize, Places<'_>)) -> Sample {
    let (height, width) = sample.image.dim();
    let (mut image, mut mask) = (Array2::zeros((height, width)), Array2::zeros((height, width)));
    let (mut x, mut y) = (vec![0.0_f32; width], vec![0.0_f32; width]);
    let from = Source { image: sample.image.view(), mask: sample.mask.view(), beyond };
    let rows = image.axis_iter_mut(Axis(0)).zip(mask.axis_iter_mut(Axis(0)));
    for (row, (mut image, mut mask)) in rows.enumerate() {
        place(row, Places { x: &mut x, y: &mut y });
        for (((&x, &y), pixel), marked) in x.iter().zip(&y).zip(&mut image).zip(&mut mask) {
            *pixel = from.bilinear(x, y);
            *marked = from.nearest(x, y);
        }
    }
    Sample { image, mask }
}

struct Source<'a> {
    image: ArrayView2<'a, f32>,
    mask: ArrayView2<'a, u8>,
    beyond: Beyond,
}

impl Source<'_> {
    fn bilinear(&self, x: f32, y: f32) -> f32 {
        let (height, width) = self.image.dim();
        let (left, top) = (x.floor(), y.floor());
        let (right, below) = (x - left, y - top);
        let (left, top) = (left as isize, top as isize);
        let inside = left >= 0 && top >= 0 && left < width as isize - 1 && top < height as isize - 1;
        let corner = |down: isize, across: isize| {
            let (row, column) = (top.saturating_add(down), left.saturating_add(across));
            if inside {
                return self.image[(row as usize, column as usize)];
            }
            let row = self.beyond.index(row, height);
            row.zip(self.beyond.index(column, width)).map_or(0.0, |place| self.image[place])
        };
        let upper = corner(0, 0) * (1.0 - right) + corner(0, 1) * right;
        let lower = corner(1, 0) * (1.0 - right) + corner(1, 1) * right;
        upper * (1.0 - below) + lower * below
    }

    fn nearest(&self, x: f32, y: f32) -> u8 {
        let (height, width) = self.mask.dim();
        let row = self.beyond.index((y + 0.5).floor() as isize, height);
        row.zip(self.beyond.index((x + 0.5).floor() as isize, width)).map_or(0, |place| self.mask[place])
    }
}

impl Beyond {
    /// The pixel for an index along a side; `None` where it is black.
    fn index(self, index: isize, side: usize) -> Option<usize> {
        match self {
            _ if index >= 0 && (index as usize) < side => Some(index as usize),
            Self::Black => None,
            Self::Mirrored => Some(mirrored(index, side)),
        }
    }
}

/// The pixel that an index along a side shows in the mirrors at its ends, which the last pixels lie on.
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

    #[test]
    fn beyond_is_black_or_mirrored() {
        let sample = Sample { image: ndarray::array![[0.25, 0.75]], mask: ndarray::array![[0, 1]] };
        let far = |x: f32, beyond| {
            let moved = warp(&sample, beyond, |row, places| {
                places.x.fill(x);
                places.y.fill(row as f32);
            });
            (moved.image[(0, 0)], moved.mask[(0, 0)])
        };
        assert_eq!(far(0.5, Beyond::Black), (0.5, 1));
        assert_eq!(far(1.5, Beyond::Black), (0.375, 0)); // half of the way to black
        assert_eq!(far(-1.0, Beyond::Black), (0.0, 0));
        assert_eq!(far(1.5, Beyond::Mirrored), (0.5, 0));
        assert_eq!(far(-1.0, Beyond::Mirrored), (0.75, 1));
        assert_eq!(far(1e20, Beyond::Black), (0.0, 0));
    }
}
