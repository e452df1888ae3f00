//! A plugin with its parameters.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The default time limit of a call of an isolated plugin, in seconds.
pub const DEFAULT_TIMEOUT: u32 = 60;

/// A plugin and its parameters.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A plugin's name (`threshold`), or the path of its library, relative to the manifest (`./libmine.so`).
    #[schemars(length(min = 1))]
    pub plugin: String,
    /// Parameters of the plugin.
    #[serde(default)]
    pub params: serde_json::Map<String, serde_json::Value>,
    /// Where the plugin runs.
    #[serde(default)]
    pub isolation: Isolation,
    /// Time limit in seconds for loading the plugin, for its parameters, and for each call, with `isolation =
    /// "process"`; default: 60. A plugin that takes longer is killed: the current image fails, and the next one gets a
    /// new process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub timeout: Option<u32>,
    /// The SHA-256 of the plugin's library, in hexadecimal, checked before any of its code runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<String>,
    /// Load the library with global symbols (`RTLD_GLOBAL`), for plugins that embed Python.
    #[serde(default)]
    pub global_symbols: bool,
    /// Run the step only if the member's views agree, or disagree; for steps of a member's own `postprocess`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// Whether a manifest's `plugin` is the path of a library, not a name.
#[must_use]
pub fn is_path(plugin: &str) -> bool {
    plugin.contains(std::path::is_separator)
}

impl Step {
    /// Whether the plugin is given as the path of its library, not by name.
    #[must_use]
    pub fn is_path(&self) -> bool {
        is_path(&self.plugin)
    }

    /// The time limit of a call if the plugin is isolated.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs(self.timeout.unwrap_or(DEFAULT_TIMEOUT).into())
    }
}

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In the engine's process: fast, but a plugin that segfaults takes the run with it. The default.
    #[default]
    None,
    /// In a child process: if it crashes, one image fails and the run continues.
    Process,
}

/// Agreement of a member's views: the lowest Dice coefficient between the mask of the first view and that of any other,
/// at the size of the member's own map. Empty masks agree with each other.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// A view's mask is where its probability is strictly above this.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mask_above: f32,
    /// Strictly below. Exactly one of the two is given.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub views_dice_below: Option<f32>,
    /// Equal or above.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub views_dice_at_least: Option<f32>,
}
