//! What is done to training images.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One transform, or one of several, done with a probability.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// How often.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f32,
    /// One of these is done, each as likely as any other.
    #[schemars(length(min = 1))]
    pub one_of: Vec<Transform>,
}

/// What is taken to lie beyond an image's border, by OpenCV's names for it; the mask is continued as the image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Border {
    /// Black, and not marked: `000|abcd|000`.
    Constant,
    /// The last pixel, over and over: `aaa|abcd|ddd`.
    Replicate,
    /// The image mirrored: `cba|abcd|dcb`.
    Reflect,
    /// The image mirrored, without its last pixel: `dcb|abcd|cba`. What albumentations does unless it is given another.
    #[serde(rename = "reflect-101")]
    Reflect101,
    /// The image from its other side on: `bcd|abcd|abc`.
    Wrap,
}

/// What a brightness is a share of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BrightnessOf {
    /// The whole range of intensities: 0.2 adds up to 0.2. The default.
    #[default]
    Range,
    /// The image's mean intensity, as albumentations did up to 0.3: 0.2 adds up to a fifth of the mean.
    Mean,
}

/// The intensity that a contrast leaves as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContrastAbout {
    /// The image's mean: its brightness stays. The default.
    #[default]
    Mean,
    /// Black: intensities are multiplied, as albumentations does.
    Zero,
}

/// A transform. Geometry moves image and mask together; the rest changes the image alone. Ranges are drawn from evenly.
/// Intensities lie in 0..=1 and are clipped to it.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Transform {
    /// Left becomes right.
    Hflip {},
    /// Shift, scale and rotation about the centre, in one bilinear step.
    ShiftScaleRotate {
        /// The most that is shifted, as a share of the side, either way.
        #[serde(default = "sixteenth")]
        #[schemars(range(min = 0.0, max = 1.0))]
        shift: f32,
        /// The most that is scaled, either way: 0.1 is 0.9 to 1.1.
        #[serde(default = "tenth")]
        #[schemars(range(min = 0.0, max = 0.99))]
        scale: f32,
        /// The most that is turned, in degrees, either way.
        #[serde(default = "forty_five")]
        #[schemars(range(min = 0.0, max = 180.0))]
        degrees: f32,
        /// What comes from outside; black, unless another is named.
        #[serde(default = "constant")]
        border: Border,
    },
    /// A random part, brought back to the full size.
    Crop {
        /// The least and the most of the sides that are kept.
        #[schemars(inner(range(min = 0.01, max = 1.0)))]
        keep: [f32; 2],
    },
    /// Adds up to this, either way.
    Brightness {
        /// The most.
        #[schemars(range(min = 0.0, max = 1.0))]
        limit: f32,
        /// Of what it is a share.
        #[serde(default)]
        of: BrightnessOf,
    },
    /// Stretches by up to this, either way: 0.2 is 0.8 to 1.2.
    Contrast {
        /// The most.
        #[schemars(range(min = 0.0, max = 1.0))]
        limit: f32,
        /// What stays as it is.
        #[serde(default)]
        about: ContrastAbout,
    },
    /// Both at once, as albumentations' `RandomBrightnessContrast` of 0.3 does: intensities are multiplied by 1 and a
    /// contrast of up to `contrast`, and a brightness of up to `brightness` of the mean that the image had is added.
    BrightnessContrast {
        /// The most of the brightness, as a share of the image's mean, either way.
        #[schemars(range(min = 0.0, max = 1.0))]
        brightness: f32,
        /// The most of the contrast, either way: 0.2 is 0.8 to 1.2.
        #[schemars(range(min = 0.0, max = 1.0))]
        contrast: f32,
    },
    /// `intensity ^ gamma`.
    Gamma {
        /// The least and the most; [0.8, 1.2] is what albumentations calls (80, 120).
        #[schemars(inner(range(min = 0.01, max = 100.0)))]
        range: [f32; 2],
    },
    /// A box blur of a random odd side.
    Blur {
        /// The largest side in pixels, at least 3.
        #[schemars(range(min = 3, max = 99))]
        limit: u32,
    },
    /// A blur along a line of random direction.
    MotionBlur {
        /// The longest in pixels, at least 3.
        #[schemars(range(min = 3, max = 99))]
        limit: u32,
    },
    /// A median over a square of a random odd side.
    Median {
        /// The largest side in pixels, at least 3.
        #[schemars(range(min = 3, max = 15))]
        limit: u32,
    },
    /// Contrast-limited adaptive histogram equalisation.
    Clahe {
        /// The largest clip limit; drawn from 1 up to it.
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
        /// The most that the corners of a random affine map move, in pixels.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        affine: f32,
        /// What comes from outside; the image mirrored without its last pixel, unless another is named.
        #[serde(default = "reflect_101")]
        border: Border,
    },
    /// The lines of a grid move, and what is between them with them; the outermost stay.
    GridDistortion {
        /// Cells along each side.
        #[serde(default = "five")]
        #[schemars(range(min = 1, max = 64))]
        steps: u32,
        /// The most that a cell grows or shrinks, as a share of itself.
        #[schemars(range(min = 0.0, max = 0.99))]
        limit: f32,
    },
    /// A lens's barrel or pincushion distortion.
    OpticalDistortion {
        /// The most of the radial coefficient, either way.
        #[schemars(range(min = 0.0, max = 10.0))]
        limit: f32,
        /// The most that the centre moves, as a share of the side, either way. (albumentations' `shift_limit` is in
        /// pixels, and rounded to whole ones.)
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        shift: f32,
        /// What comes from outside; the image mirrored without its last pixel, unless another is named.
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
