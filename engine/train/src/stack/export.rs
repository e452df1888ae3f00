//! Writes the results of stacking.

use std::io::Write;
use std::path::{Path, PathBuf};

use pleura::runtime::{self, Device, Loaded, SessionOptions};
use toml::Value;

use super::error::StackError;
use super::{Fitted, Table, model};
use crate::files::{self, WriteError};
use crate::fit::{self, AGREEMENT};
use crate::nets::STACK_PORTS;
use crate::out_of_fold::{OutOfFold, PREDICTIONS, Prediction};
use crate::recipe::stack::StackRecipe;

/// The name of the file of a manifest's lines.
pub const MERGE: &str = "merge.toml";

/// Checks that the stack's own predictions do not replace a member's.
pub fn spares_the_members(out: &Path, recipe: &StackRecipe, folder: &Path) -> Result<(), StackError> {
    let path = out.join(PREDICTIONS);
    let Ok(found) = path.canonicalize() else { return Ok(()) };
    let is_it = |oof: &Path| folder.join(oof).canonicalize().is_ok_and(|oof| oof == found);
    if recipe.members.iter().any(|member| is_it(&member.oof)) { Err(StackError::Overwrites { path }) } else { Ok(()) }
}

/// Writes predictions, model and manifest lines; the model only after the engine's outputs for every image agree with
/// the heads'. Returns the model's path.
pub fn write(
    out: &Path,
    recipe: &StackRecipe,
    table: &Table,
    heads: &[Fitted],
    unseen: &[f32],
    loaded: &Loaded,
) -> Result<PathBuf, StackError> {
    let mut predictions = OutOfFold::default();
    for (row, id) in table.ids.iter().enumerate() {
        let (fold, label, score) = (table.folds[row], table.labels[row], Some(unseen[row]));
        predictions.add(id, Prediction { fold, label, score, found: None })?;
    }
    predictions.write(out)?;
    let name = format!("{}.onnx", fit::stem(&recipe.name));
    let path = out.join(&name);
    let failed = |source| WriteError { path: path.clone(), source };
    let mut temporary = pleura_files::atomic::beside(&path).map_err(failed)?;
    temporary.write_all(&model(recipe, heads).to_bytes()).map_err(failed)?;
    agrees(temporary.path(), table, heads, loaded)?;
    pleura_files::atomic::place(temporary, &path).map_err(failed)?;
    let sha256 = pleura_files::digest::file(&path).map_err(failed)?;
    files::write(&out.join(MERGE), lines(recipe, &name, &sha256))?;
    Ok(path)
}

/// Checks that the exported model's outputs equal the mean of the heads'.
fn agrees(exported: &Path, table: &Table, heads: &[Fitted], loaded: &Loaded) -> Result<(), StackError> {
    let options = SessionOptions { device: Device::Cpu, threads: 1, tensorrt: false, fp16: false, memory: None };
    let engine = runtime::Model::open(loaded, exported, options)?;
    let [input, output] = STACK_PORTS;
    let found = engine.run(input, table.scores.view().into_dyn(), &[output])?.swap_remove(0);
    let mean = |row| heads.iter().map(|head| head.probabilities[row]).sum::<f32>() / heads.len() as f32;
    let expected: Vec<f32> = (0..table.ids.len()).map(mean).collect();
    match fit::worst(found.iter().copied(), &expected) {
        Some(worst) if worst <= AGREEMENT => Ok(()),
        worst => Err(StackError::Disagrees { worst: worst.unwrap_or(f32::INFINITY) }),
    }
}

/// The lines of a manifest for the model.
fn lines(recipe: &StackRecipe, model: &str, sha256: &str) -> String {
    let names: Vec<_> = recipe.members.iter().map(|member| quoted(&member.name)).collect();
    let [input, output] = STACK_PORTS;
    format!(
        "# Written by `pleura train`: merges the scores of a stage's members. This is not a complete manifest: copy it into\n\
         # one, in place of its [classifier]'s merge. The path is relative to that file. The stage must have these\n\
         # members, in this order, each with a score:\n#\n#   {}\n\n\
         [classifier]\n\
         merge = {{ kind = \"stack\", model = {}, sha256 = {}, input = \"{input}\", output = \"{output}\", values = \
         \"probabilities\" }}\n",
        names.join(", "),
        quoted(model),
        quoted(sha256),
    )
}

/// A TOML string on one line, for any text.
fn quoted(text: &str) -> String {
    Value::from(text.replace(['\n', '\r'], " ")).to_string()
}
