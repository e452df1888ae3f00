//! Plugins as real libraries: the effects of bad ones, the guide, and the header.

mod bad;
mod build;
mod built_in;
mod guide;
mod hanging;
mod header;
mod isolated;
mod pinned;
mod predict;
mod search;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;

use ndarray::Array2;
use pleura::manifest::{Isolation, Step};
use pleura::plugin::{Context, Plugin, PluginError};
use pleura::{Mask, Size};
use serde_json::{Map, Value};

/// A step as in a manifest.
fn step(plugin: &str, params: &str, isolation: Isolation) -> Step {
    let params: Map<String, Value> = serde_json::from_str(params).unwrap();
    Step { plugin: plugin.to_owned(), params, isolation, ..Step::default() }
}

/// Opens the fixture of that name by path.
fn open(fixture: &str, isolation: Isolation) -> Result<Plugin, PluginError> {
    Plugin::open(&step(&format!("./lib{fixture}.so"), "{}", isolation), build::fixtures())
}

/// The text of the expected error.
fn error<T>(result: Result<T, PluginError>) -> String {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => error.to_string(),
    }
}

fn context(image_id: &str) -> Context {
    Context::new(image_id, Size::new(1024, 1024)).with_score(0.25, 0.75)
}

/// 0, 1/60, 2/60, … 59/60.
fn map() -> Array2<f32> {
    Array2::from_shape_fn((6, 10), |(y, x)| (10 * y + x) as f32 / 60.0)
}

/// The mask that working fixtures make of [`map`].
fn above_half() -> Mask {
    map().mapv(|p| p > 0.5).into()
}

/// Cargo's output folder of libraries and the program.
fn target() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pleura")).parent().unwrap()
}
