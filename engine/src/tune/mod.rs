//! Searches a manifest's numbers: thresholds, areas, gates and weights, from the members' own outputs and the truth.
//!
//! [`Collected`] and [`Found`] are a whole search:
//!
//! `outputs (cached) → Dice of each image at every point of a grid → sums by fold → the best point, nested → manifest`
//!
//! Cached outputs cost no inference, and no point of the grid costs a pass over the maps: see [`Chain`].

mod axis;
mod ballots;
mod calibrate;
mod chain;
mod collect;
mod cuts;
mod defaults;
mod error;
mod gates;
mod grid;
mod heat;
mod knob;
mod members;
mod merge;
mod nested;
mod path;
mod report;
mod run;
mod search;
mod shape;
mod shares;
mod simplex;
mod space;
mod step;
mod stock;
mod target;
#[cfg(test)]
mod tests;
mod weights;
mod write;

pub use axis::Axis;
pub use ballots::{CachedOutputs, OutputCache};
pub use calibrate::{Calibrated, Method, Quality, calibrate};
pub use chain::Chain;
pub use collect::{AnsweredImage, Evaluator};
pub use error::TuneError;
pub use grid::Grid;
pub use heat::heat_map;
pub use knob::Knob;
pub use members::{Ablation, Members};
pub use nested::{FoldChoice, Folds, Interval, Nested, interval};
pub use report::{Edge, Tuned, tune};
pub use run::{Choice, Collected, Found, Watch};
pub use search::{Choose, Chosen, Metric, Plateau, WITHIN};
pub use shares::{Weights, lowest};
pub use space::{Answered, Image, Space};
pub use target::{Sums, Target};
pub use weights::{WeightSearch, WeightSearchResult};
pub use write::{Number, calibrated, changed, check_folder, write};
