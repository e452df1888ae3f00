//! `keep-largest`: keeps the largest component of a mask, or the largest few.
//!
//! | parameter | meaning |
//! |---|---|
//! | `count` | how many components are kept; default 1 |
//! | `connectivity` | 8 (default) or 4: which neighbours form a component |
//!
//! Of components of one size, either all are kept or none: more than `count` may stay, as in nnU-Net's
//! `remove_all_but_largest_component`.

use pleura_image::regions::{Components, Connectivity};
use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess};
use serde::Deserialize;

use crate::params::needed;

/// Keeps the largest components of a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepLargest {
    /// How many components are kept, at least 1.
    pub count: usize,
    /// Which neighbours form a component.
    pub connectivity: Connectivity,
}

/// Parameters of [`KeepLargest`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    count: Option<usize>,
    #[serde(default)]
    connectivity: Connectivity,
}

impl Postprocess for KeepLargest {
    const NAME: &'static str = "keep-largest";
    type Params = Params;

    fn create(Params { count, connectivity }: Params) -> Result<Self, Error> {
        match count.unwrap_or(1) {
            0 => Err("`count` is 0, expected 1 or more".into()),
            count => Ok(Self { count, connectivity }),
        }
    }

    fn apply(&self, _: &Context, _: Map<'_>, mask: Option<Mask<'_>>, out: MaskMut<'_>) -> Result<(), Error> {
        let components = Components::new(needed(mask)?, self.connectivity);
        let mut areas = components.areas().to_vec();
        areas.sort_unstable_by(|a, b| b.cmp(a));
        let smallest = areas.get(self.count - 1).copied().unwrap_or(0);
        let kept: Vec<_> = components.areas().iter().map(|&area| area >= smallest).collect();
        components.keep(&kept, out);
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

    fn apply(params: Value, rows: &[&str]) -> Result<Array2<bool>, String> {
        let step = KeepLargest::create(serde_json::from_value(params).map_err(|e| e.to_string())?).map_err(|e| e.0)?;
        let mask = drawn(rows);
        let (map, mut out) = (Array2::zeros(mask.dim()), Array2::from_elem(mask.dim(), false));
        let context = Context::new("", Size::from(mask.dim()));
        step.apply(&context, map.view(), Some(mask.view()), out.view_mut()).map_err(|e| e.0)?;
        Ok(out)
    }

    #[test]
    fn the_largest_stays_and_so_do_others_of_its_size() {
        let rows = ["##..#", "..#..", "#...#", "#...#"];
        assert_eq!(apply(json!({}), &rows).unwrap(), drawn(&["##...", "..#..", ".....", "....."]));
        let four = json!({ "connectivity": 4 });
        assert_eq!(apply(four, &rows).unwrap(), drawn(&["##...", ".....", "#...#", "#...#"]));
        assert_eq!(apply(json!({ "count": 2 }), &rows).unwrap(), drawn(&["##...", "..#..", "#...#", "#...#"]));
        assert_eq!(apply(json!({ "count": 9 }), &rows).unwrap(), drawn(&rows));
        assert_eq!(apply(json!({}), &["...", "..."]).unwrap(), drawn(&["...", "..."]));
    }

    #[test]
    fn parameters_are_checked() {
        assert!(apply(json!({ "count": 0 }), &["#"]).unwrap_err().contains("`count` is 0, expected 1 or more"));
        assert!(apply(json!({ "connectivity": 6 }), &["#"]).unwrap_err().contains("6, expected 4 or 8"));
        assert!(apply(json!({ "area": 6 }), &["#"]).unwrap_err().contains("unknown field `area`"));
    }
}
