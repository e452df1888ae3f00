//! A model's input.

use pleura_image::Resize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fit, Sides};

/// A model's input: `(intensity * scale - mean) / std`, brought to `size`, in the declared layout.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The input's name in the ONNX graph.
    pub name: String,
    /// `[height, width]` in pixels.
    #[schemars(inner(range(min = 1, max = 16384)))]
    pub size: Sides,
    /// 1, or 3 for the grey image repeated three times.
    #[schemars(extend("enum" = [1, 3]))]
    pub channels: u32,
    /// The order of the axes.
    #[serde(default)]
    pub layout: Layout,
    /// Intensities in 0..=1, or the numbers of `unit`, are multiplied by this: 1, or 255 for models that take 0..=255.
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
    /// How the image is resized.
    #[serde(default)]
    pub resize: Resize,
    /// How an image of another shape is brought to `size`.
    #[serde(default)]
    pub fit: Fit,
    /// The unit of the numbers, before `scale`, `mean` and `std`.
    #[serde(default)]
    pub unit: Unit,
    /// Normalization by the image's own values, before `scale`, `mean` and `std`.
    #[serde(default)]
    pub normalize: Normalize,
}

/// Normalization of an image by its own values. An image of one value becomes 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Normalize {
    /// None. The default.
    #[default]
    None,
    /// Subtract the mean, divide by the standard deviation.
    ZScore {
        /// The pixels that are measured.
        #[serde(default)]
        of: Measured,
    },
    /// Subtract the lowest value, divide by the difference between the highest and the lowest.
    MinMax {
        /// The pixels that are measured.
        #[serde(default)]
        of: Measured,
    },
}

impl Normalize {
    /// The pixels that are measured, if any.
    #[must_use]
    pub const fn of(self) -> Option<Measured> {
        match self {
            Self::None => None,
            Self::ZScore { of } | Self::MinMax { of } => Some(of),
        }
    }
}

/// The pixels of which an image's own values are measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measured {
    /// All that the network sees, after any preparation and view; of windows, each by itself. The default.
    #[default]
    Input,
    /// The whole image, or the part that a member's `crop` and `crop_to_nonzero` leave, before it is resized; after
    /// `prepare` plugins, if there are any.
    Image,
    /// As `image`, without the pixels whose value in the file is 0; these become 0.
    Nonzero,
}

/// The unit of a network's input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// 0 is black and 1 is white. The default.
    #[default]
    Intensity,
    /// The file's own values, after rescale: 0..=255 of an 8-bit file, 0..=4095 of a 12-bit file; reversed within that
    /// range where the file says that 0 is white. Only with `intensity = { kind = "stored" }`.
    Stored,
}

/// The order of a tensor's axes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Batch, channels, height, width: PyTorch's order. The default.
    #[default]
    Nchw,
    /// Batch, height, width, channels: TensorFlow's order.
    Nhwc,
}

const fn one() -> f32 {
    1.0
}
