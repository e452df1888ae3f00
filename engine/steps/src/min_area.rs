//! `min-area`: drops small masks or small components.
//!
//! | parameter | meaning |
//! |---|---|
//! | `area` | pixels; a region with at least as many is kept |
//! | `at` | `[height, width]`: the size at which `area` is counted |
//! | `per_component` | `false` (default): the whole mask is kept or dropped; `true`: each component by itself |
//! | `connectivity` | 8 (default) or 4: which neighbours form a component; only with `per_component` |
//!
//! If a mask's size is not `at`, its share of the image is compared, exactly. Where a recipe says "more
//! than 500", `area` is 501.

use pleura_image::regions::{Area, Components, Connectivity};
use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess};
use serde::Deserialize;

use crate::params::needed;

/// Drops small masks or small components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinArea {
    /// The smallest area that is kept.
    pub area: Area,
    /// Which neighbours form a component; `None` if the whole mask is kept or dropped.
    pub per_component: Option<Connectivity>,
}

/// Parameters of [`MinArea`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    area: u64,
    at: [u32; 2],
    #[serde(default)]
    per_component: bool,
    connectivity: Option<Connectivity>,
}

impl Postprocess for MinArea {
    const NAME: &'static str = "min-area";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        if params.connectivity.is_some() && !params.per_component {
            return Err("`connectivity` has no effect unless `per_component` is true".into());
        }
        let per_component = params.per_component.then(|| params.connectivity.unwrap_or_default());
        Ok(Self { area: Area::new(params.area, params.at)?, per_component })
    }

    fn apply(&self, _: &Context, _: Map<'_>, mask: Option<Mask<'_>>, mut out: MaskMut<'_>) -> Result<(), Error> {
        let mask = needed(mask)?;
        let large = |area| self.area.reached_by(area, mask.dim().into());
        if let Some(connectivity) = self.per_component {
            let components = Components::new(mask, connectivity);
            let kept: Vec<_> = components.areas().iter().map(|&area| large(area)).collect();
            components.keep(&kept, out);
        } else if large(mask.iter().filter(|&&marked| marked).count()) {
            out.assign(&mask);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use pleura_image::regions::drawn;
    use pleura_plugin::Size;
    use serde_json::{Value, json};

    use super::*;

    const ROWS: [&str; 4] = ["##..", "#.#.", "...#", "#..."];

    fn apply(params: Value, mask: Option<&Array2<bool>>) -> Result<Array2<bool>, String> {
        let step = MinArea::create(serde_json::from_value(params).map_err(|e| e.to_string())?).map_err(|e| e.0)?;
        let context = Context::new("", Size::new(4, 4));
        let mut out = Array2::from_elem((4, 4), false);
        let map = Array2::zeros((4, 4));
        step.apply(&context, map.view(), mask.map(|mask| mask.view()), out.view_mut()).map_err(|e| e.0)?;
        Ok(out)
    }

    #[test]
    fn the_whole_mask_stays_or_goes() {
        let (mask, nothing) = (drawn(&ROWS), drawn(&["...."; 4]));
        assert_eq!(apply(json!({ "area": 6, "at": [4, 4] }), Some(&mask)).unwrap(), mask);
        assert_eq!(apply(json!({ "area": 7, "at": [4, 4] }), Some(&mask)).unwrap(), nothing);
        // 24 of 8 × 8 are 6 of 4 × 4
        assert_eq!(apply(json!({ "area": 24, "at": [8, 8] }), Some(&mask)).unwrap(), mask);
        assert_eq!(apply(json!({ "area": 25, "at": [8, 8] }), Some(&mask)).unwrap(), nothing);
        assert_eq!(apply(json!({ "area": 1, "at": [4, 4] }), Some(&nothing)).unwrap(), nothing);
    }

    #[test]
    fn components_stay_or_go_by_themselves() {
        let eight = apply(json!({ "area": 3, "at": [4, 4], "per_component": true }), Some(&drawn(&ROWS)));
        assert_eq!(eight.unwrap(), drawn(&["##..", "#.#.", "...#", "...."]));
        let four = json!({ "area": 3, "at": [4, 4], "per_component": true, "connectivity": 4 });
        assert_eq!(apply(four, Some(&drawn(&ROWS))).unwrap(), drawn(&["##..", "#...", "....", "...."]));
    }

    #[test]
    fn parameters_are_checked() {
        let table = [
            (json!({ "area": 3 }), "missing field `at`"),
            (json!({ "area": 0, "at": [4, 4] }), "`area` is 0, expected 1 to 16 (the pixels of `at`)"),
            (json!({ "area": 3, "at": [4, 4], "connectivity": 4 }), "has no effect unless `per_component` is true"),
            (json!({ "area": 3, "at": [4, 4], "per_component": true, "connectivity": 5 }), "5, expected 4 or 8"),
            (json!({ "area": 3, "at": [4, 4], "min": 4 }), "unknown field `min`"),
        ];
        for (params, message) in table {
            let error = apply(params, None).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
        let error = apply(json!({ "area": 3, "at": [4, 4] }), None).unwrap_err();
        assert_eq!(error, "needs a mask: put `threshold` or `triplet` before it");
    }
}
