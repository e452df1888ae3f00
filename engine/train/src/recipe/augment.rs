//! Augmentation of training images.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One transform, or one of several, applied with a probability.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// The probability.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f32,
    /// One of these is applied, chosen uniformly.
    #[schemars(length(min = 1))]
    pub one_of: Vec<Transform>,
}

/// Mixup (Zhang et al., 2018): each image of a batch is blended with another one of it, and so are their masks and
/// labels, by a share that is drawn once for the batch.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mixup {
    /// The share is of the beta distribution (alpha, alpha): 0.2 mostly keeps one of the two, 1 is uniform.
    #[schemars(range(max = 2.0), extend("exclusiveMinimum" = 0.0))]
    pub alpha: f32,
    /// The probability that a batch is blended.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f32,
}

/// How an image is padded beyond its border, by OpenCV's names; the mask is padded in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Border {
    /// Black and unmarked: `000|abcd|000`.
    Constant,
    /// The last pixel repeated: `aaa|abcd|ddd`.
    Replicate,
    /// The image mirrored: `cba|abcd|dcb`.
    Reflect,
    /// The image mirrored, without its last pixel: `dcb|abcd|cba`. The default of albumentations.
    #[serde(rename = "reflect-101")]
    Reflect101,
    /// The image wrapped around: `bcd|abcd|abc`.
    Wrap,
}

/// What a brightness is relative to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BrightnessOf {
    /// The whole range of intensities: 0.2 adds up to 0.2. The default.
    #[default]
    Range,
    /// The image's mean intensity, as albumentations did up to 0.3: 0.2 adds up to a fifth of the mean.
    Mean,
}

/// The intensity that a contrast leaves unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContrastAbout {
    /// The image's mean: its brightness stays. The default.
    #[default]
    Mean,
    /// Black: intensities are multiplied, as albumentations does.
    Zero,
}

/// A transform. Geometric transforms move image and mask together; the others change the image only. Values are drawn
/// uniformly from ranges. Intensities are clipped to 0..=1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Transform {
    /// Horizontal flip.
    Hflip {},
    /// Vertical flip.
    Vflip {},
    /// Rows become columns. Only for square images.
    Transpose {},
    /// A rotation by 0, 90, 180 or 270 degrees. Only for square images.
    QuarterTurns {},
    /// Shift, scale and rotation about the centre, in one bilinear resampling.
    ShiftScaleRotate {
        /// Maximum shift as a fraction of the side, in both directions.
        #[serde(default = "sixteenth")]
        #[schemars(range(min = 0.0, max = 1.0))]
        shift: f32,
        /// Maximum change of scale: 0.1 is 0.9 to 1.1.
        #[serde(default = "tenth")]
        #[schemars(range(min = 0.0, max = 0.99))]
        scale: f32,
        /// Maximum rotation in degrees, in both directions.
        #[serde(default = "forty_five")]
        #[schemars(range(min = 0.0, max = 180.0))]
        degrees: f32,
        /// Padding beyond the border; default: black.
        #[serde(default = "constant")]
        border: Border,
    },
    /// A random crop, resized to the full size.
    Crop {
        /// Minimum and maximum fraction of the sides that are kept.
        #[schemars(inner(range(min = 0.01, max = 1.0)))]
        keep: [f32; 2],
    },
    /// Adds or subtracts up to this.
    Brightness {
        /// The maximum.
        #[schemars(range(min = 0.0, max = 1.0))]
        limit: f32,
        /// What it is relative to.
        #[serde(default)]
        of: BrightnessOf,
    },
    /// Scales contrast by up to this: 0.2 is 0.8 to 1.2.
    Contrast {
        /// The maximum.
        #[schemars(range(min = 0.0, max = 1.0))]
        limit: f32,
        /// The intensity that stays unchanged.
        #[serde(default)]
        about: ContrastAbout,
    },
    /// Brightness and contrast together, as albumentations' `RandomBrightnessContrast` of 0.3: intensities are
    /// multiplied by 1 plus a contrast of up to `contrast`, and a brightness of up to `brightness` times the image's
    /// original mean is added.
    BrightnessContrast {
        /// Maximum brightness as a fraction of the image's mean, in both directions.
        #[schemars(range(min = 0.0, max = 1.0))]
        brightness: f32,
        /// Maximum contrast: 0.2 is 0.8 to 1.2.
        #[schemars(range(min = 0.0, max = 1.0))]
        contrast: f32,
    },
    /// Adds to each pixel normally distributed noise, whose standard deviation is drawn up to this.
    Noise {
        /// The maximum.
        #[schemars(range(min = 0.0, max = 1.0))]
        limit: f32,
    },
    /// Black squares at random places, which may reach over the border, as albumentations' `CoarseDropout`; the mask
    /// stays.
    Cutout {
        /// The number of squares.
        #[serde(default = "eight")]
        #[schemars(range(min = 1, max = 64))]
        holes: u32,
        /// Their side as a fraction of the image's shorter side.
        #[schemars(range(min = 0.0, max = 1.0))]
        side: f32,
    },
    /// `intensity ^ gamma`.
    Gamma {
        /// Minimum and maximum; [0.8, 1.2] is albumentations' (80, 120).
        #[schemars(inner(range(min = 0.01, max = 100.0)))]
        range: [f32; 2],
    },
    /// A box blur of a random odd side.
    Blur {
        /// Maximum side in pixels, at least 3.
        #[schemars(range(min = 3, max = 99))]
        limit: u32,
    },
    /// A blur along a line of random direction.
    MotionBlur {
        /// Maximum length in pixels, at least 3.
        #[schemars(range(min = 3, max = 99))]
        limit: u32,
    },
    /// A median over a square of a random odd side.
    Median {
        /// Maximum side in pixels, at least 3.
        #[schemars(range(min = 3, max = 15))]
        limit: u32,
    },
    /// Contrast-limited adaptive histogram equalisation.
    Clahe {
        /// Maximum clip limit; drawn from 1 up to it.
        #[schemars(range(min = 1.0, max = 100.0))]
        clip: f32,
        /// Tiles along each side.
        #[serde(default = "eight")]
        #[schemars(range(min = 1, max = 64))]
        tiles: u32,
    },
    /// Elastic deformation: random displacements, smoothed (Simard et al., 2003).
    Elastic {
        /// The displacement's scale in pixels.
        #[schemars(range(min = 0.0))]
        alpha: f32,
        /// The smoothing's standard deviation in pixels.
        #[schemars(range(min = 0.1, max = 1000.0))]
        sigma: f32,
        /// Maximum displacement of the corners of a random affine map, in pixels.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        affine: f32,
        /// Padding beyond the border; default: the image mirrored without its last pixel.
        #[serde(default = "reflect_101")]
        border: Border,
    },
    /// The lines of a grid move, with everything between them; the outermost lines stay.
    GridDistortion {
        /// Cells along each side.
        #[serde(default = "five")]
        #[schemars(range(min = 1, max = 64))]
        steps: u32,
        /// Maximum change of a cell's size, as a fraction of it.
        #[schemars(range(min = 0.0, max = 0.99))]
        limit: f32,
    },
    /// A lens's barrel or pincushion distortion.
    OpticalDistortion {
        /// Maximum of the radial coefficient, in both directions.
        #[schemars(range(min = 0.0, max = 10.0))]
        limit: f32,
        /// Maximum displacement of the centre as a fraction of the side, in both directions (albumentations'
        /// `shift_limit` is in whole pixels).
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        shift: f32,
        /// Padding beyond the border; default: the image mirrored without its last pixel.
        #[serde(default = "reflect_101")]
        border: Border,
    },
}

const fn constant() -> Border {
    Border::Constant
}

const fn reflect_101() -> Border {
    Border::Reflect101
}

const fn one() -> f32 {
    1.0
}

const fn sixteenth() -> f32 {
    0.0625
}

const fn tenth() -> f32 {
    0.1
}

const fn forty_five() -> f32 {
    45.0
}

const fn eight() -> u32 {
    8
}

const fn five() -> u32 {
    5
}
