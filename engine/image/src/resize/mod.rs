//! Resizing planes.

mod area;
mod centres;
mod linear;
mod spline;
mod taps;

use std::cell::RefCell;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Mask, Size};

pub use linear::Linear;

/// How an image is resized, by the arithmetic of the library named. All sample at pixel centres (`align_corners =
/// false`). Images stay floats; they are not rounded to 8 bits, unlike in libraries that resize 8-bit pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// Bilinear between the four nearest pixels, as OpenCV's `INTER_LINEAR` and PyTorch's `bilinear`. The default.
    #[default]
    Linear,
    /// Bilinear with a support that grows when shrinking, as Pillow's `BILINEAR`.
    LinearAntialias,
    /// OpenCV's `INTER_AREA`, at every ratio: the mean of the area covered where neither side grows; otherwise between
    /// two pixels, by the area covered of each.
    Area,
    /// Pillow's `BOX`: the mean of the pixels whose centres are covered.
    Box,
    /// Bicubic between the sixteen nearest pixels, with a = -0.75, as OpenCV's `INTER_CUBIC` and PyTorch's `bicubic`.
    Cubic,
    /// Bicubic (Catmull-Rom) with antialiasing, as Pillow's `BICUBIC`.
    CubicAntialias,
    /// A cubic B-spline through the pixels, within their range, as SciPy's `zoom` of order 3 (`grid_mode=True`,
    /// `mode="nearest"`) and nnU-Net's resampling of images.
    Spline,
    /// The pixel in which the centre lies: `floor((x + 0.5) * from / to)`, exactly.
    Nearest,
}

/// The most bytes of buffers that a thread keeps: enough for a radiograph of usual size.
const KEPT: usize = 16 << 20;

thread_local! {
    /// Reuses the previous plane's buffers.
    static RESIZER: RefCell<Resizer> = RefCell::default();
}

/// Resizes a plane to `size`; a plane of that size is returned unchanged.
///
/// Sides must be at least 1 and fit in 32 bits. Weights are never negative, except for cubic ones, so a linear resize
/// keeps order: if one plane is nowhere higher than another, neither is the resized one. Exact early exit relies on it.
///
/// # Panics
/// If a side is 0.
#[must_use]
pub fn resize<'a>(plane: ArrayView2<'a, f32>, size: Size, how: Resize) -> CowArray<'a, f32, Ix2> {
    let from = Size::from(plane.dim());
    if from == size {
        return plane.into();
    }
    assert!(from.area() > 0 && size.area() > 0, "{:?} to {:?}: a plane has pixels", from.dim(), size.dim());
    match how {
        Resize::Area => area::resize(plane, size),
        Resize::Box => centres::mean(plane, size),
        Resize::Cubic => taps::cubic(plane, size),
        Resize::Spline => spline::spline(plane, size),
        Resize::Nearest => centres::at_centres(plane, size),
        Resize::Linear => linear::resize(plane, size).unwrap_or_else(|| library(plane, size, how)),
        Resize::LinearAntialias | Resize::CubicAntialias => library(plane, size, how),
    }
    .into()
}

/// Resizes an image of size `from` without having it as a whole: `source` writes one of its rows. `None` where this way
/// of resizing needs more than the rows of one place, or a side is 0.
#[must_use]
pub fn rows_resized(from: Size, size: Size, how: Resize, source: impl FnMut(usize, &mut [f32])) -> Option<Array2<f32>> {
    match how {
        _ if from.area() == 0 || size.area() == 0 => None,
        Resize::Linear => Some(Linear::new(from, size)?.plane(source)),
        Resize::Area => Some(area::rows_resized(from, size, source)),
        _ => None,
    }
}

/// Resizes by `fast_image_resize`.
fn library(plane: ArrayView2<'_, f32>, size: Size, how: Resize) -> Array2<f32> {
    let algorithm = match how {
        Resize::LinearAntialias => ResizeAlg::Convolution(FilterType::Bilinear),
        Resize::CubicAntialias => ResizeAlg::Convolution(FilterType::CatmullRom),
        _ => ResizeAlg::Interpolation(FilterType::Bilinear),
    };
    let from = Size::from(plane.dim());
    let source = plane.as_standard_layout();
    let source_pixels = pixels(source.as_slice().expect("just laid out"));
    let mut out = Array2::<f32>::zeros(size);
    let target_pixels = pixels_mut(out.as_slice_mut().expect("a new array is dense"));
    let source =
        TypedImageRef::new(side(from.width), side(from.height), source_pixels).expect("the length is the product");
    let mut target =
        TypedImage::from_pixels_slice(side(size.width), side(size.height), target_pixels).expect("likewise");
    let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false);
    // Taken, not borrowed: while this thread waits for others, it may process another plane.
    let mut resizer = RESIZER.take();
    resizer.resize_typed(&source, &mut target, &options).expect("grey planes of sizes above zero resize");
    if resizer.size_of_internal_buffers() <= KEPT {
        RESIZER.set(resizer);
    }
    out
}

/// How a network's map is resized to the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MapResize {
    /// Bilinear, sampled at pixel centres, as PyTorch's `bilinear` (`align_corners=False`) and OpenCV's `INTER_LINEAR`.
    /// The default.
    #[default]
    Linear,
    /// Bilinear between the corners' centres, as PyTorch's `bilinear` with `align_corners=True`.
    LinearAlignCorners,
    /// The pixel at `floor(place * from / to)`, as PyTorch's `nearest` and OpenCV's `INTER_NEAREST`.
    Nearest,
}

/// Resizes a map to `size`; one that has it is not copied. No way of resizing has negative weights: see [`resize`].
#[must_use]
pub fn resized_map(map: Array2<f32>, size: Size, how: MapResize) -> Array2<f32> {
    match how {
        _ if map.dim() == size.dim() => map,
        MapResize::Linear => resized(map, size, Resize::Linear),
        MapResize::LinearAlignCorners => taps::corners(map.view(), size),
        MapResize::Nearest => nearest_pixels(map.view(), size),
    }
}

/// As [`resize`], for an owned plane: one that already has the size is not copied.
#[must_use]
pub fn resized(plane: Array2<f32>, size: Size, how: Resize) -> Array2<f32> {
    if plane.dim() == size.dim() { plane } else { resize(plane.view(), size, how).into_owned() }
}

/// The share of each pixel of a plane of `size` that a mask marks, in 0..=1: by area, even if one side grows and the
/// other shrinks.
#[must_use]
pub fn shares(mask: &Mask, size: Size) -> Array2<f32> {
    let marked = mask.pixels().mapv(|marked| if marked { 1.0 } else { 0.0 });
    // In one step, OpenCV's rule for growing sides would skip pixels of the shrinking side.
    let small = Size::new(size.height.min(marked.nrows()), size.width.min(marked.ncols()));
    resized(resized(marked, small, Resize::Area), size, Resize::Area)
}

/// Resizes a mask to `size`: each pixel takes the one at `floor(place * from / to)`, as OpenCV's `INTER_NEAREST`.
///
/// # Panics
/// If the mask has a side of 0, and `size` has not.
#[must_use]
pub fn nearest(mask: &Mask, size: Size) -> Mask {
    let from = mask.size();
    if from == size {
        return mask.clone();
    }
    assert!(from.area() > 0, "{:?} to {:?}: a mask has pixels", from.dim(), size.dim());
    Mask::from(nearest_pixels(mask.pixels().view(), size))
}

/// The pixel at `floor(place * from / to)` of each place.
fn nearest_pixels<T: Copy>(plane: ArrayView2<'_, T>, size: Size) -> Array2<T> {
    let from = Size::from(plane.dim());
    let source = |(row, column)| (row * from.height / size.height, column * from.width / size.width);
    Array2::from_shape_fn(size, |place| plane[source(place)])
}

/// Sides are at most 16384: checked in manifests and when images are read.
fn side(pixels: usize) -> u32 {
    u32::try_from(pixels).expect("a side fits 32 bits")
}

fn pixels(plane: &[f32]) -> &[F32] {
    // SAFETY: `F32` is a transparent wrapper around one `f32`.
    let (before, pixels, after) = unsafe { plane.align_to::<F32>() };
    debug_assert!(before.is_empty() && after.is_empty());
    pixels
}

fn pixels_mut(plane: &mut [f32]) -> &mut [F32] {
    // SAFETY: as above.
    let (before, pixels, after) = unsafe { plane.align_to_mut::<F32>() };
    debug_assert!(before.is_empty() && after.is_empty());
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn linear_samples_at_pixel_centres() {
        // torch.nn.functional.interpolate(x, size=(1, 4), mode="bilinear", align_corners=False) of [0, 1]
        let out = resize(array![[0.0, 1.0]].view(), Size::new(1, 4), Resize::Linear).into_owned();
        assert_eq!(out, array![[0.0, 0.25, 0.75, 1.0]]);
    }

    #[test]
    fn linear_does_not_smooth_when_shrinking_and_area_does() {
        let plane = array![[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]];
        let linear = resize(plane.view(), Size::new(1, 2), Resize::Linear).into_owned();
        let area = resize(plane.view(), Size::new(1, 2), Resize::Area).into_owned();
        assert_eq!(linear, array![[0.5, 0.0]]); // between pixels 1 and 2, between 5 and 6
        assert_eq!(area, array![[0.5, 0.0]]);
        let shifted = array![[1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]];
        assert_eq!(resize(shifted.view(), Size::new(1, 2), Resize::Linear).into_owned(), array![[0.0, 0.0]]);
        assert_eq!(resize(shifted.view(), Size::new(1, 2), Resize::Area).into_owned(), array![[0.5, 0.0]]);
    }

    #[test]
    fn area_counts_pixels_in_part_and_box_does_not() {
        // numpy.array([[0, 2, 4, 6, 8]], "f"): cv2.resize(…, (2, 1), interpolation=cv2.INTER_AREA), and Pillow's
        // Image.fromarray(…).resize((2, 1), Image.Resampling.BOX)
        let row = array![[0.0, 2.0, 4.0, 6.0, 8.0]];
        assert_eq!(resize(row.view(), Size::new(1, 2), Resize::Area).into_owned(), array![[1.6, 6.4]]);
        assert_eq!(resize(row.view(), Size::new(1, 2), Resize::Box).into_owned(), array![[2.0, 7.0]]);
    }

    #[test]
    fn a_mask_s_shares_are_areas_whichever_side_grows() {
        // columns 0 and 1 of 4, row 0 of 2
        let mask = Mask::from(array![[true, true, false, false], [false; 4]]);
        assert_eq!(shares(&mask, Size::new(1, 2)), array![[0.5, 0.0]]);
        assert_eq!(shares(&mask, Size::new(4, 1)), array![[0.5], [0.5], [0.0], [0.0]]);
        assert_eq!(shares(&mask, Size::new(1, 8)), array![[0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]]);
        assert_eq!(shares(&mask, Size::new(3, 2)), array![[1.0, 0.0], [0.5, 0.0], [0.0, 0.0]]);
    }

    #[test]
    fn maps_are_resized_by_the_nearest_pixel_as_masks_are() {
        let map = array![[0.1, 0.2, 0.3]];
        assert_eq!(
            resized_map(map.clone(), Size::new(2, 5), MapResize::Nearest).row(1),
            array![0.1, 0.1, 0.2, 0.2, 0.3]
        );
        let corners = resized_map(map.clone(), Size::new(1, 2), MapResize::LinearAlignCorners);
        assert_eq!(corners, array![[0.1, 0.3]]);
        let linear = resized_map(map.clone(), Size::new(1, 6), MapResize::Linear);
        assert_eq!(linear, resized(map, Size::new(1, 6), Resize::Linear));
    }

    #[test]
    fn the_same_size_is_passed_on() {
        let plane = array![[0.1, 0.2], [0.3, 0.4]];
        assert!(resize(plane.view(), Size::new(2, 2), Resize::Area).is_view());
    }
}
