//! `threshold`: marks the pixels above a probability. The usual first step.
//!
//! | parameter | meaning |
//! |---|---|
//! | `above` | marks `p > above`; 0 to 1 |
//! | `at_least` | marks `p >= at_least`; 0 to 1 |
//!
//! Exactly one of the two. The mask of a previous step is replaced.

use multiversion::multiversion;
use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess};
use serde::Deserialize;

/// Marks the pixels above a probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The probability at the boundary.
    pub bound: f32,
    /// Whether the boundary itself is unmarked.
    pub strict: bool,
}

/// Parameters of [`Threshold`]: exactly one of the two.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    above: Option<f32>,
    at_least: Option<f32>,
}

impl Postprocess for Threshold {
    const NAME: &'static str = "threshold";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        let (name, bound) = match (params.above, params.at_least) {
            (Some(above), None) => ("above", above),
            (None, Some(at_least)) => ("at_least", at_least),
            (None, None) => return Err("give `above` (p > above) or `at_least` (p >= at_least)".into()),
            (Some(_), Some(_)) => return Err("give `above` or `at_least`, not both".into()),
        };
        if !(0.0..=1.0).contains(&bound) {
            return Err(format!("`{name}` is {bound}, expected 0 to 1").into());
        }
        Ok(Self { bound, strict: name == "above" })
    }

    fn apply(&self, _: &Context, map: Map<'_>, _: Option<Mask<'_>>, mut out: MaskMut<'_>) -> Result<(), Error> {
        for (mut out, map) in out.rows_mut().into_iter().zip(map.rows()) {
            match (out.as_slice_mut(), map.as_slice()) {
                (Some(out), Some(map)) => mark(out, map, *self),
                _ => out.zip_mut_with(&map, |marked, &p| *marked = self.marks(p)),
            }
        }
        Ok(())
    }
}

impl Threshold {
    #[inline(always)] // compiled separately for each vector width
    fn marks(self, p: f32) -> bool {
        if self.strict { p > self.bound } else { p >= self.bound }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw", "x86_64+avx+avx2"))]
fn mark(out: &mut [bool], map: &[f32], threshold: Threshold) {
    out.iter_mut().zip(map).for_each(|(marked, &p)| *marked = threshold.marks(p));
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use pleura_plugin::Size;
    use serde_json::json;

    use super::*;

    fn create(params: serde_json::Value) -> Result<Threshold, String> {
        Threshold::create(serde_json::from_value(params).map_err(|e| e.to_string())?).map_err(|e| e.0)
    }

    #[test]
    fn the_boundary_is_where_it_is_declared() {
        let map = array![[0.1, 0.3], [0.300_000_1, 1.0]];
        let context = Context::new("", Size::new(2, 2));
        for (params, expected) in [
            (json!({ "above": 0.3 }), array![[false, false], [true, true]]),
            (json!({ "at_least": 0.3 }), array![[false, true], [true, true]]),
            (json!({ "above": 1 }), array![[false, false], [false, false]]),
            (json!({ "at_least": 0 }), array![[true, true], [true, true]]),
        ] {
            let mut out = Array2::from_elem((2, 2), false);
            create(params).unwrap().apply(&context, map.view(), None, out.view_mut()).unwrap();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn parameters_are_checked() {
        for (params, message) in [
            (json!({}), "give `above` (p > above) or `at_least` (p >= at_least)"),
            (json!({ "above": 0.3, "at_least": 0.3 }), "give `above` or `at_least`, not both"),
            (json!({ "above": 1.01 }), "`above` is 1.01, expected 0 to 1"),
            (json!({ "at_least": -0.1 }), "`at_least` is -0.1, expected 0 to 1"),
            (json!({ "over": 0.3 }), "unknown field `over`, expected `above` or `at_least`"),
        ] {
            assert_eq!(create(params).err().as_deref(), Some(message));
        }
    }
}
