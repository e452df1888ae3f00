//! `scale`: larger and smaller views.
//!
//! | parameter | meaning |
//! |---|---|
//! | `factors` | one view each; 0.1 to 4, not 1 |
//! | `multiple` | sides of a view are rounded to multiples of this, at least one; 1 to 1024; default: 32 |
//!
//! Bilinear between pixel centres without antialiasing, as OpenCV's `INTER_LINEAR` and PyTorch's
//! `interpolate(align_corners=False)`. The model has to accept views of any size.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use ndarray::{ArrayView2, ArrayViewMut2};
use pleura_plugin::{Error, Image, ImageMut, Map, MapMut, Size, Tta};
use serde::Deserialize;

/// Larger and smaller views.
pub struct Scale {
    factors: Vec<f64>,
    multiple: u32,
}

/// Parameters of [`Scale`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    factors: Vec<f64>,
    #[serde(default = "thirty_two")]
    multiple: u32,
}

fn thirty_two() -> u32 {
    32
}

impl Tta for Scale {
    const NAME: &'static str = "scale";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        let Params { factors, multiple } = params;
        if factors.is_empty() {
            return Err("`factors` is empty, expected at least one".into());
        }
        if let Some(factor) = factors.iter().find(|&&factor| !(0.1..=4.0).contains(&factor) || factor == 1.0) {
            return Err(format!(
                "`factors` has {factor}, expected 0.1 to 4 without 1 (the engine already adds that \
                                view)"
            )
            .into());
        }
        if !(1..=1024).contains(&multiple) {
            return Err(format!("`multiple` is {multiple}, expected 1 to 1024").into());
        }
        Ok(Self { factors, multiple })
    }

    fn views(&self) -> usize {
        self.factors.len()
    }

    fn view_size(&self, view: usize, Size { height, width }: Size) -> Size {
        let multiple = f64::from(self.multiple);
        let side = |side: usize| ((side as f64 * self.factors[view] / multiple).round().max(1.0) * multiple) as usize;
        Size::new(side(height), side(width))
    }

    fn forward(&self, _: usize, image: Image<'_>, out: ImageMut<'_>) -> Result<(), Error> {
        resize(image, out)
    }

    fn inverse(&self, _: usize, map: Map<'_>, out: MapMut<'_>) -> Result<(), Error> {
        resize(map, out)
    }
}

fn resize(from: ArrayView2<'_, f32>, mut to: ArrayViewMut2<'_, f32>) -> Result<(), Error> {
    let from = from.as_standard_layout();
    let (source, target) = (sides(from.dim().into())?, sides(to.dim().into())?);
    let bytes = bytemuck::cast_slice(from.as_slice().ok_or("the image is not dense")?);
    let source = TypedImageRef::<F32>::from_buffer(source.0, source.1, bytes).map_err(|e| e.to_string())?;
    let bytes = bytemuck::cast_slice_mut(to.as_slice_mut().ok_or("the view is not dense")?);
    let mut target = TypedImage::<F32>::from_buffer(target.0, target.1, bytes).map_err(|e| e.to_string())?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Interpolation(FilterType::Bilinear));
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|e| e.to_string().into())
}

/// A size in the resizer's order: (width, height).
fn sides(Size { height, width }: Size) -> Result<(u32, u32), Error> {
    let side = |side: usize| u32::try_from(side).map_err(|_| Error::from("the image is too large"));
    Ok((side(width)?, side(height)?))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn create(params: Value) -> Result<Scale, String> {
        Scale::create(serde_json::from_value(params).map_err(|e| e.to_string())?).map_err(|e| e.0)
    }

    fn resized(image: &Array2<f32>, size: Size) -> Array2<f32> {
        let mut out = Array2::from_elem(size, f32::NAN);
        resize(image.view(), out.view_mut()).unwrap();
        out
    }

    /// Bilinear resizing by its definition, pixel by pixel.
    fn bilinear(image: &Array2<f32>, size: Size) -> Array2<f32> {
        let ends = |to: usize, length: usize, scaled: usize| {
            let at = ((to as f64 + 0.5) * length as f64 / scaled as f64 - 0.5).clamp(0.0, (length - 1) as f64);
            let low = at.floor() as usize;
            (low, (low + 1).min(length - 1), (at - at.floor()) as f32)
        };
        Array2::from_shape_fn(size, |(row, column)| {
            let (top, bottom, y) = ends(row, image.nrows(), size.height);
            let (left, right, x) = ends(column, image.ncols(), size.width);
            let along = |row: usize| image[(row, left)] * (1.0 - x) + image[(row, right)] * x;
            along(top) * (1.0 - y) + along(bottom) * y
        })
    }

    #[test]
    fn sides_are_multiples() {
        let scale = create(json!({ "factors": [1.333, 0.75, 0.1] })).unwrap();
        assert_eq!(scale.views(), 3);
        assert_eq!(scale.view_size(0, Size::new(768, 768)), Size::new(1024, 1024));
        assert_eq!(scale.view_size(1, Size::new(512, 320)), Size::new(384, 256)); // 7.5 · 32 is rounded up
        assert_eq!(scale.view_size(2, Size::new(64, 64)), Size::new(32, 32)); // at least one
        let scale = create(json!({ "factors": [1.5], "multiple": 1 })).unwrap();
        assert_eq!(scale.view_size(0, Size::new(3, 5)), Size::new(5, 8));
    }

    #[test]
    fn pixels_are_halved_between_centres() {
        assert_eq!(resized(&array![[0.0, 1.0]], Size::new(1, 4)), array![[0.0, 0.25, 0.75, 1.0]]);
        // no antialiasing: the middle two of four, not all of them
        assert_eq!(resized(&array![[1.0, 0.0, 0.0, 1.0]], Size::new(1, 1)), array![[0.0]]);
    }

    proptest! {
        #[test]
        fn resizing_is_bilinear(from in (1_usize..12, 1_usize..12), to in (1_usize..24, 1_usize..24)) {
            let image = Array2::from_shape_fn(from, |(row, column)| ((row * 7 + column * 13) % 11) as f32 / 10.0);
            let difference = resized(&image, to.into()) - bilinear(&image, to.into());
            prop_assert!(difference.iter().all(|d| d.abs() < 1e-5), "{}", difference);
        }

        #[test]
        fn what_is_smooth_comes_back(height in 8_usize..24, width in 8_usize..24) {
            let scale = create(json!({ "factors": [2.0], "multiple": 1 })).unwrap();
            let image = Array2::from_shape_fn((height, width), |(row, column)| (row + 2 * column) as f32 / 100.0);
            let mut view = Array2::zeros(scale.view_size(0, image.dim().into()));
            scale.forward(0, image.view(), view.view_mut()).unwrap();
            let mut back = Array2::zeros(image.dim());
            scale.inverse(0, view.view(), back.view_mut()).unwrap();
            // a ramp is exact except for the outermost pixels, which move inwards by a quarter of a pixel at most
            prop_assert!((back - image).iter().all(|d| d.abs() < 0.008));
        }
    }

    #[test]
    fn parameters_are_checked() {
        let table = [
            (json!({}), "missing field `factors`"),
            (json!({ "factors": [] }), "`factors` is empty, expected at least one"),
            (json!({ "factors": [1.5, 1.0] }), "`factors` has 1, expected 0.1 to 4 without 1"),
            (json!({ "factors": [5] }), "`factors` has 5, expected 0.1 to 4"),
            (json!({ "factors": [2.0], "multiple": 0 }), "`multiple` is 0, expected 1 to 1024"),
            (json!({ "factors": [2.0], "factor": 1 }), "unknown field `factor`"),
        ];
        for (params, message) in table {
            let error = create(params).err().unwrap();
            assert!(error.contains(message), "{error}");
        }
    }
}
