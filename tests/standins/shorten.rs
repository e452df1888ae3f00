//! Recipes and manifests made small: less of everything, but of the same kind.

use toml::{Table, Value};

/// Number of folds of a stand-in.
pub const FOLDS: i64 = 2;

/// Number of epochs per phase.
const EPOCHS: i64 = 2;

/// As many snapshots as folds, with the inputs of the shortened recipes; all else is kept, even areas and the sizes
/// that they refer to.
pub fn shorten_manifest<'r>(manifest: &mut Table, recipe_of: impl Fn(&str) -> &'r Table) {
    for member in members(manifest) {
        let recipe = recipe_of(member["recipe"].as_str().unwrap());
        let size = recipe["phases"].as_array().unwrap().last().unwrap()["size"].clone();
        member["input"].as_table_mut().unwrap().insert("size".into(), size);
        let snapshots = member["snapshots"].as_array_mut().unwrap();
        snapshots.retain(|snapshot| snapshot["fold"].as_integer().unwrap() < FOLDS);
        assert_eq!(snapshots.len(), FOLDS as usize);
    }
}

/// All members of all stages of a manifest.
fn members(manifest: &mut Table) -> impl Iterator<Item = &mut Table> {
    let stages = manifest.iter_mut().filter(|(stage, _)| ["crop", "classifier", "segmenter"].contains(&stage.as_str()));
    stages.flat_map(|(_, stage)| stage["members"].as_array_mut().unwrap()).map(|member| member.as_table_mut().unwrap())
}

/// Whether a recipe starts from a network that another one of the same folder trains.
pub fn starts_from_another(recipe: &Table) -> bool {
    let file = recipe.get("weights").map(|weights| weights["file"].as_str().unwrap());
    file.is_some_and(|file| file.starts_with("../models/"))
}

/// Shortens a recipe. Architecture, heads, losses, optimiser, augmentations, schedules and averaging are kept.
pub fn shorten(recipe: &mut Table) {
    if !starts_from_another(recipe) {
        recipe.remove("weights");
    }
    let architecture = recipe["network"]["architecture"].as_table_mut().unwrap();
    let encoder = small_encoder(architecture["encoder"].as_str().unwrap());
    architecture.insert("encoder".into(), encoder.into());
    if architecture["kind"].as_str() == Some("unet") {
        architecture.insert("decoder".into(), vec![32, 16, 16, 8, 8].into());
    }
    recipe["folds"].as_table_mut().unwrap().insert("count".into(), FOLDS.into());
    let (mut before, mut after) = (0, 0);
    for phase in recipe["phases"].as_array_mut().unwrap() {
        before += phase["epochs"].as_integer().unwrap();
        after += EPOCHS;
        shorten_phase(phase.as_table_mut().unwrap());
    }
    if let Some(epochs) = recipe.get_mut("average").and_then(|average| average.get_mut("epochs")) {
        // counted from the end, as far back as there are epochs
        let epochs = epochs.as_array_mut().unwrap();
        epochs.retain(|epoch| epoch.as_integer().unwrap() >= before - after);
        epochs.iter_mut().for_each(|epoch| *epoch = Value::from(epoch.as_integer().unwrap() - before + after));
    }
}

fn shorten_phase(phase: &mut Table) {
    phase.insert("epochs".into(), EPOCHS.into());
    for side in phase["size"].as_array_mut().unwrap() {
        *side = Value::from(small(side.as_integer().unwrap()));
    }
    // an optimiser step uses four images
    let batch = phase["batch"].as_integer().unwrap().min(4);
    phase.insert("batch".into(), batch.into());
    if let Some(steps) = phase.get_mut("accumulate") {
        *steps = Value::from(steps.as_integer().unwrap().min(4 / batch));
    }
}

/// A smaller encoder of the same family; different ones for networks that differ in nothing else.
fn small_encoder(encoder: &str) -> &'static str {
    match encoder {
        "se-resnext50" => "efficientnet-b0", // has squeeze and excitation too
        "resnet50" | "se-resnext101" | "senet154" => "resnet18",
        "efficientnet-b3" | "efficientnet-b4" | "efficientnet-b5" => "efficientnet-lite0",
        other => panic!("which encoder stands in for `{other}`?"),
    }
}

/// 1024 becomes 96, 768 and 640 become 64, 512 becomes 32: encoders need multiples of 32.
fn small(side: i64) -> i64 {
    (side * 3 / 32 + 15) / 32 * 32
}
