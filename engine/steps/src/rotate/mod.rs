//! `rotate`: rotated views.
//!
//! | parameter | meaning |
//! |---|---|
//! | `degrees` | one view each, counter-clockwise; -360 to 360, except full turns |
//!
//! Quarter turns are exact, and exchange a view's sides. Other rotations keep the size and rotate about the centre:
//! bilinear, with the image mirrored at its border (OpenCV's `BORDER_REFLECT_101`). What such a rotation moves out of
//! the frame is lost: there, the map that is rotated back repeats mirrored values.

mod turn;

use ndarray::{ArrayView2, ArrayViewMut2};
use pleura_plugin::{Error, Image, ImageMut, Map, MapMut, Size, Tta};
use serde::Deserialize;

/// Rotated views.
pub struct Rotate {
    turns: Vec<Turn>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Turn {
    /// Quarter turns counter-clockwise: 1, 2 or 3.
    Quarters(u8),
    /// Degrees counter-clockwise.
    Degrees(f64),
}

/// Parameters of [`Rotate`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    degrees: Vec<f64>,
}

impl Tta for Rotate {
    const NAME: &'static str = "rotate";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        if params.degrees.is_empty() {
            return Err("`degrees` is empty, expected at least one".into());
        }
        let turns: Result<_, _> = params.degrees.into_iter().map(Turn::new).collect();
        Ok(Self { turns: turns? })
    }

    fn views(&self) -> usize {
        self.turns.len()
    }

    fn view_size(&self, view: usize, size: Size) -> Size {
        match self.turns[view] {
            Turn::Quarters(1 | 3) => Size::new(size.width, size.height),
            _ => size,
        }
    }

    fn forward(&self, view: usize, image: Image<'_>, out: ImageMut<'_>) -> Result<(), Error> {
        self.turns[view].apply(image, out);
        Ok(())
    }

    fn inverse(&self, view: usize, map: Map<'_>, out: MapMut<'_>) -> Result<(), Error> {
        self.turns[view].back().apply(map, out);
        Ok(())
    }
}

impl Turn {
    fn new(degrees: f64) -> Result<Self, Error> {
        if !(-360.0..=360.0).contains(&degrees) {
            return Err(format!("`degrees` has {degrees}, expected -360 to 360").into());
        }
        let degrees = degrees.rem_euclid(360.0);
        if degrees % 90.0 != 0.0 {
            return Ok(Self::Degrees(degrees));
        }
        match (degrees / 90.0) as u8 {
            quarters @ 1..=3 => Ok(Self::Quarters(quarters)),
            _ => Err("`degrees` has a full turn, which is the image itself: the engine already adds that view".into()),
        }
    }

    fn back(self) -> Self {
        match self {
            Self::Quarters(quarters) => Self::Quarters(4 - quarters),
            Self::Degrees(degrees) => Self::Degrees(-degrees),
        }
    }

    fn apply(self, image: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>) {
        match self {
            Self::Quarters(quarters) => turn::quarters(quarters, image, out),
            Self::Degrees(degrees) => turn::about_centre(degrees, image, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn create(params: Value) -> Result<Rotate, String> {
        Rotate::create(serde_json::from_value(params).map_err(|e| e.to_string())?).map_err(|e| e.0)
    }

    fn forward(rotate: &Rotate, view: usize, image: &Array2<f32>) -> Array2<f32> {
        let mut out = Array2::from_elem(rotate.view_size(view, image.dim().into()), f32::NAN);
        rotate.forward(view, image.view(), out.view_mut()).unwrap();
        out
    }

    fn inverse(rotate: &Rotate, view: usize, map: &Array2<f32>, size: Size) -> Array2<f32> {
        let mut out = Array2::from_elem(size, f32::NAN);
        rotate.inverse(view, map.view(), out.view_mut()).unwrap();
        out
    }

    #[test]
    fn quarters_are_exact_and_counter_clockwise() {
        let image = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let rotate = create(json!({ "degrees": [90, 180, 270, -90, 450.0 - 360.0] })).unwrap();
        let left = array![[3.0, 6.0], [2.0, 5.0], [1.0, 4.0]];
        let right = array![[4.0, 1.0], [5.0, 2.0], [6.0, 3.0]];
        let half = array![[6.0, 5.0, 4.0], [3.0, 2.0, 1.0]];
        for (view, expected) in [&left, &half, &right, &right, &left].into_iter().enumerate() {
            assert_eq!(&forward(&rotate, view, &image), expected);
        }
    }

    #[test]
    fn other_turns_agree_with_quarters_near_them() {
        // almost a quarter turn, on a square: the same except for the interpolation
        let image = Array2::from_shape_fn((9, 9), |(row, column)| (row as f32 - 2.0 * column as f32) / 20.0);
        let rotate = create(json!({ "degrees": [90, 90.001, 180, 179.999] })).unwrap();
        for (exact, close) in [(0, 1), (2, 3)] {
            let difference = forward(&rotate, exact, &image) - forward(&rotate, close, &image);
            assert!(difference.iter().all(|d| d.abs() < 1e-3), "{difference}");
        }
    }

    #[test]
    fn what_is_smooth_comes_back() {
        let image = Array2::from_shape_fn((64, 48), |(row, column)| {
            let (y, x) = (row as f32 - 31.5, column as f32 - 23.5);
            (-(y * y + x * x) / 200.0).exp() * (1.0 + 0.3 * (x / 5.0).sin())
        });
        let rotate = create(json!({ "degrees": [-20, 15.5, 45] })).unwrap();
        for view in 0..rotate.views() {
            let there = forward(&rotate, view, &image);
            let difference = inverse(&rotate, view, &there, image.dim().into()) - &image;
            // interpolated twice: the error is the curvature over a pixel, on the inscribed disc, which no rotation
            // cuts
            let inside = |(row, column): (usize, usize)| {
                (row as f32 - 31.5).powi(2) + (column as f32 - 23.5).powi(2) < 22.0_f32.powi(2)
            };
            let worst = difference.indexed_iter().filter(|(place, _)| inside(*place)).map(|(_, d)| d.abs());
            assert!(worst.fold(0.0, f32::max) < 0.01, "view {view}");
        }
    }

    #[test]
    fn a_smaller_map_turns_about_its_own_centre() {
        let rotate = create(json!({ "degrees": [30] })).unwrap();
        let map = Array2::from_elem((8, 8), 0.25);
        assert!(inverse(&rotate, 0, &map, Size::new(8, 8)).iter().all(|&p| (p - 0.25_f32).abs() < 1e-6));
    }

    proptest! {
        #[test]
        fn quarters_come_back((height, width) in (1_usize..9, 1_usize..9), view in 0_usize..3) {
            let image = Array2::from_shape_fn((height, width), |(row, column)| (row * 16 + column) as f32);
            let rotate = create(json!({ "degrees": [90, 180, 270] })).unwrap();
            let there = forward(&rotate, view, &image);
            prop_assert_eq!(inverse(&rotate, view, &there, image.dim().into()), image);
        }

        #[test]
        fn every_turn_of_every_shape_is_within_the_image(
            (height, width) in (1_usize..9, 1_usize..9), degrees in 0.1_f64..359.9,
        ) {
            let image = Array2::from_shape_fn((height, width), |(row, column)| (row * 16 + column) as f32);
            let (low, high) = (0.0, (height * 16 + width) as f32);
            if let Ok(rotate) = create(json!({ "degrees": [degrees] })) {
                prop_assert!(forward(&rotate, 0, &image).iter().all(|&p| p >= low && p <= high));
            }
        }
    }

    #[test]
    fn parameters_are_checked() {
        let table = [
            (json!({}), "missing field `degrees`"),
            (json!({ "degrees": [] }), "`degrees` is empty, expected at least one"),
            (json!({ "degrees": [5, 361] }), "`degrees` has 361, expected -360 to 360"),
            (json!({ "degrees": [0] }), "`degrees` has a full turn"),
            (json!({ "degrees": [-360] }), "`degrees` has a full turn"),
            (json!({ "degree": [5] }), "unknown field `degree`"),
        ];
        for (params, message) in table {
            let error = create(params).err().unwrap();
            assert!(error.contains(message), "{error}");
        }
    }
}
