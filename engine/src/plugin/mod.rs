//! Plugins: what prepares images, augments them, or makes and changes masks. Most are dynamic libraries; the stock ones
//! are linked into the program and called through the same table.
//!
//! [`Plugin::open`] finds a manifest step's plugin, loads it and creates an instance with the step's parameters.
//! Every call is guarded: what a plugin writes past its buffer, leaves unwritten, or returns as NaN or as garbage is an
//! error that names the plugin, never a wrong picture. What no check can catch is a plugin that crashes; with
//! `isolation = "process"` it crashes alone, in a child process.
//!
//! The way of a call: [`Plugin`] checks what goes in and what comes out; beneath it the call is made here, on the
//! library's table, or by a child process that does the same on its side of a pipe.
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
pub use origin::Origin;
pub use pleura_plugin::Context;
pub use worker::worker;

use crate::Size;

/// What a plugin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Image to image, before a member sees it.
    Prepare,
    /// Views of an image, and the way back for maps.
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

/// What a plugin's table says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct About {
    /// The name by which manifests call it.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// What it does.
    pub role: Role,
    /// Whether its result depends on the classifier's score.
    pub uses_score: bool,
    /// The ABI it was built against: (major, minor).
    pub abi: (u16, u16),
}

/// The longest side of an image, a map or a view, in pixels.
const MAX_SIDE: usize = 16384;
