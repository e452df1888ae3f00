//! Errors of plugins: finding, loading, creating, calling.
//!
//! The inner two enums are also sent from a child process to the engine, hence serde.

use std::path::PathBuf;

use pleura_plugin::abi::{ABI_MAJOR, ABI_MINOR};
use serde::{Deserialize, Serialize};

/// Why a plugin cannot be used, or failed on an image. The caller adds the image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// No searched folder has a library of that name.
    #[error("no plugin `{name}`{}; searched {} (PLEURA_PLUGINS adds folders)", near_text(near), folders_text(searched))]
    NotFound {
        /// The requested name.
        name: String,
        /// The existing folders that were searched.
        searched: Vec<PathBuf>,
        /// Existing plugins, the most similar name first.
        near: Vec<String>,
    },
    /// A step declares the sha256 of a library, but no searched folder has one of that name.
    #[error(
        "no library for plugin `{name}`, whose sha256 the manifest declares; searched {} (PLEURA_PLUGINS adds folders)",
        folders_text(searched)
    )]
    NoLibrary {
        /// The requested name.
        name: String,
        /// The existing folders that were searched.
        searched: Vec<PathBuf>,
    },
    /// The library is not a plugin that this engine can use.
    #[error("plugin library `{path}` {why}", path = path.display())]
    Load {
        /// The library.
        path: PathBuf,
        /// What is wrong with it.
        why: LoadError,
    },
    /// The plugin refuses its parameters.
    #[error("plugin `{plugin}` rejects its parameters: {message}")]
    Refused {
        /// The plugin's name.
        plugin: String,
        /// The plugin's message.
        message: String,
    },
    /// A call failed, or its result cannot be used.
    #[error("plugin `{plugin}` ({call}): {why}")]
    Call {
        /// The plugin's name.
        plugin: String,
        /// The name of the call, as in the API.
        call: &'static str,
        /// What went wrong.
        why: Fault,
    },
    /// With `isolation = "process"`, no program was found to run as the child.
    #[error(
        "plugin library `{path}` cannot run in a child process: no `pleura` program beside `{program}` or on PATH; \
         set PLEURA_WORKER to one",
        path = path.display(), program = program.display()
    )]
    NoWorker {
        /// The plugin's library.
        path: PathBuf,
        /// The running program.
        program: PathBuf,
    },
    /// A plugin's child process tried to start another: its program is not a worker, or the plugin uses the engine
    /// itself.
    #[error(
        "plugin library `{path}` cannot run in a child process of `{program}`, which is such a child itself: set \
         PLEURA_WORKER to the `pleura` program",
        path = path.display(), program = program.display()
    )]
    WithinWorker {
        /// The plugin's library.
        path: PathBuf,
        /// The running program.
        program: PathBuf,
    },
    /// The library's hash is not the declared one. None of its code has run.
    #[error("plugin library `{path}` has changed: expected sha256 {declared}, found {found}", path = path.display())]
    Changed {
        /// The library.
        path: PathBuf,
        /// The sha256 of the file, in hexadecimal.
        found: String,
        /// The declared sha256.
        declared: String,
    },
    /// The plugin's library cannot be read to compute its sha256.
    #[error("cannot read plugin library `{path}`", path = path.display())]
    Read {
        /// The library.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Why a library is not a plugin that this engine can use. Follows "plugin library `…` ".
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no such file.
    #[error("does not exist")]
    Missing,
    /// The dynamic linker refuses it.
    #[error("cannot be loaded: {0}")]
    Open(String),
    /// The symbol is missing.
    #[error("exports no `pleura_plugin`: use `export!` in Rust, define that function in C")]
    NoSymbol,
    /// The symbol's function returns null, or an invalid pointer.
    #[error("returns no table from `pleura_plugin`")]
    NullTable,
    /// The table has another ABI.
    #[error(
        "has ABI {major}, expected {ABI_MAJOR}.{ABI_MINOR}: rebuild the plugin against the header or the crate \
         `pleura-plugin` of ABI {ABI_MAJOR}"
    )]
    Abi {
        /// The plugin's major number.
        major: u16,
    },
    /// The table is shorter than its ABI requires.
    #[error("has a table of {found} bytes, expected at least {least} (ABI {ABI_MAJOR}): set struct_size to its sizeof")]
    TableSize {
        /// The size in bytes that the plugin states.
        found: u32,
        /// The size of the first table of this ABI in bytes.
        least: usize,
    },
    /// The name or the version is empty, null, or implausibly long.
    #[error("has no valid {0}: set it to a short text")]
    Text(String),
    /// Not exactly one role.
    #[error("must have exactly one of the roles prepare, tta and postprocess (its capabilities are {0:#x})")]
    Roles(u32),
    /// A call of its role is null.
    #[error("leaves the call `{0}` of its role null: fill it in")]
    MissingCall(String),
    /// The plugin's name is not the requested one.
    #[error("is named `{found}`: use that name in the manifest, or give the library's path")]
    OtherName {
        /// The name in the plugin's table.
        found: String,
    },
    /// It is one of the program's own plugins.
    #[error("is a part of the program that runs the ensemble, and is not loaded")]
    Own,
    /// The child process died while loading it.
    #[error("fails to load in its child process: {0}")]
    Child(Box<Fault>),
}

/// Why a call failed, or why its result cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Fault {
    /// The plugin's message; a Rust plugin's panic is reported as such.
    #[error("{0}")]
    Said(String),
    /// The plugin failed without a message.
    #[error("failed without a message (it returned {0:#x})")]
    Silent(u32),
    /// The guard bytes around its buffer changed.
    #[error("wrote past its buffer")]
    WrotePast,
    /// Pixels were not written; their number.
    #[error("left {0} pixels of its result unwritten")]
    Unwritten(usize),
    /// NaN or infinity in the result; the number of such pixels.
    #[error("returned {0} pixels that are NaN or infinite")]
    ReturnedNan(usize),
    /// An image outside 0..=1.
    #[error("returned an image with values from {low} to {high}, expected 0 to 1")]
    Range {
        /// The lowest intensity.
        low: f32,
        /// The highest intensity.
        high: f32,
    },
    /// A value other than 0 and 1 in the mask.
    #[error("returned an invalid mask: expected pixels of 0 and 1, found {0}")]
    MaskValue(u8),
    /// The engine's own input contains NaN or infinity, so the plugin was not called.
    #[error("was not called: {count} pixels of the {what} given to it are NaN or infinite")]
    TakesNan {
        /// `image` or `map`.
        what: String,
        /// The number of such pixels.
        count: usize,
    },
    /// The engine's own input has an invalid size, so the plugin was not called.
    #[error("was not called: {0}")]
    Input(String),
    /// Test-time augmentation without a view, or with an implausible number of them.
    #[error("has {0} views; expected 1 to 1024")]
    Views(usize),
    /// A view that is empty or huge.
    #[error("makes view {view} of {height}×{width} pixels; expected sides from 1 to 16384")]
    ViewSize {
        /// The number of the view.
        view: usize,
        /// Its rows.
        height: usize,
        /// Its columns.
        width: usize,
    },
    /// A plugin is used in a place for another role.
    #[error("is a {0} plugin, which has no such call")]
    Role(super::Role),
    /// Several threads got different results.
    #[error("gives different results when several threads call it at once")]
    Differs,
    /// The program started as its child process is another one.
    #[error(
        "`{program}` is not the plugin worker of this version of pleura: {found}; set PLEURA_WORKER to the `pleura` program",
        program = program.display()
    )]
    NoWorker {
        /// The program.
        program: PathBuf,
        /// Its output or exit status instead of the greeting.
        found: String,
    },
    /// The child process ended.
    #[error("its process {0}")]
    Died(String),
    /// The child process did not reply in time, and was killed.
    #[error(
        "did not respond within {seconds} s, and its process was killed: increase its step's `timeout` if it needs \
         longer"
    )]
    TimedOut {
        /// The step's `timeout`, in seconds.
        seconds: u64,
    },
    /// The child process sent an invalid reply.
    #[error("its process sent a broken reply: {0}")]
    Broken(String),
}

fn near_text(near: &[String]) -> String {
    let names: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!("; there is {}", names.join(", ")) }
}

fn folders_text(folders: &[PathBuf]) -> String {
    let folders: Vec<_> = folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
    folders.join(", ")
}
