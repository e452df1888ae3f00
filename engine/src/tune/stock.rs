//! The stock plugins' parameters, so that a search can count instead of running them.
//!
//! What is read here is what the plugins read; where it is not, a step is run as any other plugin's. A search makes sure
//! on its first images that counting and running come to the same (see [`super::chain`]).

use pleura_regions::{Area, Connectivity};
use serde::Deserialize;
use serde::de::DeserializeOwned;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Threshold {
    above: Option<f32>,
    at_least: Option<f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Triplet {
    top: f32,
    area: u64,
    at: [u32; 2],
    bottom: f32,
    contour_min_area: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MinArea {
    area: u64,
    at: [u32; 2],
    #[serde(default)]
    per_component: bool,
    connectivity: Option<Connectivity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ComponentMean {
    above: f32,
    #[serde(default)]
    connectivity: Connectivity,
}

/// Stock plugins that leave an empty mask empty.
pub fn keeps_nothing(step: &Step) -> bool {
    matches!(step.plugin.as_str(), "min-area" | "component-mean" | "fill-holes" | "dilate")
}

/// Stock plugins that look at the mask alone, not at the map.
pub fn ignores_map(step: &Step) -> bool {
    matches!(step.plugin.as_str(), "min-area" | "fill-holes" | "dilate")
}

impl Stock {
    /// What a step does; `None` for other plugins, and for parameters that the plugin itself would refuse.
    pub fn of(step: &Step) -> Option<Self> {
        Some(match step.plugin.as_str() {
            "threshold" => match params(step)? {
                Threshold { above: Some(above), at_least: None } => Self::Threshold(Cut::above(above)),
                Threshold { above: None, at_least: Some(at) } => Self::Threshold(Cut { at, strict: false }),
                _ => return None,
            },
            "triplet" => {
                let Triplet { top, area, at, bottom, contour_min_area } = params(step)?;
                let pixels = f64::from(at[0]) * f64::from(at[1]);
                Self::Triplet {
                    top: Cut::above(top),
                    area: Area::new(area, at).ok()?,
                    bottom: Cut::above(bottom),
                    contour_share: contour_min_area.map(|area| area / pixels),
                }
            }
            "min-area" => {
                let MinArea { area, at, per_component, connectivity } = params(step)?;
                let area = Area::new(area, at).ok()?;
                if per_component {
                    Self::MinComponent(area, connectivity.unwrap_or_default())
                } else {
                    Self::MinArea(area)
                }
            }
            "component-mean" => {
                let ComponentMean { above, connectivity } = params(step)?;
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

fn params<P: DeserializeOwned>(step: &Step) -> Option<P> {
    // As text, as the plugin is given them.
    serde_json::from_str(&serde_json::Value::Object(step.params.clone()).to_string()).ok()
}
