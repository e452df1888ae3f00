//! `component-mean`: keeps the components with a high mean probability.
//!
//! | parameter | meaning |
//! |---|---|
//! | `above` | a component is kept if its mean probability is `> above`; 0 to 1 |
//! | `connectivity` | 8 (default) or 4: which neighbours form a component |
//!
//! The 19th place's rule: components at .21, kept above a mean of .35.

use pleura_image::regions::{Components, Connectivity};
use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess};
use serde::Deserialize;

use crate::params::{needed, probability};

/// Keeps the components with a high mean probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComponentMean {
    /// A component is kept if its mean probability is above this.
    pub above: f32,
    /// Which neighbours form a component.
    pub connectivity: Connectivity,
}

/// Parameters of [`ComponentMean`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    above: f32,
    #[serde(default)]
    connectivity: Connectivity,
}

impl Postprocess for ComponentMean {
    const NAME: &'static str = "component-mean";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        Ok(Self { above: probability("above", params.above)?, connectivity: params.connectivity })
    }

    fn apply(&self, _: &Context, map: Map<'_>, mask: Option<Mask<'_>>, out: MaskMut<'_>) -> Result<(), Error> {
        let components = Components::new(needed(mask)?, self.connectivity);
        let kept: Vec<_> = components.means(map).iter().map(|&mean| mean > f64::from(self.above)).collect();
        components.keep(&kept, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use pleura_image::regions::drawn;
    use pleura_plugin::Size;
    use serde_json::{Value, json};

    use super::*;

    fn apply(params: Value) -> Result<Array2<bool>, String> {
        let map = array![[0.25, 0.75, 0.0], [0.0, 0.0, 0.75], [0.5, 0.0, 1.0]];
        let mask = drawn(&["##.", "..#", "#.."]);
        let step = ComponentMean::create(serde_json::from_value(params).map_err(|e| e.to_string())?);
        let context = Context::new("", Size::new(3, 3));
        let mut out = Array2::from_elem((3, 3), false);
        step.map_err(|e| e.0)?.apply(&context, map.view(), Some(mask.view()), out.view_mut()).map_err(|e| e.0)?;
        Ok(out)
    }

    #[test]
    fn the_mean_decides_strictly() {
        // connected by corners, the first three pixels are one component of mean 7/12
        assert_eq!(apply(json!({ "above": 0.55 })).unwrap(), drawn(&["##.", "..#", "..."]));
        assert_eq!(apply(json!({ "above": 0.5, "connectivity": 4 })).unwrap(), drawn(&["...", "..#", "..."]));
        assert_eq!(apply(json!({ "above": 0.49, "connectivity": 4 })).unwrap(), drawn(&["##.", "..#", "#.."]));
    }

    #[test]
    fn parameters_are_checked() {
        assert_eq!(apply(json!({ "above": 1.5 })).unwrap_err(), "`above` is 1.5, expected 0 to 1");
        assert!(apply(json!({ "above": 0.5, "connectivity": 6 })).unwrap_err().contains("expected 4 or 8"));
        assert!(apply(json!({})).unwrap_err().contains("missing field `above`"));
    }
}
