//! The TOML manifest that declares an ensemble.
//!
//! Everything that may differ between members is declared and nothing is guessed. Sizes are `[height, width]` in
//! pixels, scores and probabilities lie in 0..=1, paths are relative to the manifest.

mod crop;
mod files;
mod folder;
mod gate;
mod member;
mod merge;
mod read;
mod rules;
mod schema;
mod snapshot;
mod step;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::lint::{Diagnostic, Locations, Severity};
pub use crop::{Crop, Otherwise};
pub use folder::{Folder, FolderError};
pub use gate::Gate;
pub use member::{Input, Layout, MapOutput, Member, ScoreFromMap, ScoreOutput, TtaStep, Values};
pub use merge::{Merge, Stack};
pub use pleura_image::{Intensity, Resize};
pub use read::lint;
pub use schema::json_schema;
pub use snapshot::Snapshot;
pub use step::{DEFAULT_TIMEOUT, Isolation, Step, When};

/// What reading a manifest found out.
pub type Lint = crate::lint::Lint<Manifest>;

/// A manifest that cannot be used.
pub type ManifestError = crate::lint::DocumentError;

/// The manifest format this engine reads.
pub const SCHEMA: u32 = 1;

/// (height, width) in pixels, written `[height, width]`.
pub type Size = [u32; 2];

/// An ensemble, as its manifest declares it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The manifest format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// What the ensemble is called in reports.
    #[schemars(length(min = 1))]
    pub name: String,
    /// What it is, for people.
    #[serde(default)]
    pub description: String,
    /// The size at which maps are merged and postprocessed, and that of the masks.
    #[serde(default)]
    pub output: Output,
    /// Whether members that cannot change a gate's answer are left out.
    #[serde(default)]
    pub exit: Exit,
    /// How models are run.
    #[serde(default)]
    pub runtime: Runtime,
    /// Finds the part of an image that members with `crop = true` are to see, such as the lungs.
    #[serde(default)]
    pub crop: Option<Crop>,
    /// Decides whether there is anything to segment. Without it, every image is segmented.
    #[serde(default)]
    pub classifier: Option<Stage>,
    /// Finds where.
    pub segmenter: Stage,
    /// From the merged probability map to the mask: plugins, in order. The first makes a mask, the others change it.
    #[schemars(length(min = 1))]
    pub postprocess: Vec<Step>,
}

/// The size at which maps are merged and postprocessed, and that of the masks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// `[height, width]`; left out, each radiograph's own size.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = 16384)))]
    pub size: Option<Size>,
    /// `[height, width]` to which masks are brought after postprocessing, each pixel taking the nearest (OpenCV's
    /// `INTER_NEAREST`); left out, they stay at `size`.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = 16384)))]
    pub mask_size: Option<Size>,
}

/// Whether members that cannot change a gate's answer are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// Once the members run so far bound the answer, the rest are not run, nor are further views and snapshots of a
    /// member of which only the score counts: the same CSV in less time. What is not run cannot fail on an image either.
    /// The default.
    #[default]
    Exact,
    /// Every member runs on every image, so that findings hold exact scores.
    Full,
}

/// How models are run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// Try TensorRT before CUDA, where the device is a GPU.
    #[serde(default)]
    pub tensorrt: bool,
    /// Let TensorRT compute in half precision.
    #[serde(default)]
    pub fp16: bool,
}

/// One stage: members, how their answers are merged, and the gate that an image must pass.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// How the members' answers become one: weighted mean of probabilities unless declared.
    #[serde(default)]
    pub merge: Merge,
    /// What an image must pass: after the classifier, to be segmented; after the segmenter, to have a mask at all.
    #[serde(default)]
    pub gate: Option<Gate>,
    /// The models, in the order in which they are run.
    #[schemars(length(min = 1))]
    pub members: Vec<Member>,
}
