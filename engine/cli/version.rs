//! The program's version, the commit that it was built from, and what it works with.

use std::fmt::Write;

use pleura::runtime::find::OLDEST;
use pleura::runtime::{self, RuntimeError};
use pleura_plugin::abi::{ABI_MAJOR, ABI_MINOR};

/// `0.1.0 (77a33db18c5f)`.
pub const SHORT: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("PLEURA_COMMIT"), ")");

/// The first lines of `--version`; [`rest`] follows.
pub const LONG: &str = concat!(env!("CARGO_PKG_VERSION"), "\ncommit        ", env!("PLEURA_COMMIT"));

/// The plugin ABI and ONNX Runtime versions that are supported, and the ONNX Runtime that is found, searched only on
/// request.
pub fn rest() -> String {
    let mut text = format!("plugin ABI    {ABI_MAJOR}.{ABI_MINOR}\n");
    let found = match runtime::load(None) {
        Ok(loaded) => format!("{} (`{}`, {})", loaded.version, loaded.path.display(), loaded.origin),
        Err(RuntimeError::NotFound { .. }) => "none found".into(),
        Err(error) => error.to_string(),
    };
    write!(text, "ONNX Runtime  {found}; 1.{OLDEST} or newer is needed").expect("writing to a string cannot fail");
    text
}
