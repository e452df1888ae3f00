//! What a training writes, known before it begins.

use std::path::{Path, PathBuf};

use super::outcome::RECORDS;
use super::stem;
use crate::recipe::{self, stack};
use crate::stack::MERGE;

/// The folder for everything that a recipe's training makes, and the names of the files there, in which `*` stands for
/// anything; folds have folders of their own, `fold0` and so on. `out` is the folder where one is given. `None` where
/// the recipe cannot be read.
#[must_use]
pub fn outputs(recipe: &Path, out: Option<&Path>) -> Option<(PathBuf, Vec<String>)> {
    let is_stack = stack::is_stack(recipe);
    let name = match is_stack {
        true => stack::lint(recipe).ok()?.document?.name,
        false => recipe::lint(recipe).ok()?.document?.name,
    };
    let stem = stem(&name);
    let mut names: Vec<String> = RECORDS.map(str::to_owned).into();
    match is_stack {
        true => names.extend([MERGE.into(), format!("{stem}.onnx")]),
        false => names.extend(["ensemble.toml".into(), "classifier.toml".into(), format!("{stem}-fold*.onnx")]),
    }
    Some((out.map_or_else(|| PathBuf::from(&stem), Path::to_owned), names))
}
