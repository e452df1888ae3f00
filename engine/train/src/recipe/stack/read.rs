//! Reads recipes of stacks.

use std::path::Path;
use std::sync::LazyLock;

use pleura::lint::{Document, Findings, Schema};

use super::super::RecipeError;
use super::{StackLint, StackRecipe, rules};

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::of::<StackRecipe>);

/// The table that only a stack's recipe has.
const TABLE: &str = "stack";

impl Document for StackRecipe {
    const NOUN: &'static str = "recipe";

    fn schema() -> &'static Schema {
        &SCHEMA
    }

    fn check(&self, findings: &mut Findings) {
        rules::check(self, findings);
    }
}

/// The JSON Schema (draft 2020-12) of stacks' recipes, the content of `ensembles/stack.schema.json`.
#[must_use]
pub fn json_schema() -> String {
    SCHEMA.to_string()
}

/// Whether a file is the recipe of a stack, not of a network: it has a `[stack]` table. If its TOML is broken, its
/// lines decide; if it cannot be read, it counts as a network's: the next reader reports the fault.
#[must_use]
pub fn is_stack(path: &Path) -> bool {
    let text = pleura_files::regular::read_to_string(path).unwrap_or_default();
    match text.parse::<toml::Table>() {
        Ok(table) => table.contains_key(TABLE),
        Err(_) => text.lines().any(names_the_table),
    }
}

fn names_the_table(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches('[').trim_start();
    line.strip_prefix(TABLE).is_some_and(|rest| rest.trim_start().starts_with(['=', '.', ']']))
}

/// Reads a stack's recipe and reports every problem.
///
/// # Errors
/// [`RecipeError::Read`] where the file cannot be read.
pub fn lint(path: &Path) -> Result<StackLint, RecipeError> {
    StackLint::of_file(path)
}

impl StackRecipe {
    /// Reads a recipe. Warnings are logged.
    ///
    /// # Errors
    /// [`RecipeError::Read`] where the file cannot be read, [`RecipeError::Invalid`] with every problem otherwise.
    pub fn read(path: &Path) -> Result<Self, RecipeError> {
        Ok(lint(path)?.accept()?.0)
    }

    /// Reads a recipe from its text; `path` is used in problems.
    ///
    /// # Errors
    /// [`RecipeError::Invalid`] with every problem.
    pub fn parse(text: &str, path: &Path) -> Result<Self, RecipeError> {
        Ok(StackLint::of_text(text, path).accept()?.0)
    }
}
