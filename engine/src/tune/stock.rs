//! The effects of stock steps, so that a search can count instead of running them.
//!
//! Another plugin may have a stock step's name: on its first images, a search checks that counting and running give the
//! same results (see [`super::chain`]).

use pleura_image::regions::{Area, Connectivity};
use pleura_plugin::Postprocess;
use pleura_steps::{ComponentMean, Dilate, FillHoles, MinArea, Threshold, Triplet};

use super::cuts::Cut;
use crate::manifest::Step;

/// The effect of a stock step, for one choice of its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stock {
    /// Marks the pixels that pass.
    Threshold(Cut),
    /// With enough pixels above `top`, marks those above `bottom`, limited to contours that enclose more than a share;
    /// else nothing.
    Triplet { top: Cut, area: Area, bottom: Cut, contour_share: Option<f64> },
    /// Keeps or drops the whole mask.
    MinArea(Area),
    /// Keeps or drops each component by its area.
    MinComponent(Area, Connectivity),
    /// Keeps or drops each component by its mean probability.
    ComponentMean(f32, Connectivity),
}

/// Whether a step is a stock plugin that leaves an empty mask empty.
pub fn keeps_nothing(step: &Step) -> bool {
    [MinArea::NAME, ComponentMean::NAME, FillHoles::NAME, Dilate::NAME].contains(&step.plugin.as_str())
}

/// Whether a step is a stock plugin that depends only on the mask, not on the map.
pub fn ignores_map(step: &Step) -> bool {
    [MinArea::NAME, FillHoles::NAME, Dilate::NAME].contains(&step.plugin.as_str())
}

impl Stock {
    /// The effect of a step; `None` for other plugins, and for parameters that the plugin itself would refuse.
    pub fn from_step(step: &Step) -> Option<Self> {
        Some(match step.plugin.as_str() {
            Threshold::NAME => {
                let Threshold { bound, strict } = created(step)?;
                Self::Threshold(Cut { at: bound, strict })
            }
            Triplet::NAME => {
                let Triplet { top, area, bottom, contour_share } = created(step)?;
                Self::Triplet { top: Cut::above(top), area, bottom: Cut::above(bottom), contour_share }
            }
            MinArea::NAME => match created(step)? {
                MinArea { area, per_component: Some(connectivity) } => Self::MinComponent(area, connectivity),
                MinArea { area, per_component: None } => Self::MinArea(area),
            },
            ComponentMean::NAME => {
                let ComponentMean { above, connectivity } = created(step)?;
                Self::ComponentMean(above, connectivity)
            }
            _ => return None,
        })
    }

    /// Whether it makes a mask from the map, ignoring previous ones.
    pub fn makes_mask(self) -> bool {
        matches!(self, Self::Threshold(_) | Self::Triplet { .. })
    }

    /// The thresholds that it uses.
    pub fn cuts(self) -> Vec<Cut> {
        match self {
            Self::Threshold(cut) => vec![cut],
            Self::Triplet { top, bottom, .. } => vec![top, bottom],
            Self::MinArea(_) | Self::MinComponent(..) | Self::ComponentMean(..) => Vec::new(),
        }
    }
}

/// The stock step itself; `None` if it refuses its parameters.
fn created<P: Postprocess>(step: &Step) -> Option<P> {
    // As text, like the plugin's parameters.
    let params = serde_json::from_str(&serde_json::Value::Object(step.params.clone()).to_string()).ok()?;
    P::create(params).ok()
}
