//! `pleura train` with the recipe of a stack.

use std::path::Path;

use anyhow::Result;
use pleura::lint::{Diagnostic, Severity};
use pleura_train::fit::Options;
use pleura_train::recipe::stack::{self, StackLint};
use pleura_train::stack::{Figures, Stacked, Table, train};

use crate::exit::Exit;
use crate::{fetch, term};

/// Trains a stack, and prints its gain.
pub fn run(recipe: &Path, options: &Options) -> Result<Exit> {
    fetch::ensure(options.onnxruntime.as_deref())?;
    let stacked = train(recipe, options, &mut |note| term::note(note))?;
    let Stacked { members, mean, stack, images, positives, .. } = &stacked;
    term::result(format_args!("out of fold, {images} images, {positives} positive:"));
    let all: Vec<_> = members.iter().chain([mean, stack]).collect();
    let widest = all.iter().map(|figures| figures.name.chars().count()).max().unwrap_or_default();
    all.iter().for_each(|figures| term::result(line(figures, widest)));
    term::result(stacked.merge.display());
    if stack.log_loss >= mean.log_loss {
        term::warning("the stack is no better than the mean of its members: use `merge = { kind = \"mean\" }`");
    }
    Ok(Exit::Good)
}

/// All faults of the recipe, and of the files that it names.
pub fn check(path: &Path) -> Result<Exit> {
    let lint = stack::lint(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut diagnostics = lint.diagnostics.clone();
    diagnostics.extend(absent(&lint, folder));
    diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    diagnostics.iter().for_each(term::result);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Ok(Exit::Wrong);
    }
    let Some(recipe) = lint.document else { return Ok(Exit::Wrong) };
    let table = Table::read(&recipe, folder)?;
    let folds = table.held_out();
    folds.iter().try_for_each(|&fold| table.training(fold).map(drop))?;
    let positives = table.labels.iter().filter(|&&label| label).count();
    let images = table.ids.len();
    term::result(format_args!(
        "{images} images of {} members, {positives} positive; {} folds",
        recipe.members.len(),
        folds.len()
    ));
    if table.left_out > 0 {
        term::result(format_args!("{} images are missing from some member's file and are left out", table.left_out));
    }
    Ok(Exit::Good)
}

/// The members' files that are missing.
fn absent(lint: &StackLint, folder: &Path) -> Vec<Diagnostic> {
    let members = lint.document.iter().flat_map(|recipe| recipe.members.iter().enumerate());
    let absent = members.filter_map(|(index, member)| {
        let (field, file) = (format!("members[{index}].oof"), folder.join(&member.oof));
        if lint.is_replaced(&field) || file.exists() {
            return None;
        }
        let (path, line, column) = lint.locations.locate(&field);
        let path = path.to_owned();
        let message = format!("`{}` does not exist", file.display());
        let hint = Some("correct the path, which is relative to the recipe".into());
        Some(Diagnostic { severity: Severity::Error, path, line, column, field, message, hint })
    });
    absent.collect()
}

fn line(figures: &Figures, widest: usize) -> String {
    let number = |figure: Option<f64>| figure.map_or("-".into(), |figure| format!("{figure:.4}"));
    let Figures { name, log_loss, auc } = figures;
    format!("  {name:<widest$}  log-loss {}  AUC {}", number(*log_loss), number(*auc))
}
