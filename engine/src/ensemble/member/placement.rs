//! Where an image lies on a network's input, and how a map comes back from there.

use ndarray::{Array2, ArrayView2, s};

use super::decimal;
use super::prepare::MAX_SIDE;
use crate::Size;
use crate::ensemble::error::ImageError;
use crate::manifest::{Fit, MapResize, Windows};
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
    /// Where an image of a size, with pixels of (row, column) mm, lies; `None` if it fills the input. Windows are cut out
    /// of `outer`, which then is the image's size, or the input's where that is larger.
    ///
    /// # Errors
    /// If the pixels' spacing is needed and unknown, or a side becomes longer than any image may be.
    pub fn new(fit: Fit, image: Size, spacing: Option<(f32, f32)>, input: Size) -> Result<Option<Self>, ImageError> {
        let (inner, outer, before): (Size, Size, fn(usize, usize) -> isize) = match fit {
            Fit::Stretch | Fit::CenterSquare => return Ok(None),
            Fit::Letterbox { .. } => (within(image, input), input, border_before),
            Fit::CenterCrop { short_side } => (around(image, short_side as usize), input, cut_before),
            Fit::Windows(windows) => {
                let inner = resized(image, spacing, &windows)?;
                let outer = Size::new(inner.height.max(input.height), inner.width.max(input.width));
                (inner, outer, border_before)
            }
        };
        if inner.height.max(inner.width) > MAX_SIDE {
            return Err(ImageError::TooLong { size: image, inner });
        }
        let (top, left) = (before(inner.height, outer.height), before(inner.width, outer.width));
        Ok(Some(Self { inner, outer, top, left }))
    }

    /// The input: what of the resized image lies on it, and the border.
    pub fn put(&self, image: ArrayView2<'_, f32>, border: f32) -> Array2<f32> {
        moved(image, self.outer, (self.top, self.left), border)
    }

    /// The part of the input that shows the image.
    pub fn image<'a>(&self, input: ArrayView2<'a, f32>) -> ArrayView2<'a, f32> {
        let shown = |first: isize, inner: usize, outer: usize| {
            let start = (-first).max(0) as usize;
            start..(inner as isize - first).min(outer as isize) as usize
        };
        let rows = shown(self.top, self.inner.height, self.outer.height);
        input.slice_move(s![rows, shown(self.left, self.inner.width, self.outer.width)])
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

/// The size to which windows' image is resized.
fn resized(image: Size, spacing: Option<(f32, f32)>, windows: &Windows) -> Result<Size, ImageError> {
    if let Some(size) = windows.resized {
        return Ok(size.into());
    }
    let Some([row, column]) = windows.spacing else { return Ok(image) };
    let (have_row, have_column) = spacing.ok_or(ImageError::NoSpacing)?;
    let side =
        |side: usize, have, wanted| ((decimal(have) / decimal(wanted) * side as f64).round_ties_even() as usize).max(1);
    Ok(Size::new(side(image.height, have_row, row), side(image.width, have_column, column)))
}

/// The rows or columns of the border before an image, negative; of two halves the smaller one.
fn border_before(inner: usize, outer: usize) -> isize {
    -(((outer - inner) / 2) as isize)
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
    use crate::manifest::{Convention, Weighting};

    fn placed(fit: Fit, image: Size, input: Size) -> Option<Placement> {
        Placement::new(fit, image, None, input).unwrap()
    }

    #[test]
    fn a_letterbox_keeps_the_ratio_and_gives_the_map_back() {
        let fit = Fit::Letterbox { border: 0.5 };
        // albumentations: LongestMaxSize(8), PadIfNeeded(8, 8) of 6 x 3 pixels: 8 x 4, two columns before and after
        let placement = placed(fit, Size::new(6, 3), Size::new(8, 8)).unwrap();
        assert_eq!(placement.inner, Size::new(8, 4));
        let image = Array2::from_shape_fn((8, 4), |(y, x)| (4 * y + x) as f32);
        let input = placement.put(image.view(), 0.5);
        assert_eq!(input.row(1).to_vec(), [0.5, 0.5, 4.0, 5.0, 6.0, 7.0, 0.5, 0.5]);
        assert_eq!(placement.image(input.view()), image);
        assert_eq!(placement.back(input, MapResize::Linear), image);
        // one pixel more after than before
        let placement = placed(fit, Size::new(2, 1), Size::new(2, 4)).unwrap();
        assert_eq!(placement.put(array![[1.0], [2.0]].view(), 0.0), array![[0.0, 1.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]]);
    }

    #[test]
    fn a_map_of_half_the_size_comes_back_too() {
        let placement = placed(Fit::Letterbox { border: 0.0 }, Size::new(4, 2), Size::new(4, 4)).unwrap();
        let map = array![[0.0, 1.0], [2.0, 3.0]];
        let back = placement.back(map, MapResize::Nearest);
        assert_eq!(back, array![[0.0, 1.0], [0.0, 1.0], [2.0, 3.0], [2.0, 3.0]]);
    }

    #[test]
    fn a_centre_is_cut_and_pasted_back() {
        let fit = Fit::CenterCrop { short_side: 4 };
        // torchvision: Resize(4), CenterCrop(2) of 8 x 10 pixels: 4 x 5, one row and 1.5 columns cut off before
        let placement = placed(fit, Size::new(8, 10), Size::new(2, 2)).unwrap();
        assert_eq!(placement.inner, Size::new(4, 5));
        let image = Array2::from_shape_fn((4, 5), |(y, x)| (5 * y + x) as f32);
        let input = placement.put(image.view(), 0.0);
        assert_eq!(input, array![[7.0, 8.0], [12.0, 13.0]]);
        assert_eq!(placement.image(input.view()), input);
        let back = placement.back(input, MapResize::Linear);
        assert_eq!(back.sum(), 40.0);
        assert_eq!((back[(1, 2)], back[(2, 3)], back[(0, 0)]), (7.0, 13.0, 0.0));
    }

    #[test]
    fn what_fills_the_input_is_not_moved() {
        assert_eq!(placed(Fit::Stretch, Size::new(3, 5), Size::new(8, 8)), None);
        let whole = placed(Fit::Letterbox { border: 0.0 }, Size::new(16, 16), Size::new(8, 8)).unwrap();
        let image = Array2::from_elem((8, 8), 0.25);
        assert_eq!(whole.put(image.view(), 0.0), image);
    }

    #[test]
    fn windows_are_cut_out_of_the_image_at_its_own_spacing() {
        let (overlap, weighting, convention) = (0.5, Weighting::Gaussian, Convention::NnUnet);
        let own = Windows { overlap, weighting, convention, resized: None, spacing: None, border: None };
        let input = Size::new(32, 32);
        let placement = placed(Fit::Windows(own), Size::new(40, 27), input).unwrap();
        assert_eq!((placement.inner, placement.outer), (Size::new(40, 27), Size::new(40, 32)));
        assert_eq!((placement.top, placement.left), (0, -2));
        let spaced = Fit::Windows(Windows { spacing: Some([0.5, 0.8]), ..own });
        let placement = Placement::new(spaced, Size::new(40, 30), Some((0.7, 0.7)), input).unwrap().unwrap();
        // round(40 · 0.7 / 0.5), round(30 · 0.7 / 0.8)
        assert_eq!(placement.inner, Size::new(56, 26));
        let unknown = Placement::new(spaced, Size::new(40, 30), None, input).unwrap_err();
        assert!(unknown.to_string().contains("no pixel spacing"), "{unknown}");
        let long = Placement::new(spaced, Size::new(16_000, 30), Some((0.7, 0.7)), input).unwrap_err();
        assert!(long.to_string().contains("22400"), "{long}");
    }
}
