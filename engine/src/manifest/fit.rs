//! How an image of another shape becomes a network's input.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}
