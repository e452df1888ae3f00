//! The outputs of a training, known before it starts.

use std::path::{Path, PathBuf};

use super::find_lr::FILES;
use super::outcome::RECORDS;
use super::stem;
use crate::recipe::{self, stack};
use crate::stack::MERGE;

/// The output folder of a recipe's training, and the names of the files there, in which `*` stands for any text; folds
/// have their own folders, `fold0` and so on. `out` is the folder if given. `None` if the recipe cannot be read.
#[must_use]
pub fn outputs(recipe: &Path, out: Option<&Path>) -> Option<(PathBuf, Vec<String>)> {
    let is_stack = stack::is_stack(recipe);
    let name = match is_stack {
        true => stack::lint(recipe).ok()?.document?.name,
        false => recipe::lint(recipe).ok()?.document?.name,
    };
    let stem = stem(&name);
    let mut names: Vec<String> = RECORDS.iter().chain(&FILES).map(|name| (*name).to_owned()).collect();
    match is_stack {
        true => names.extend([MERGE.into(), format!("{stem}.onnx")]),
        false => names.extend(["ensemble.toml".into(), "classifier.toml".into(), format!("{stem}-fold*.onnx")]),
    }
    Some((out.map_or_else(|| PathBuf::from(&stem), Path::to_owned), names))
}
