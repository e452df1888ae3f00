//! What the stock steps do, so that a search can count instead of running them.
//!
//! Another's plugin may have a stock step's name: a search makes sure on its first images that counting and running come
//! to the same (see [`super::chain`]).

use pleura_image::regions::{Area, Connectivity};
use pleura_plugin::Postprocess;
use pleura_steps::{ComponentMean, Dilate, FillHoles, MinArea, Threshold, Triplet};

use super::cuts::Cut;
use crate::manifest::Step;

/// What a stock step does, for one choice of its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stock {
    /// Marks what passes.
    Threshold(Cut),
    /// Enough above `top`, or nothing; then what is above `bottom`, with the contours that enclose more than a share.
    Triplet { top: Cut, area: Area, bottom: Cut, contour_share: Option<f64> },
    /// The whole mask stays or goes.
    MinArea(Area),
    /// Each component stays or goes by its area.
    MinComponent(Area, Connectivity),
    /// Each component stays or goes by its mean probability.
    ComponentMean(f32, Connectivity),
}

/// Stock plugins that leave an empty mask empty.
pub fn keeps_nothing(step: &Step) -> bool {
    [MinArea::NAME, ComponentMean::NAME, FillHoles::NAME, Dilate::NAME].contains(&step.plugin.as_str())
}

/// Stock plugins that look at the mask alone, not at the map.
pub fn ignores_map(step: &Step) -> bool {
    [MinArea::NAME, FillHoles::NAME, Dilate::NAME].contains(&step.plugin.as_str())
}

impl Stock {
    /// What a step does; `None` for other plugins, and for parameters that the plugin itself would refuse.
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

    /// Whether it makes a mask of the map, whatever was before.
    pub fn makes_mask(self) -> bool {
        matches!(self, Self::Threshold(_) | Self::Triplet { .. })
    }

    /// The thresholds that it looks at.
    pub fn cuts(self) -> Vec<Cut> {
        match self {
            Self::Threshold(cut) => vec![cut],
            Self::Triplet { top, bottom, .. } => vec![top, bottom],
            Self::MinArea(_) | Self::MinComponent(..) | Self::ComponentMean(..) => Vec::new(),
        }
    }
}

/// The stock step itself; `None` where it refuses its parameters.
fn created<P: Postprocess>(step: &Step) -> Option<P> {
    // As text, as the plugin is given them.
    let params = serde_json::from_str(&serde_json::Value::Object(step.params.clone()).to_string()).ok()?;
    P::create(params).ok()
}
