//! Pieces of TOML.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::ImportError;
use crate::models::{Description, Known};

/// The largest description, in bytes.
const MOST: u64 = 16 << 20;

/// Reads a description as JSON.
pub(super) fn json<T: DeserializeOwned>(path: &Path, expected: &'static str) -> Result<T, ImportError> {
    let bytes = crate::bounded::read(path, MOST).map_err(|error| match error {
        crate::bounded::BoundedError::Io(source) => ImportError::Read { path: path.into(), source },
        crate::bounded::BoundedError::TooLarge { bytes } => {
            ImportError::Format { path: path.into(), expected, message: format!("it has {bytes} bytes") }
        }
    })?;
    let wrong =
        |error: serde_json::Error| ImportError::Format { path: path.into(), expected, message: error.to_string() };
    serde_json::from_slice(&bytes).map_err(wrong)
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A number with as many digits as a single-precision one needs.
pub(super) fn number(number: f64) -> String {
    let text = (number as f32).to_string();
    if text.contains(['.', 'e']) { text } else { text + ".0" }
}

/// A list of numbers.
pub(super) fn numbers(list: &[f64]) -> String {
    format!("[{}]", list.iter().map(|&it| number(it)).collect::<Vec<_>>().join(", "))
}

/// A member of a network, and whether it has a map.
pub(super) fn member(path: &Path, network: &Description, known: &Known) -> Result<(String, bool), ImportError> {
    let message = "expected one input of (batch, channels, height, width) with 1 or 3 channels, and an output that is a \
                   map or a score";
    network.member_of(known).ok_or_else(|| ImportError::Network { path: path.into(), message: message.into() })
}
