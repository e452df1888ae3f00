//! The winners' manifests and recipes: valid, consistent and complete.

mod facts;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pleura::manifest::{Layout, Manifest, Member, Merge, Values};
use pleura_train::recipe::{self, Recipe};
use tempfile::TempDir;

fn ensembles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ensembles")
}

/// The files of a folder with this ending, sorted.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

/// The winners' folders.
fn folders() -> Vec<PathBuf> {
    let mut folders = files(&ensembles(), "");
    folders.retain(|path| path.is_dir() && path.file_name().unwrap().to_string_lossy().starts_with("siim-"));
    let names: Vec<_> = folders.iter().map(|path| path.file_name().unwrap().to_string_lossy()).collect();
    let expected = ["11th", "1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th"];
    assert_eq!(names, expected.map(|place| format!("siim-{place}")));
    folders
}

fn manifests() -> Vec<(PathBuf, Manifest)> {
    let paths = folders().into_iter().flat_map(|folder| files(&folder, ".toml"));
    paths.map(|path| (path.clone(), Manifest::read(&path).unwrap_or_else(|e| panic!("{e}")))).collect()
}

/// The members of each stage.
fn stages(manifest: &Manifest) -> Vec<(&'static str, &[Member])> {
    let crop = manifest.crop.iter().map(|crop| ("crop", &crop.members[..]));
    let classifier = manifest.classifier.iter().map(|stage| ("classifier", &stage.members[..]));
    crop.chain(classifier).chain([("segmenter", &manifest.segmenter.members[..])]).collect()
}

/// The recipe of a member of a manifest at `path`: its file and content.
fn recipe_of(path: &Path, member: &Member) -> (PathBuf, Recipe) {
    let name = &member.name;
    let recipe = member.recipe.as_ref().unwrap_or_else(|| panic!("{}: `{name}` has no recipe", path.display()));
    let file = path.with_file_name(recipe);
    let recipe = Recipe::read(&file).unwrap_or_else(|e| panic!("{}: `{name}`: {e}", path.display()));
    (file, recipe)
}

/// A copy of an ensemble's folder without trained models: a user's own models must not fail the tests.
fn without_models(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("recipes")).unwrap();
    for file in files(folder, ".toml").into_iter().chain(files(&folder.join("recipes"), ".toml")) {
        fs::copy(&file, copy.path().join(file.strip_prefix(folder).unwrap())).unwrap();
    }
    copy
}

#[test]
fn nothing_but_the_models_is_missing() {
    for folder in folders() {
        let copy = without_models(&folder);
        for path in files(copy.path(), ".toml") {
            let check = support::pleura().args(["check", "--device", "cpu"]).arg(&path).assert().code(1);
            let said = String::from_utf8_lossy(&check.get_output().stdout).into_owned();
            let last = "are missing, and nothing else is wrong";
            assert!(said.contains(last) && said.contains("0 errors, 0 warnings"), "{}: {said}", folder.display());
            let manifest = Manifest::read(&path).unwrap();
            let members = stages(&manifest).into_iter().flat_map(|(_, members)| members);
            for recipe in members.map(|member| member.recipe.as_ref().unwrap()) {
                let told = format!("pleura train {}", path.with_file_name(recipe).display());
                assert!(said.contains(&told), "no `{told}` in {said}");
            }
        }
    }
}

#[test]
fn recipes_are_sound_and_called_as_their_files() {
    for path in folders().iter().flat_map(|folder| files(&folder.join("recipes"), ".toml")) {
        let (diagnostics, name) = if recipe::stack::is_stack(&path) {
            let lint = recipe::stack::lint(&path).unwrap();
            (lint.diagnostics, lint.document.map(|recipe| recipe.name))
        } else {
            let lint = recipe::lint(&path).unwrap();
            (lint.diagnostics, lint.document.map(|recipe| recipe.name))
        };
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        assert_eq!(name.as_deref(), path.file_stem().and_then(|stem| stem.to_str()), "{}", path.display());
    }
}

#[test]
fn every_recipe_makes_something_that_is_used() {
    for folder in folders() {
        let mut used: BTreeSet<PathBuf> = BTreeSet::new();
        for path in files(&folder, ".toml") {
            let manifest = Manifest::read(&path).unwrap();
            for member in stages(&manifest).into_iter().flat_map(|(_, members)| members) {
                let (file, recipe) = recipe_of(&path, member);
                // a network that another one starts from
                let start = recipe.weights.map(|weights| weights.file).filter(|file| file.starts_with("../models"));
                let start = start.and_then(|file| file.parent()?.file_name().map(PathBuf::from));
                used.extend(start.map(|name| file.with_file_name(name).with_extension("toml")));
                used.insert(file);
            }
            if let Some(Merge::Stack(stack)) = manifest.classifier.as_ref().map(|stage| &stage.merge) {
                used.insert(path.with_file_name(stack.recipe.as_ref().unwrap()));
            }
        }
        assert_eq!(used, files(&folder.join("recipes"), ".toml").into_iter().collect());
    }
}

#[test]
fn networks_are_fed_as_they_were_trained() {
    for (path, manifest) in manifests() {
        for (stage, members) in stages(&manifest) {
            for member in members {
                let (_, recipe) = recipe_of(&path, member);
                let at = format!("{}: {stage}: `{}`", path.display(), member.name);
                let (input, data) = (&member.input, &recipe.data);
                assert_eq!(input.size, recipe.phases.last().unwrap().size, "{at}");
                assert_eq!((input.channels, input.scale), (recipe.network.channels, data.scale), "{at}");
                assert_eq!((&input.mean, &input.std), (&data.mean, &data.std), "{at}");
                assert_eq!((input.resize, input.layout), (data.resize, Layout::Nchw), "{at}");
                assert_eq!(member.intensity, data.intensity, "{at}");
                assert_eq!(input.name, "image", "{at}");
                let heads = recipe.network.heads;
                for (output, name, is_there) in [
                    (member.map.as_ref().map(|map| (map.output.as_str(), map.values)), "map", heads.map()),
                    (member.score.as_ref().map(|score| (score.output.as_str(), score.values)), "score", heads.score()),
                ] {
                    assert!(
                        output.is_none_or(|output| is_there && output == (name, Values::Logits)),
                        "{at}: {output:?}"
                    );
                }
            }
        }
    }
}

/// The files that a recipe's training writes, each with its held-out fold, as a manifest beside it names them.
fn written_by(recipe: &Recipe) -> BTreeSet<(u32, String)> {
    let folds = recipe.folds.train.clone().unwrap_or_else(|| (0..recipe.folds.count).collect());
    let name = &recipe.name;
    let file = |fold, top| match top {
        1 => format!("models/{name}/{name}-fold{fold}.onnx"),
        top => format!("models/{name}/{name}-fold{fold}-top{top}.onnx"),
    };
    folds.into_iter().flat_map(|fold| (1..=recipe.keep_top).map(move |top| (fold, file(fold, top)))).collect()
}

#[test]
fn snapshots_are_what_training_writes() {
    for (path, manifest) in manifests() {
        for (stage, members) in stages(&manifest) {
            for member in members {
                let (_, recipe) = recipe_of(&path, member);
                let snapshots = member.snapshots.iter();
                let named: Vec<_> = snapshots
                    .map(|snapshot| (snapshot.fold.unwrap(), snapshot.model.to_string_lossy().into_owned()))
                    .collect();
                let at = format!("{}: {stage}: `{}`", path.display(), member.name);
                assert_eq!(named.iter().cloned().collect::<BTreeSet<_>>(), written_by(&recipe), "{at}");
                assert_eq!(
                    named.len(),
                    member.snapshots.iter().map(|it| &it.model).collect::<BTreeSet<_>>().len(),
                    "{at}"
                );
            }
        }
    }
}

#[test]
fn a_stack_has_the_stage_s_members_in_their_order() {
    let path = ensembles().join("siim-2nd/ensemble.toml");
    let classifier = Manifest::read(&path).unwrap().classifier.unwrap();
    let Merge::Stack(stack) = classifier.merge else { panic!("the 2nd place stacks") };
    let recipe = recipe::stack::lint(&path.with_file_name(stack.recipe.unwrap())).unwrap().document.unwrap();
    let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>();
    let members = names(classifier.members.iter().map(|member| &member.name).collect());
    assert_eq!(names(recipe.members.iter().map(|member| &member.name).collect()), members);
    for member in recipe.members {
        assert_eq!(member.oof, Path::new("../models").join(member.name).join("oof.csv"));
    }
    assert_eq!(stack.model, Path::new("models").join(&recipe.name).join(format!("{}.onnx", recipe.name)));
    assert_eq!((&*stack.input, &*stack.output, stack.values), ("scores", "score", Values::Probabilities));
}

/// The manifest in the ensembles' index.
fn composed() -> String {
    let readme = fs::read_to_string(ensembles().join("README.md")).unwrap();
    let block = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    block.expect("ensembles/README.md shows a manifest").to_owned()
}

#[test]
fn what_the_index_composes_is_sound() {
    let path = ensembles().join("README.md");
    let manifest = Manifest::parse(&composed(), &path).unwrap_or_else(|e| panic!("{e}"));
    for member in stages(&manifest).into_iter().flat_map(|(_, members)| members) {
        let (file, recipe) = recipe_of(&path, member);
        let folder = file.parent().unwrap().parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let model = member.model.as_ref().unwrap().to_string_lossy();
        let written = written_by(&recipe).into_iter().any(|(_, file)| model == format!("{folder}/{file}"));
        assert!(written, "{model} is not what {} writes", file.display());
        assert_eq!((&member.input.mean, member.input.size), (&recipe.data.mean, recipe.phases.last().unwrap().size));
    }
}

#[test]
fn every_primitive_is_in_use() {
    let mut text = composed();
    for path in folders().iter().flat_map(|folder| files(folder, ".toml")) {
        text += &fs::read_to_string(path).unwrap();
    }
    let kinds = ["score", "any-pixel", "area", "component", "agree", "any", "all"];
    let merges = ["mean", "mean-logits", "max", "vote", "stack"];
    let plugins = [
        ["flip", "rotate", "scale", "clahe", "gamma", "threshold"],
        ["triplet", "min-area", "component-mean", "fill-holes", "dilate", "convex-hull"],
    ];
    let needles = kinds.into_iter().chain(merges).map(|kind| format!("kind = \"{kind}\""));
    let needles = needles.chain(plugins.concat().into_iter().map(|plugin| format!("plugin = \"{plugin}\"")));
    let keys = ["[crop]", "crop = true", "times_score = true", "threshold = 0.", "weight = 3.0", "zero_below"];
    let more =
        ["resize_as = \"logits\"", "mask_size", "views_dice_below", "views_dice_at_least", "per_component = true"];
    let bounds = ["above = ", "at_least = ", "contour_min_area", "at = ["];
    let needles = needles.chain([&keys[..], &more, &bounds].concat().into_iter().map(str::to_owned));
    let absent: Vec<_> = needles.filter(|needle| !text.contains(needle.as_str())).collect();
    assert!(absent.is_empty(), "in no manifest: {absent:?}");
}

#[test]
fn every_ensemble_has_a_page_that_names_its_files() {
    let index = fs::read_to_string(ensembles().join("README.md")).unwrap();
    for folder in folders() {
        let page = fs::read_to_string(folder.join("README.md")).unwrap();
        let name = folder.file_name().unwrap().to_string_lossy();
        assert!(index.contains(&format!("({name}/README.md)")), "the index does not link `{name}`");
        for recipe in files(&folder.join("recipes"), ".toml") {
            let stem = recipe.file_stem().unwrap().to_string_lossy();
            assert!(page.contains(&*stem), "{name}/README.md does not train `{stem}`");
        }
        for part in ["## What differs", "## Run it", "pleura check", "pleura predict", "pleura train"] {
            assert!(page.contains(part), "{name}/README.md has no `{part}`");
        }
    }
}
