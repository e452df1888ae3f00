//! `convex-hull`: makes a mask convex by filling the hull of its pixels.
//!
//! | parameter | meaning |
//! |---|---|
//! | `per_component` | `true` (default): each component gets its own hull; `false`: one hull around the whole mask |
//! | `connectivity` | 8 (default) or 4: which neighbours form a component; ignored without `per_component` |
//!
//! Two lesions stay two: one hull around both lungs would run across the heart. Hulls are scikit-image's, pixel for
//! pixel: `convex_hull_object`, and `convex_hull_image` for the whole mask. They run through the middles of the outermost
//! pixels' sides, and a pixel whose centre lies on the edge is marked. OpenCV's `convexHull` with `fillConvexPoly` runs
//! through the pixels' centres and then marks what its line drawing touches, so single pixels at the edge may differ.

use pleura_image::regions::{Components, Connectivity, fill_hull, spans};
use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess};
use serde::Deserialize;

use crate::params::needed;

/// Makes a mask convex.
pub struct ConvexHull {
    per_component: Option<Connectivity>,
}

/// Parameters of [`ConvexHull`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    #[serde(default = "yes")]
    per_component: bool,
    connectivity: Option<Connectivity>,
}

const fn yes() -> bool {
    true
}

impl Postprocess for ConvexHull {
    const NAME: &'static str = "convex-hull";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        if params.connectivity.is_some() && !params.per_component {
            return Err("`connectivity` has no effect unless `per_component` is true".into());
        }
        Ok(Self { per_component: params.per_component.then(|| params.connectivity.unwrap_or_default()) })
    }

    fn apply(&self, _: &Context, _: Map<'_>, mask: Option<Mask<'_>>, mut out: MaskMut<'_>) -> Result<(), Error> {
        let mask = needed(mask)?;
        match self.per_component {
            None => fill_hull(&spans(mask), out),
            Some(connectivity) => {
                let components = Components::new(mask, connectivity).spans();
                components.iter().for_each(|spans| fill_hull(spans, out.view_mut()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use pleura_image::regions::drawn;
    use serde_json::{Value, json};

    use super::*;

    fn apply(params: Value, mask: Option<&Array2<bool>>) -> Result<Array2<bool>, String> {
        let step = ConvexHull::create(serde_json::from_value(params).map_err(|e| e.to_string())?).map_err(|e| e.0)?;
        let size = mask.map_or((4, 6), Array2::dim);
        let context = Context::new("", size.into());
        let (map, mut out) = (Array2::zeros(size), Array2::from_elem(size, false));
        step.apply(&context, map.view(), mask.map(|mask| mask.view()), out.view_mut()).map_err(|e| e.0)?;
        Ok(out)
    }

    #[test]
    fn components_have_hulls_of_their_own() {
        let bent = drawn(&["###...", "#....#", "#....#", "...###"]);
        assert_eq!(apply(json!({}), Some(&bent)).unwrap(), drawn(&["###...", "##...#", "#...##", "...###"]));
        let whole = apply(json!({ "per_component": false }), Some(&bent)).unwrap();
        assert_eq!(whole, drawn(&["####..", "######", "######", "..####"]));
    }

    #[test]
    fn corners_connect_unless_told_otherwise() {
        let mask = drawn(&["##....", "#.....", ".#....", "##...."]);
        assert_eq!(apply(json!({}), Some(&mask)).unwrap(), drawn(&["##....", "##....", "##....", "##...."]));
        assert_eq!(apply(json!({ "connectivity": 4 }), Some(&mask)).unwrap(), mask);
    }

    #[test]
    fn parameters_are_checked() {
        let table = [
            (json!({ "per_component": false, "connectivity": 4 }), "has no effect unless `per_component` is true"),
            (json!({ "connectivity": 5 }), "5, expected 4 or 8"),
            (json!({ "points": true }), "unknown field `points`"),
        ];
        for (params, message) in table {
            let error = apply(params, None).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
        assert_eq!(apply(json!({}), None).unwrap_err(), "needs a mask: put `threshold` or `triplet` before it");
    }
}
