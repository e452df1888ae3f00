//! A plugin in its place.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A plugin and its parameters.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A plugin's name (`threshold`), or the path of its library, relative to the manifest (`./libmine.so`).
    #[schemars(length(min = 1))]
    pub plugin: String,
    /// The plugin's own parameters.
    #[serde(default)]
    pub params: serde_json::Map<String, serde_json::Value>,
    /// Where the plugin runs.
    #[serde(default)]
    pub isolation: Isolation,
    /// Load the library with its symbols visible to others (`RTLD_GLOBAL`), for plugins that embed Python.
    #[serde(default)]
    pub global_symbols: bool,
    /// Run the step only where the member's views agree, or do not; for steps of a member's own `postprocess`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In the engine's process: fast, but a plugin that segfaults takes the run with it. The default.
    #[default]
    None,
    /// In a child process, which may die without harm.
    Process,
}

/// How far a member's views must agree: the lowest Dice coefficient between the mask of the first view and that of any
/// other, at the size of the member's own map. Masks without a pixel agree with each other.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// A view's mask is where its probability is strictly above this.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mask_above: f32,
    /// Strictly below. One of the two is given.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub views_dice_below: Option<f32>,
    /// Equal or above.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub views_dice_at_least: Option<f32>,
}
