//! Reads recipes.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use pleura::lint::{Document, Findings, Locations, Schema};

use super::{Architecture, Lint, Recipe, RecipeError, Truth, rules};

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::of::<Recipe>);

impl Document for Recipe {
    const NOUN: &'static str = "recipe";

    fn schema() -> &'static Schema {
        &SCHEMA
    }

    fn check(&self, findings: &mut Findings) {
        rules::check(self, findings);
    }
}

/// The JSON Schema (draft 2020-12) of recipes, the content of `ensembles/recipe.schema.json`.
///
/// Editors with TOML support complete and check a recipe whose first line is `#:schema recipe.schema.json`.
#[must_use]
pub fn json_schema() -> String {
    SCHEMA.to_string()
}

/// Reads a recipe and reports every problem. Unlike [`Recipe::read`], it continues with the readable part. Whether
/// files exist is not checked: see [`Recipe::files`].
///
/// # Errors
/// [`RecipeError::Read`] where the file cannot be read.
pub fn lint(path: &Path) -> Result<Lint, RecipeError> {
    Lint::of_file(path)
}

impl Recipe {
    /// Reads a recipe. Warnings are logged.
    ///
    /// # Errors
    /// [`RecipeError::Read`] where the file cannot be read, [`RecipeError::Invalid`] with every problem otherwise.
    pub fn read(path: &Path) -> Result<Self, RecipeError> {
        Ok(Self::read_located(path)?.0)
    }

    /// Reads a recipe and the positions of its keys, so that later errors can name a line.
    ///
    /// # Errors
    /// As [`Recipe::read`].
    pub fn read_located(path: &Path) -> Result<(Self, Locations), RecipeError> {
        lint(path)?.accept()
    }

    /// Reads a recipe from its text; `path` is used in problems, and relative paths start from its folder.
    ///
    /// # Errors
    /// [`RecipeError::Invalid`] with every problem.
    pub fn parse(text: &str, path: &Path) -> Result<Self, RecipeError> {
        Ok(Lint::of_text(text, path).accept()?.0)
    }

    /// The files and folders that must exist, each with the key that names it; `folder` is the recipe's. The images
    /// (`data.images` holds globs) and `folds.csv` (written if missing) are not included.
    #[must_use]
    pub fn files(&self, folder: &Path) -> Vec<(&'static str, PathBuf)> {
        let model = match &self.network.architecture {
            Architecture::Onnx { model, .. } => Some(("network.architecture.model", model)),
            _ => None,
        };
        let truth = match &self.data.truth {
            Truth::Rle { csv, .. } => ("data.truth.csv", csv),
            Truth::Masks { folder, .. } => ("data.truth.folder", folder),
        };
        let weights = self.weights.as_ref().map(|weights| ("weights.file", &weights.file));
        let patients = self.folds.patients.as_ref().map(|patients| ("folds.patients", patients));
        let named = model.into_iter().chain(weights).chain([truth]).chain(patients);
        named.map(|(key, file)| (key, folder.join(file))).collect()
    }
}
