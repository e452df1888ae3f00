//! Compares a checkpoint with the training that would continue from it.

use std::fmt::Write;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::Value;

use super::{Checkpoint, CheckpointError, Origin, Tensors};
use crate::recipe::Recipe;

/// The number of differences that are listed.
const SHOWN: usize = 3;

/// Keys of a recipe that do not affect how a fold is trained.
const IDLE: [&str; 4] = ["name", "description", "folds.train", "data.cache_mib"];

pub(super) fn check(checkpoint: &Checkpoint, path: &Path, origin: &Origin<'_>) -> Result<(), CheckpointError> {
    let path = || path.to_owned();
    let state = &checkpoint.state;
    // the recipe first: if it names another network, its key says more than the tensors do
    if let Some(differences) = abbreviated(&recipes(&state.recipe, origin.recipe)) {
        return Err(CheckpointError::Recipe { path: path(), differences });
    }
    if let Some(differences) = abbreviated(&tensors(&checkpoint.tensors, origin.shapes)) {
        return Err(CheckpointError::Network { path: path(), differences });
    }
    if state.network != origin.network {
        let differences = "its tensors have the same names and shapes, but its graph is not the same".into();
        return Err(CheckpointError::Network { path: path(), differences });
    }
    if state.data != origin.data {
        return Err(CheckpointError::Data { path: path() });
    }
    if state.at.fold != origin.fold {
        return Err(CheckpointError::Fold { path: path(), found: state.at.fold, expected: origin.fold });
    }
    Ok(())
}

/// The first few, and the number of the others; `None` if there are none.
fn abbreviated(differences: &[String]) -> Option<String> {
    let mut text = differences.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if differences.len() > SHOWN {
        write!(text, " and {} more", differences.len() - SHOWN).expect("writing to a string cannot fail");
    }
    (!differences.is_empty()).then_some(text)
}

fn tensors(found: &Tensors, expected: &IndexMap<String, Vec<usize>>) -> Vec<String> {
    let wrong = expected.iter().filter_map(|(name, shape)| match found.get(name) {
        None => Some(format!("it has no `{name}`")),
        Some((other, _)) if other != shape => Some(format!("`{name}` is {}, not {}", sides(other), sides(shape))),
        Some(_) => None,
    });
    let unknown = found.keys().filter(|name| !expected.contains_key(*name));
    wrong.chain(unknown.map(|name| format!("its `{name}` is unknown"))).collect()
}

fn sides(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "a scalar".into();
    }
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

fn recipes(was: &Recipe, is: &Recipe) -> Vec<String> {
    // through text: converted directly, a rate of 1e-4 would be shown as the single-precision 0.0000999999974
    let value = |recipe| {
        let text = serde_json::to_string(recipe).expect("a recipe is plain data");
        serde_json::from_str::<Value>(&text).expect("it was just written")
    };
    let mut differences = Vec::new();
    values("", &value(was), &value(is), &mut differences);
    differences
}

/// Every key at which two values differ.
fn values(at: &str, was: &Value, is: &Value, differences: &mut Vec<String>) {
    // a phase that recomputes has the same results
    if was == is || IDLE.contains(&at) || at.ends_with("].recompute") {
        return;
    }
    match (was, is) {
        // another kind has other keys: they would only be consequential differences
        (Value::Object(a), Value::Object(b)) if a.get("kind") == b.get("kind") => {
            let missing = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(missing) {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                values(&at, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), differences);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                values(&format!("{at}[{i}]"), a, b, differences);
            }
        }
        _ => differences.push(format!("`{at}` was {} and is {}", short(was), short(is))),
    }
}

/// A short form of a value.
fn short(value: &Value) -> String {
    match value {
        Value::Null => "left out".into(),
        Value::Object(map) => map.get("kind").map_or_else(|| "a table".into(), short),
        Value::Array(items) if items.iter().any(|item| item.is_object()) => format!("a list of {}", items.len()),
        other => other.to_string(),
    }
}
