//! Where an image lies on a network's input, and how a map comes back from there.

use ndarray::{Array2, ArrayView2, s};

use crate::Size;
use crate::manifest::{Fit, MapResize};
use pleura_image::resize::resized_map;

/// An image of `inner` size on an input of `outer` size, whose first pixel is at (`top`, `left`) of the image; negative
/// if a border comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The size of the resized image.
    pub inner: Size,
    outer: Size,
    top: isize,
    left: isize,
}

impl Placement {
    /// Where an image of a size lies; `None` if it fills the input.
    pub fn new(fit: Fit, image: Size, outer: Size) -> Option<Self> {
        let (inner, before): (Size, fn(usize, usize) -> isize) = match fit {
            Fit::Stretch => return None,
            Fit::Letterbox { .. } => (within(image, outer), |inner, outer| -(((outer - inner) / 2) as isize)),
            Fit::CenterCrop { short_side } => (around(image, short_side as usize), cut_before),
        };
        let (top, left) = (before(inner.height, outer.height), before(inner.width, outer.width));
        Some(Self { inner, outer, top, left })
    }

    /// The input: what of the resized image lies on it, and the border.
    pub fn put(&self, image: ArrayView2<'_, f32>, border: f32) -> Array2<f32> {
        moved(image, self.outer, (self.top, self.left), border)
    }

    /// A map of the input's, of any size, as a map of the resized image; 0 where the input does not reach.
    pub fn back(&self, map: Array2<f32>, how: MapResize) -> Array2<f32> {
        let map = resized_map(map, self.outer, how);
        moved(map.view(), self.inner, (-self.top, -self.left), 0.0)
    }
}

/// The largest size of the image's ratio within another.
fn within(image: Size, outer: Size) -> Size {
    let scale = (outer.height as f64 / image.height as f64).min(outer.width as f64 / image.width as f64);
    let side = |side: usize, most: usize| ((side as f64 * scale).round() as usize).clamp(1, most);
    Size::new(side(image.height, outer.height), side(image.width, outer.width))
}

/// The size of the image's ratio with a shorter side.
fn around(image: Size, short: usize) -> Size {
    let shorter = image.height.min(image.width);
    Size::new(image.height * short / shorter, image.width * short / shorter)
}

/// The rows or columns cut off before the centre: half of them, of two halves as near the even one.
fn cut_before(inner: usize, outer: usize) -> isize {
    ((inner as f64 - outer as f64) / 2.0).round_ties_even() as isize
}

/// A plane seen through a window of a size whose first pixel is at `first` of the plane.
fn moved(plane: ArrayView2<'_, f32>, size: Size, first: (isize, isize), around: f32) -> Array2<f32> {
    let mut window = Array2::from_elem(size, around);
    let overlap = |first: isize, from: usize, to: usize| {
        let start = first.max(0);
        let end = (first + to as isize).min(from as isize).max(start);
        (start as usize..end as usize, (start - first) as usize..(end - first) as usize)
    };
    let (from_rows, to_rows) = overlap(first.0, plane.nrows(), size.height);
    let (from_columns, to_columns) = overlap(first.1, plane.ncols(), size.width);
    window.slice_mut(s![to_rows, to_columns]).assign(&plane.slice(s![from_rows, from_columns]));
    window
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_letterbox_keeps_the_ratio_and_gives_the_map_back() {
        let fit = Fit::Letterbox { border: 0.5 };
        // albumentations: LongestMaxSize(8), PadIfNeeded(8, 8) of 6 x 3 pixels: 8 x 4, two columns before and after
        let placement = Placement::new(fit, Size::new(6, 3), Size::new(8, 8)).unwrap();
        assert_eq!(placement.inner, Size::new(8, 4));
        let image = Array2::from_shape_fn((8, 4), |(y, x)| (4 * y + x) as f32);
        let input = placement.put(image.view(), 0.5);
        assert_eq!(input.row(1).to_vec(), [0.5, 0.5, 4.0, 5.0, 6.0, 7.0, 0.5, 0.5]);
        assert_eq!(placement.back(input, MapResize::Linear), image);
        // one pixel more after than before
        let placement = Placement::new(fit, Size::new(2, 1), Size::new(2, 4)).unwrap();
        assert_eq!(placement.put(array![[1.0], [2.0]].view(), 0.0), array![[0.0, 1.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]]);
    }

    #[test]
    fn a_map_of_half_the_size_comes_back_too() {
        let placement = Placement::new(Fit::Letterbox { border: 0.0 }, Size::new(4, 2), Size::new(4, 4)).unwrap();
        let map = array![[0.0, 1.0], [2.0, 3.0]];
        let back = placement.back(map, MapResize::Nearest);
        assert_eq!(back, array![[0.0, 1.0], [0.0, 1.0], [2.0, 3.0], [2.0, 3.0]]);
    }

    #[test]
    fn a_centre_is_cut_and_pasted_back() {
        let fit = Fit::CenterCrop { short_side: 4 };
        // torchvision: Resize(4), CenterCrop(2) of 8 x 10 pixels: 4 x 5, one row and 1.5 columns cut off before
        let placement = Placement::new(fit, Size::new(8, 10), Size::new(2, 2)).unwrap();
        assert_eq!(placement.inner, Size::new(4, 5));
        let image = Array2::from_shape_fn((4, 5), |(y, x)| (5 * y + x) as f32);
        let input = placement.put(image.view(), 0.0);
        assert_eq!(input, array![[7.0, 8.0], [12.0, 13.0]]);
        let back = placement.back(input, MapResize::Linear);
        assert_eq!(back.sum(), 40.0);
        assert_eq!((back[(1, 2)], back[(2, 3)], back[(0, 0)]), (7.0, 13.0, 0.0));
    }

    #[test]
    fn what_fills_the_input_is_not_moved() {
        assert_eq!(Placement::new(Fit::Stretch, Size::new(3, 5), Size::new(8, 8)), None);
        let whole = Placement::new(Fit::Letterbox { border: 0.0 }, Size::new(16, 16), Size::new(8, 8)).unwrap();
        let image = Array2::from_elem((8, 8), 0.25);
        assert_eq!(whole.put(image.view(), 0.0), image);
    }
}
