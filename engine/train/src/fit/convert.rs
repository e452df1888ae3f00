//! A recipe's network with given weights as ONNX, without training.

use std::path::Path;

use super::TrainError;
use super::subject::{load, network};
use crate::files::WriteError;
use crate::recipe::{Recipe, Weights};

/// Writes a recipe's network as ONNX, with the weights of a file in place of its `weights.file`; the recipe's other keys
/// of `[weights]` hold. Its data are not read. Returns a remark on the weights.
///
/// # Errors
/// If the recipe or the file cannot be read; if the network has weights that the file lacks, or lacks some that it has,
/// unless the recipe allows it; if there is neither a file nor a recipe's own; if `out` cannot be written.
pub fn export(recipe_path: &Path, weights: Option<&Path>, out: &Path) -> Result<String, TrainError> {
    let mut recipe = Recipe::read(recipe_path)?;
    let mut folder = recipe_path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (mut model, _) = network(&recipe, folder, recipe.seed)?;
    if let Some(file) = weights {
        let known = recipe.weights.take();
        let all = Weights { file: file.into(), ..Weights::default() };
        recipe.weights = Some(known.map_or(all, |known| Weights { file: file.into(), ..known }));
        // the option's path is not relative to the recipe
        folder = Path::new("");
    }
    let Some(remark) = load(&mut model, &recipe, folder)? else { return Err(TrainError::NoWeights) };
    let failed = |source| WriteError { path: out.into(), source };
    let mut file = pleura_files::atomic::beside(out).map_err(failed)?;
    std::io::Write::write_all(&mut file, &model.to_bytes()).map_err(failed)?;
    pleura_files::atomic::place(file, out).map_err(failed)?;
    Ok(remark)
}
