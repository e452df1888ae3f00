//! How an image of another shape becomes a network's input.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sides;

/// How an image of another shape becomes a network's input. A map goes the same way back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fit {
    /// Each side is resized to the input's; the ratio of the sides may change. The default.
    #[default]
    Stretch,
    /// Resized with its ratio until it fits, centred, with a border of one intensity around it: sides are rounded, and
    /// the first of two borders is the smaller one, as albumentations' `LongestMaxSize` and `PadIfNeeded`.
    Letterbox {
        /// The border's intensity.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        border: f32,
    },
    /// Resized with its ratio until the shorter side has `short_side` pixels, of which the input is the centre, as
    /// torchvision's `Resize` and `CenterCrop`. Nothing is found outside: a map is 0 there.
    CenterCrop {
        /// The shorter side in pixels, at least the input's longer side.
        #[schemars(range(min = 1, max = 16384))]
        short_side: u32,
    },
    /// The square in the centre, of the shorter side, is cut out first and then resized, as torchxrayvision's
    /// `XRayCenterCrop`. A map is 0 outside.
    CenterSquare,
    /// Not resized to the input: the network sees windows of `size`, one after the other, and their maps are joined; see
    /// [`Windows`].
    Windows(Windows),
}

/// A sliding window: parts of the image of the input's `size`, whose maps are averaged where they overlap. An image that
/// is smaller than a window is centred in it.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// The share of a window that the next one covers, at least.
    #[serde(default = "half")]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub overlap: f32,
    /// How the maps of windows are weighted.
    #[serde(default)]
    pub weighting: Weighting,
    /// By whose arithmetic windows are placed and weighted.
    #[serde(default)]
    pub convention: Convention,
    /// `[height, width]` in pixels to which the image is resized first. Default: its own size.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = 16384)))]
    pub resized: Option<Sides>,
    /// `[row, column]` spacing of pixels, in millimetres, to which the image is resized first. Files that state no spacing
    /// are refused.
    #[serde(default)]
    #[schemars(inner(range(min = 0.001, max = 1000.0)))]
    pub spacing: Option<[f32; 2]>,
    /// The intensity around an image that is smaller than a window. Default: the one that the network sees as 0.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub border: Option<f32>,
}

/// How the maps of windows are weighted where they overlap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// By a Gaussian around the window's centre, whose standard deviation is an eighth of its side. The default.
    #[default]
    Gaussian,
    /// All alike.
    Constant,
}

/// By whose arithmetic windows are placed and weighted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Convention {
    /// nnU-Net's: as many windows as `overlap` needs, spread evenly from edge to edge. The default.
    #[default]
    #[serde(rename = "nnunet")]
    NnUnet,
    /// MONAI's `sliding_window_inference`: steps of one length, and the last window moved back to the edge.
    Monai,
}

const fn half() -> f32 {
    0.5
}
