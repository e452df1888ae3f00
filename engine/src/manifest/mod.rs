//! The TOML manifest that declares an ensemble.
//!
//! Everything that may differ between members is declared and nothing is guessed. Sizes are `[height, width]` in
//! pixels, scores and probabilities are in 0..=1, paths are relative to the manifest.

mod accepts;
mod calibration;
mod compose;
mod crop;
mod files;
mod finding;
mod fit;
mod folder;
mod gate;
mod input;
mod member;
mod merge;
mod outputs;
mod read;
mod refer;
mod rules;
mod schema;
mod snapshot;
mod step;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::lint::{Diagnostic, Locations, Severity};
pub use accepts::{Accepts, Assessment, Strict};
pub use calibration::Calibration;
pub use crop::{Crop, Otherwise};
pub use finding::FindingCode;
pub use fit::{Convention, Fit, Weighting, Windows};
pub use folder::{Folder, FolderError};
pub use gate::Gate;
pub use input::{Input, Layout, Measured, Normalize, Unit};
pub use member::{Average, Member, TtaStep};
pub use merge::{Merge, Stack};
pub use outputs::{Against, Join, MapOutput, Pick, ScoreFromMap, ScoreOutput, Values};
pub use pleura_image::resize::MapResize;
pub use pleura_image::{Intensity, Resize};
pub use read::{WrittenOut, lint, written_out};
pub use refer::{Agreement, Refer};
pub use schema::json_schema;
pub use snapshot::Snapshot;
pub(crate) use step::is_path;
pub use step::{DEFAULT_TIMEOUT, Isolation, Step, When};

/// The result of reading a manifest.
pub type Lint = crate::lint::Lint<Manifest>;

/// Why a manifest cannot be used.
pub type ManifestError = crate::lint::DocumentError;

/// The manifest format that this engine reads.
pub const SCHEMA: u32 = 1;

/// A [`Size`](crate::Size) as manifests write it: `[height, width]` in pixels.
pub type Sides = [u32; 2];

/// An ensemble as declared by its manifest.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The manifest format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// Name of the ensemble in reports.
    #[schemars(length(min = 1))]
    pub name: String,
    /// A description of the ensemble.
    #[serde(default)]
    pub description: String,
    /// The size of the masks, at which maps are merged and postprocessed.
    #[serde(default)]
    pub output: Output,
    /// Whether members that cannot change a gate's decision are skipped.
    #[serde(default)]
    pub exit: Exit,
    /// The radiographs that the ensemble is for; default: all.
    #[serde(default)]
    pub accepts: Accepts,
    /// What masks mean, in the codes of medical records; results for a PACS (`--dicom`) need it.
    #[serde(default)]
    pub finding: Option<FindingCode>,
    /// How the classifier stage's score becomes a probability; default: findings have no calibrated probability.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// How the segmenters' agreement is measured; default: masks of probabilities above 0.5.
    #[serde(default)]
    pub agreement: Agreement,
    /// Which images are referred to people; default: none.
    #[serde(default)]
    pub refer: Option<Refer>,
    /// How models run.
    #[serde(default)]
    pub runtime: Runtime,
    /// Finds the part of an image that members with `crop = true` see, such as the lungs.
    #[serde(default)]
    pub crop: Option<Crop>,
    /// Decides whether an image is segmented. Without it, every image is segmented.
    #[serde(default)]
    pub classifier: Option<Stage>,
    /// Segments the image.
    pub segmenter: Stage,
    /// Plugins from the merged probability map to the mask, in order. The first makes a mask, the others change it.
    #[schemars(length(min = 1))]
    pub postprocess: Vec<Step>,
}

/// The size of the masks, at which maps are merged and postprocessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// `[height, width]`; default: each radiograph's own size.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = 16384)))]
    pub size: Option<Sides>,
    /// `[height, width]` to which masks are resized after postprocessing, by the nearest pixel (OpenCV's
    /// `INTER_NEAREST`); default: `size`.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = 16384)))]
    pub mask_size: Option<Sides>,
}

/// Whether members that cannot change a gate's decision are skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// Stops once the members run so far decide the gate; further views and snapshots of a member whose score alone
    /// counts are skipped, too. Writes the same CSV in less time; what does not run cannot fail on an image either. The
    /// default.
    #[default]
    Exact,
    /// Every member runs on every image, so that findings hold exact scores.
    Full,
}

/// How models run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// Try TensorRT before CUDA, if the device is a GPU.
    #[serde(default)]
    pub tensorrt: bool,
    /// Let TensorRT and OpenVINO compute in half precision.
    #[serde(default)]
    pub fp16: bool,
    /// The largest allowed difference between a device's results and the CPU's, on each model's first inputs: of an
    /// output's numbers, in units of its largest one or 1, whichever is more. Default: 0.001, and 0.02 in half precision.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub tolerance: Option<f32>,
}

/// One stage: members, how their outputs are merged, and the gate that an image must pass.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// How the members' outputs are merged; default: weighted mean of probabilities.
    #[serde(default)]
    pub merge: Merge,
    /// The gate: an image must pass the classifier's to be segmented, and the segmenter's to have a mask.
    #[serde(default)]
    pub gate: Option<Gate>,
    /// The models, in the order in which they run.
    #[schemars(length(min = 1))]
    pub members: Vec<Member>,
}
