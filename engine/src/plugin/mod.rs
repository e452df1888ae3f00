//! Plugins: they prepare images, augment them, or make and change masks. Most are dynamic libraries; the stock ones are
//! linked into the program and called through the same table.
//!
//! [`Plugin::open`] finds a manifest step's plugin, loads it and creates an instance with the step's parameters.
//! Every call is guarded: if a plugin writes past its buffer, leaves pixels unwritten, or returns NaN or invalid
//! values, the result is an error that names the plugin, never a wrong picture. The exception is a plugin that crashes;
//! with `isolation = "process"` only its child process crashes.
//!
//! A call: [`Plugin`] checks inputs and results; below it the call is made here, through the library's table, or by a
//! child process that does the same on its side of a pipe.
//!
//! How to write a plugin: `plugins/README.md`.

mod buffer;
mod call;
mod checks;
mod child;
pub mod conformance;
mod error;
mod exits;
mod find;
mod host;
mod library;
mod log;
mod origin;
mod own;
mod pipe;
mod process;
mod wire;
mod worker;

use serde::{Deserialize, Serialize};

pub use child::this_program_is_a_worker;
pub use error::{Fault, LoadError, PluginError};
pub use exits::name_exit;
pub use find::{Found, PluginOptions, folders, list, locate, named, resolve};
pub use host::Plugin;
#[doc(hidden)]
pub use library::table_of;
pub use origin::{Origin, hash_program};
pub use own::{OwnPlugin, OwnPlugins, OwnStep};
pub use pleura_plugin::Context;
pub use worker::worker;

use crate::Size;

/// The role of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Image to image, before a member's inference.
    Prepare,
    /// Views of an image, and their inverses for maps.
    Tta,
    /// Map to mask.
    Postprocess,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prepare => "prepare",
            Self::Tta => "tta",
            Self::Postprocess => "postprocess",
        })
    }
}

/// The content of a plugin's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct About {
    /// The plugin's name in manifests.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Its role.
    pub role: Role,
    /// Whether its result depends on the classifier's score.
    pub uses_score: bool,
    /// The ABI it was built against: (major, minor).
    pub abi: (u16, u16),
}

/// The longest side of an image, a map or a view, in pixels.
const MAX_SIDE: usize = 16384;
