//! `pleura check` and `pleura train`, used as the ensembles' pages describe.

use std::fs;
use std::path::Path;

use pleura::onnx;
use pleura_train::recipe::{Recipe, stack::is_stack};
use pleura_train::{nets, weights};

use crate::folder::Standin;

/// The output of `pleura check` on a manifest.
fn check(manifest: &Path, code: i32) -> String {
    let done = crate::support::pleura().args(["check", "--device", "cpu"]).arg(manifest).assert().code(code);
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

/// A training command as `pleura check` prints it.
fn told(recipe: &Path, out: &Path) -> String {
    format!("pleura train {} --out {}", recipe.display(), out.display())
}

/// Only files that the recipes make are missing; after training, none is.
pub fn train(standin: &Standin) {
    let shipped = check(&standin.manifest(), 1);
    standin.shorten();
    let shortened = check(&standin.manifest(), 1);
    for said in [&shipped, &shortened] {
        assert!(said.contains("are missing, and nothing else is wrong"), "{said}");
        assert!(said.contains("0 errors, 0 warnings"), "{said}");
    }
    let trainings = standin.trainings();
    let named = trainings.iter().filter(|(recipe, out)| shipped.contains(&told(recipe, out))).count();
    assert_eq!(shipped.matches("make them: ").count(), named, "{shipped}");
    for (recipe, out) in &trainings {
        run(recipe, out);
        if !is_stack(recipe) {
            is_trained(recipe, out);
        }
    }
    let trained = check(&standin.manifest(), 0);
    // the digests of a user's own training are unknown
    let (warnings, digests) = (trained.matches(": warning: "), trained.matches("no sha256 is declared"));
    assert_eq!((warnings.count(), trained.contains("missing")), (digests.count(), false), "{trained}");
}

/// A training's networks have the recipe's architecture, and none of their initial weights.
fn is_trained(recipe: &Path, out: &Path) {
    let recipe = Recipe::read(recipe).unwrap();
    let drawn = nets::build(&recipe.network, recipe.seed).unwrap();
    let trained = onnx::read(out.join(format!("{}-fold0.onnx", recipe.name))).unwrap();
    assert_eq!(trained.graph().node, drawn.graph().node, "{}", recipe.name);
    let pairs = trained.graph().initializer.iter().zip(&drawn.graph().initializer);
    let pairs: Vec<_> = pairs.filter(|(trained, _)| weights::is_weight(trained)).collect();
    let moved = pairs.iter().filter(|(trained, drawn)| trained.floats().unwrap() != drawn.floats().unwrap()).count();
    assert_eq!(moved, pairs.len(), "{}", recipe.name);
}

/// Trains by a recipe, and removes the checkpoints: they are several times as large as the networks.
fn run(recipe: &Path, out: &Path) {
    let mut train = crate::support::pleura();
    train.arg("train").arg(recipe).arg("--out").arg(out).args(["--device", "cpu", "--threads", "1"]).assert().success();
    let entries = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).for_each(|fold| fs::remove_dir_all(fold).unwrap());
}
