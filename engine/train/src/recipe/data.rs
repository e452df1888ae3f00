//! The training data.

use std::path::PathBuf;

use pleura::manifest::{Intensity, Resize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Images with their ground truth.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Files, folders and globs of DICOM, PNG or JPEG images, relative to the recipe.
    #[schemars(length(min = 1))]
    pub images: Vec<String>,
    /// The ground truth.
    pub truth: Truth,
    /// Only images with a mask that is not empty.
    #[serde(default)]
    pub positives_only: bool,
    /// How stored values become intensities in 0..=1.
    #[serde(default)]
    pub intensity: Intensity,
    /// How images are resized to a phase's size; masks are resized by area and marked from one half on.
    #[serde(default)]
    pub resize: Resize,
    /// Intensities in 0..=1 are multiplied by this.
    #[serde(default = "one")]
    pub scale: f32,
    /// Subtracted after scaling: one number, or one per channel.
    #[serde(default)]
    #[schemars(length(max = 3))]
    pub mean: Vec<f32>,
    /// Divisor after subtraction: one number, or one per channel.
    #[serde(default)]
    #[schemars(length(max = 3))]
    pub std: Vec<f32>,
    /// Memory for prepared images, in MiB; images beyond it are read again in each epoch.
    #[serde(default = "two_thousand")]
    pub cache_mib: u32,
}

/// The source of the ground truth.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Truth {
    /// A CSV of run lengths, `ImageId,EncodedPixels`, with one row per mask of an image, and `-1` for none. Read as
    /// gzip if its name ends in `.gz`.
    Rle {
        /// The CSV, relative to the recipe.
        csv: PathBuf,
        /// `[height, width]` of the images that the runs were counted on; default: each image's own size.
        #[serde(default)]
        #[schemars(inner(range(min = 1, max = 16384)))]
        size: Option<[u32; 2]>,
        /// Treat images without a row as negatives instead of errors.
        #[serde(default)]
        absent_is_empty: bool,
    },
    /// A folder of mask images with the images' stems; pixels above half of the range are marked.
    Masks {
        /// The folder, relative to the recipe.
        folder: PathBuf,
        /// Treat images without a mask as negatives instead of errors.
        #[serde(default)]
        absent_is_empty: bool,
    },
}

/// How images are split into folds: balanced by positives, with each patient's images in one fold.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Folds {
    /// How many.
    #[serde(default = "five")]
    #[schemars(range(min = 2, max = 100))]
    pub count: u32,
    /// The folds to train, from 0; default: all.
    #[serde(default)]
    pub train: Option<Vec<u32>>,
    /// A CSV `ImageId,fold`, relative to the recipe: read if it exists, otherwise written.
    #[serde(default)]
    pub csv: Option<PathBuf>,
    /// A CSV with each image's patient, relative to the recipe.
    #[serde(default)]
    pub patients: Option<PathBuf>,
    /// Patient column of `patients`; its image column is `ImageId`.
    #[serde(default = "patient")]
    pub patient_column: String,
    /// Random seed of the split.
    #[serde(default)]
    pub seed: u64,
}

impl Default for Folds {
    fn default() -> Self {
        Self { count: five(), train: None, csv: None, patients: None, patient_column: patient(), seed: 0 }
    }
}

/// Which images an epoch has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sampling {
    /// Every image once, in random order. The default.
    #[default]
    All,
    /// Every positive once, with random negatives so that positives are this fraction of the epoch.
    PositiveShare {
        /// The fraction, above 0 and up to 1, in the phase's first epoch.
        #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
        share: f32,
        /// The fraction in the phase's last epoch, reached in equal steps; default: constant.
        #[serde(default)]
        #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
        to: Option<f32>,
    },
}

const fn one() -> f32 {
    1.0
}

const fn five() -> u32 {
    5
}

const fn two_thousand() -> u32 {
    2000
}

fn patient() -> String {
    "PatientId".into()
}
