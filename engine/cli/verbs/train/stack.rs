//! `pleura train` with the recipe of a stack.

use std::path::Path;

use anyhow::Result;
use pleura::lint::Severity;
use pleura_train::fit::Options;
use pleura_train::recipe::stack;
use pleura_train::stack::{Figures, Stacked, Table, train};

use crate::exit::Exit;
use crate::{fetch, term};

/// Stacks, and prints whether it helped.
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
        term::warning("the stack is no better than the mean of its members: `merge = { kind = \"mean\" }` will do");
    }
    Ok(Exit::Good)
}

/// Everything that is wrong with the recipe, and with the files that it names.
pub fn check(path: &Path) -> Result<Exit> {
    let lint = stack::lint(path)?;
    lint.diagnostics.iter().for_each(term::result);
    if lint.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Ok(Exit::Wrong);
    }
    let Some(recipe) = lint.document else { return Ok(Exit::Wrong) };
    let table = Table::read(&recipe, path.parent().unwrap_or(Path::new("")))?;
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
        term::result(format_args!("{} images are not in every member's file, and are left out", table.left_out));
    }
    Ok(Exit::Good)
}

fn line(figures: &Figures, widest: usize) -> String {
    let number = |figure: Option<f64>| figure.map_or("-".into(), |figure| format!("{figure:.4}"));
    let Figures { name, log_loss, auc } = figures;
    format!("  {name:<widest$}  log-loss {}  AUC {}", number(*log_loss), number(*auc))
}
