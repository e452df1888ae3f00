//! `fill-holes`: marks the holes of a mask.
//!
//! No parameters. A hole is unmarked pixels without a path of side neighbours to the border of the image (SciPy's
//! `binary_fill_holes`); a bay that is open at the border is not a hole.

use pleura_image::regions::fill_holes;
use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess};
use serde::Deserialize;

use crate::params::needed;

/// Marks the holes of a mask.
pub struct FillHoles;

/// No parameters.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {}

impl Postprocess for FillHoles {
    const NAME: &'static str = "fill-holes";
    type Params = Params;

    fn create(_: Params) -> Result<Self, Error> {
        Ok(Self)
    }

    fn apply(&self, _: &Context, _: Map<'_>, mask: Option<Mask<'_>>, out: MaskMut<'_>) -> Result<(), Error> {
        fill_holes(needed(mask)?, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use pleura_image::regions::drawn;
    use pleura_plugin::Size;

    use super::*;

    #[test]
    fn what_is_enclosed_is_marked() {
        let mask = drawn(&[".###.", ".#.#.", ".###.", "##...", ".#..."]);
        let context = Context::new("", Size::new(5, 5));
        let (map, mut out) = (Array2::zeros((5, 5)), Array2::from_elem((5, 5), false));
        FillHoles.apply(&context, map.view(), Some(mask.view()), out.view_mut()).unwrap();
        assert_eq!(out, drawn(&[".###.", ".###.", ".###.", "##...", ".#..."]));
        let error = FillHoles.apply(&context, map.view(), None, out.view_mut()).unwrap_err();
        assert_eq!(error.0, "needs a mask: put `threshold` or `triplet` before it");
    }

    #[test]
    fn there_are_no_parameters() {
        let error = serde_json::from_str::<Params>(r#"{"size": 3}"#).unwrap_err().to_string();
        assert!(error.starts_with("unknown field `size`"), "{error}");
    }
}
