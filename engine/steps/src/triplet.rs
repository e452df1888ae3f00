//! `triplet`: the first place's rule: an empty mask without enough confident pixels, else a mask by a lower threshold.
//!
//! | parameter | meaning |
//! |---|---|
//! | `top` | confident pixels are those with `p > top`; 0 to 1 |
//! | `area` | with fewer confident pixels than this the mask is empty |
//! | `at` | `[height, width]`: the size at which `area` is counted |
//! | `bottom` | otherwise the mask is `p > bottom`; 0 to `top` |
//! | `contour_min_area` | optional: keep the contours that enclose more than this, at the same size, and fill their holes |
//!
//! The contour of a component runs through the centres of its border pixels, as OpenCV's does, and holes are filled
//! unless their own contour encloses more too: `findContours`, `contourArea > contour_min_area`, `drawContours`.

use ndarray::{Array2, Zip};
use pleura_image::regions::{Area, keep_contours};
use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess};
use serde::Deserialize;

use crate::params::probability;

/// An empty mask without enough confident pixels, else a mask by a lower threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Triplet {
    /// Confident pixels have a probability above this.
    pub top: f32,
    /// The minimum area of confident pixels.
    pub area: Area,
    /// The mask is the pixels with a probability above this.
    pub bottom: f32,
    /// The area that a contour must exceed, as a share of the image; `None`: contours are not checked.
    pub contour_share: Option<f64>,
}

/// Parameters of [`Triplet`]: two thresholds, and an area with its size.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    top: f32,
    area: u64,
    at: [u32; 2],
    bottom: f32,
    contour_min_area: Option<f64>,
}

impl Postprocess for Triplet {
    const NAME: &'static str = "triplet";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        let (top, bottom) = (probability("top", params.top)?, probability("bottom", params.bottom)?);
        if bottom > top {
            return Err(format!("`bottom` is {bottom}, expected at most `top`, {top}").into());
        }
        let area = Area::new(params.area, params.at)?;
        let pixels = f64::from(params.at[0]) * f64::from(params.at[1]);
        let contour_share = match params.contour_min_area {
            Some(area) if (0.0..=pixels).contains(&area) => Some(area / pixels),
            Some(area) => return Err(format!("`contour_min_area` is {area}, expected 0 to {pixels}").into()),
            None => None,
        };
        Ok(Self { top, area, bottom, contour_share })
    }

    fn apply(&self, _: &Context, map: Map<'_>, _: Option<Mask<'_>>, mut out: MaskMut<'_>) -> Result<(), Error> {
        let sure = map.iter().filter(|&&p| p > self.top).count();
        if !self.area.reached_by(sure, map.dim().into()) {
            return Ok(());
        }
        let Some(share) = self.contour_share else {
            Zip::from(&mut out).and(map).for_each(|marked, &p| *marked = p > self.bottom);
            return Ok(());
        };
        let mask: Array2<bool> = map.mapv(|p| p > self.bottom);
        keep_contours(mask.view(), share * map.len() as f64, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pleura_image::regions::drawn;
    use serde_json::{Value, json};

    use super::*;

    fn apply(params: Value, map: &Array2<f32>) -> Result<Array2<bool>, String> {
        let step = Triplet::create(serde_json::from_value(params).map_err(|e| e.to_string())?).map_err(|e| e.0)?;
        let context = Context::new("", map.dim().into());
        let mut out = Array2::from_elem(map.dim(), false);
        step.apply(&context, map.view(), None, out.view_mut()).map_err(|e| e.0)?;
        Ok(out)
    }

    /// 0.8 where `#`, 0.5 where `+`, 0.1 elsewhere.
    fn map(rows: &[&str]) -> Array2<f32> {
        Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| match rows[row].as_bytes()[column] {
            b'#' => 0.8,
            b'+' => 0.5,
            _ => 0.1,
        })
    }

    #[test]
    fn few_sure_pixels_empty_the_mask() {
        let map = map(&["##+.", "#++.", "...+", "...."]);
        let generous = drawn(&["###.", "###.", "...#", "...."]);
        let params = |top, area, at, bottom| json!({ "top": top, "area": area, "at": at, "bottom": bottom });
        assert_eq!(apply(params(0.7, 3, [4, 4], 0.3), &map).unwrap(), generous);
        assert_eq!(apply(params(0.7, 4, [4, 4], 0.3), &map).unwrap(), drawn(&["...."; 4]));
        assert_eq!(apply(params(0.7, 12, [8, 8], 0.3), &map).unwrap(), generous);
        assert_eq!(apply(params(0.7, 13, [8, 8], 0.3), &map).unwrap(), drawn(&["...."; 4]));
        // both comparisons are strict
        assert_eq!(apply(params(0.8, 1, [4, 4], 0.3), &map).unwrap(), drawn(&["...."; 4]));
        assert_eq!(apply(params(0.7, 1, [4, 4], 0.5), &map).unwrap(), drawn(&["##..", "#...", "....", "...."]));
    }

    #[test]
    fn contours_scale_with_the_image() {
        let map = map(&["###.", "#.#.", "###.", "...."]);
        let filled = drawn(&["###.", "###.", "###.", "...."]);
        let params =
            |min, at: [u32; 2]| json!({ "top": 0.7, "area": 1, "at": at, "bottom": 0.3, "contour_min_area": min });
        assert_eq!(apply(params(3.9, [4, 4]), &map).unwrap(), filled);
        assert_eq!(apply(params(4.0, [4, 4]), &map).unwrap(), drawn(&["...."; 4]));
        assert_eq!(apply(params(15.9, [8, 8]), &map).unwrap(), filled);
        assert_eq!(apply(params(16.0, [8, 8]), &map).unwrap(), drawn(&["...."; 4]));
    }

    #[test]
    fn parameters_are_checked() {
        let table = [
            (json!({ "top": 0.7, "area": 3, "bottom": 0.3 }), "missing field `at`"),
            (json!({ "top": 1.7, "area": 3, "at": [4, 4], "bottom": 0.3 }), "`top` is 1.7, expected 0 to 1"),
            (json!({ "top": 0.2, "area": 3, "at": [4, 4], "bottom": 0.3 }), "`bottom` is 0.3, expected at most `top`"),
            (json!({ "top": 0.7, "area": 99, "at": [4, 4], "bottom": 0.3 }), "`area` is 99, expected 1 to 16"),
            (
                json!({ "top": 0.7, "area": 3, "at": [4, 4], "bottom": 0.3, "contour_min_area": -1 }),
                "`contour_min_area` is -1, expected 0 to 16",
            ),
        ];
        for (params, message) in table {
            let error = apply(params, &map(&["#"])).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
