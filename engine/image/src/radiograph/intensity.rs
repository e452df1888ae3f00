//! From stored values to intensities.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How stored values become intensities in 0..=1, 1 being white; values outside are clipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Intensity {
    /// The full range of the stored bits: `value / (2^bits - 1)` for unsigned values without rescale. SIIM's 8-bit
    /// images keep exactly their values. The default.
    #[default]
    Stored,
    /// The file's VOI lookup table or first window; a file with neither is read as `stored`, with a warning.
    Window,
    /// A window for all files, in modality units (after rescale), by DICOM's linear function.
    Fixed {
        /// The window's centre.
        center: f32,
        /// The window's width, at least 1.
        #[schemars(range(min = 1.0))]
        width: f32,
    },
    /// From one percentile of the image's values to another.
    Percentiles {
        /// Percentile that becomes 0.
        #[schemars(range(min = 0.0, max = 100.0))]
        low: f32,
        /// Percentile that becomes 1.
        #[schemars(range(min = 0.0, max = 100.0))]
        high: f32,
    },
}
