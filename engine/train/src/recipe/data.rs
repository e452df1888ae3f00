//! What a network is trained on.

use std::path::PathBuf;

use pleura::manifest::{Intensity, Resize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Images with their truth.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Files, folders and globs of DICOM, PNG or JPEG images, relative to the recipe.
    #[schemars(length(min = 1))]
    pub images: Vec<String>,
    /// What is true of them.
    pub truth: Truth,
    /// Only images with a mask that is not empty.
    #[serde(default)]
    pub positives_only: bool,
    /// How stored values become intensities in 0..=1.
    #[serde(default)]
    pub intensity: Intensity,
    /// How images are brought to a phase's size; masks are brought to it by area, marked from a half on.
    #[serde(default)]
    pub resize: Resize,
    /// Intensities in 0..=1 are multiplied by this.
    #[serde(default = "one")]
    pub scale: f32,
    /// Subtracted after scaling: one number, or one a channel.
    #[serde(default)]
    #[schemars(length(max = 3))]
    pub mean: Vec<f32>,
    /// Divided by after subtracting: one number, or one a channel.
    #[serde(default)]
    #[schemars(length(max = 3))]
    pub std: Vec<f32>,
    /// Prepared images are kept in memory up to this many MiB; beyond, files are read anew each epoch.
    #[serde(default = "two_thousand")]
    pub cache_mib: u32,
}

/// Where the truth stands.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Truth {
    /// A CSV of run lengths, `ImageId,EncodedPixels`, with several rows an image where it has several masks, `-1` for
    /// none. Compressed with gzip if its name ends so.
    Rle {
        /// The CSV, relative to the recipe.
        csv: PathBuf,
        /// `[height, width]` of the images that the runs were counted on; left out, each image's own.
        #[serde(default)]
        #[schemars(inner(range(min = 1, max = 16384)))]
        size: Option<[u32; 2]>,
        /// Images without a row are negatives, rather than errors.
        #[serde(default)]
        absent_is_empty: bool,
    },
    /// A folder of mask images with the images' stems; what is above half of the range is marked.
    Masks {
        /// The folder, relative to the recipe.
        folder: PathBuf,
        /// Images without a mask are negatives, rather than errors.
        #[serde(default)]
        absent_is_empty: bool,
    },
}

/// How images are divided into folds: balanced in positives, with each patient's images in one fold.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Folds {
    /// How many.
    #[serde(default = "five")]
    #[schemars(range(min = 2, max = 100))]
    pub count: u32,
    /// The folds that are trained, from 0; left out, all.
    #[serde(default)]
    pub train: Option<Vec<u32>>,
    /// A CSV `ImageId,fold`, relative to the recipe: read where it is there, written where it is not.
    #[serde(default)]
    pub csv: Option<PathBuf>,
    /// A CSV, relative to the recipe, that tells each image's patient.
    #[serde(default)]
    pub patients: Option<PathBuf>,
    /// The patients' column in it; the images' is `ImageId`.
    #[serde(default = "patient")]
    pub patient_column: String,
    /// Another seed divides otherwise.
    #[serde(default)]
    pub seed: u64,
}

impl Default for Folds {
    fn default() -> Self {
        Self { count: five(), train: None, csv: None, patients: None, patient_column: patient(), seed: 0 }
    }
}

/// Which images an epoch shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sampling {
    /// Every image once, in random order. The default.
    #[default]
    All,
    /// Every positive once, with as many random negatives as make positives this share of the epoch.
    PositiveShare {
        /// The share, above 0 and up to 1, in the phase's first epoch.
        #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
        share: f32,
        /// The share in the phase's last epoch, reached in equal steps; left out, it stays.
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
