//! The winners' manifests and recipes: sound, of one piece, and complete.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pleura::manifest::{Layout, Manifest, Member, Merge, Values};
use pleura_train::recipe::{self, Average, Recipe};
use pleura_train::schedule::Rate;
use tempfile::TempDir;

fn ensembles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ensembles")
}

/// What lies in a folder and ends so, sorted.
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

/// The stages' members, stage by stage.
fn stages(manifest: &Manifest) -> Vec<(&'static str, &[Member])> {
    let crop = manifest.crop.iter().map(|crop| ("crop", &crop.members[..]));
    let classifier = manifest.classifier.iter().map(|stage| ("classifier", &stage.members[..]));
    crop.chain(classifier).chain([("segmenter", &manifest.segmenter.members[..])]).collect()
}

/// The recipe of a member of a manifest at `path`: its file and what it says.
fn recipe_of(path: &Path, member: &Member) -> (PathBuf, Recipe) {
    let name = &member.name;
    let recipe = member.recipe.as_ref().unwrap_or_else(|| panic!("{}: `{name}` has no recipe", path.display()));
    let file = path.with_file_name(recipe);
    let recipe = Recipe::read(&file).unwrap_or_else(|e| panic!("{}: `{name}`: {e}", path.display()));
    (file, recipe)
}

/// An ensemble's folder without what was trained there: models of one's own are nobody else's fault.
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

/// The files that a recipe's training writes, each with the fold that it held out, as a manifest beside names them.
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

/// The manifest that the index shows.
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

/// A winner's recipe, by its place and name.
fn winner(place: &str, name: &str) -> Recipe {
    let path = ensembles().join(format!("siim-{place}/recipes/{name}.toml"));
    Recipe::read(&path).unwrap_or_else(|e| panic!("{e}"))
}

/// What `key` of a recipe's TOML is, such as `phases[1].batch`.
fn stated(place: &str, name: &str, key: &str) -> toml::Value {
    let path = ensembles().join(format!("siim-{place}/recipes/{name}.toml"));
    let mut value: toml::Value = toml::Value::Table(fs::read_to_string(path).unwrap().parse().unwrap());
    for part in key.split('.') {
        let (name, index) = part
            .split_once('[')
            .map_or((part, None), |(name, rest)| (name, Some(rest.trim_end_matches(']').parse::<usize>().unwrap())));
        value = value.get(name).unwrap_or_else(|| panic!("{place}/{name}: no `{key}`")).clone();
        if let Some(index) = index {
            value = value[index].clone();
        }
    }
    value
}

/// All learning rates of a training, epoch by epoch.
fn rates(recipe: &Recipe) -> Vec<f32> {
    let of = |phase: &recipe::Phase| {
        let rate = Rate::new(phase, 1);
        (0..phase.epochs).map(|epoch| rate.at(epoch, 0)).collect::<Vec<_>>()
    };
    recipe.phases.iter().flat_map(of).collect()
}

/// Cycles of five epochs that do not grow, then constant rates: by the published scheduler, whose factor is 1.
#[test]
fn the_second_s_rates_are_as_published() {
    // half a cosine in five steps from 5e-4, to 1e-5 and to 1e-6
    let classifiers = [5e-4, 4.532_092e-4, 3.307_092e-4, 1.792_908e-4, 5.679_084e-5];
    let segmenters = [5e-4, 4.523_498e-4, 3.275_998e-4, 1.734_002e-4, 4.865_026e-5];
    let constant = [1e-5, 1e-5, 5e-6, 5e-6];
    let table = |cycle: [f32; 5], cycles: usize| [cycle.repeat(cycles), constant.to_vec()].concat();
    let cases = [
        (table(classifiers, 6), ["cls-se50-768", "cls-se50-1024", "cls-se50-chexpert", "cls-b3-1024", "cls-se101-768"]),
        (table(segmenters, 8), ["seg-se50", "seg-se101", "seg-b3", "seg-deeplab", "seg-b5"]),
    ];
    for (expected, names) in cases {
        for name in names {
            let found = rates(&winner("2nd", name));
            assert_eq!(found.len(), expected.len(), "{name}");
            for (epoch, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!((found / expected - 1.0).abs() < 1e-5, "{name}, epoch {epoch}: {found:e} for {expected:e}");
            }
        }
    }
    // what is averaged: in the classifiers' case the cycles' ends and the constant epochs
    let averaged = |name| rates(&winner("2nd", name));
    let Some(Average::Swa { epochs }) = winner("2nd", "seg-se50").average else { panic!("no SWA") };
    let found: Vec<_> = epochs.iter().map(|&epoch| format!("{:.1e}", averaged("seg-se50")[epoch as usize])).collect();
    assert_eq!((epochs, found), (vec![34, 39, 43], ["4.9e-5", "4.9e-5", "5.0e-6"].map(str::to_owned).to_vec()));
    let Some(Average::Swa { epochs }) = winner("2nd", "cls-b3-1024").average else { panic!("no SWA") };
    assert_eq!(epochs, [24, 29, 30, 31, 32, 33]);
}

/// Facts of the winners' trainings, as their code and write-ups state them: a recipe's key and its value.
#[rustfmt::skip]
const FACTS: &[(&str, &str, &str, &str)] = &[
    // The Dice of the batch, eps 1e-6; borders reflected; batch, decay and clip.
    ("1st", "albunet-public", "loss.map", r#"[{ kind = "bce", weight = 1.0 }, { kind = "dice", weight = 1.0, smooth = 1e-6, over = "batch" }, { kind = "focal", weight = 1.0, gamma = 2.0 }]"#),
    ("1st", "albunet-valid", "loss.map", r#"[{ kind = "bce", weight = 3.0 }, { kind = "dice", weight = 1.0, smooth = 1e-6, over = "batch" }, { kind = "focal", weight = 4.0, gamma = 2.0 }]"#),
    ("1st", "seunet", "loss.map", r#"[{ kind = "bce", weight = 3.0 }, { kind = "dice", weight = 1.0, smooth = 1e-6, over = "batch" }, { kind = "focal", weight = 4.0, gamma = 2.0 }]"#),
    ("1st", "resnet50", "loss.map", r#"[{ kind = "bce", weight = 2.0 }, { kind = "dice", weight = 1.0, smooth = 1e-6, over = "batch" }, { kind = "focal", weight = 2.0, gamma = 2.0 }]"#),
    ("1st", "seunet", "optimizer", r#"{ kind = "adam", weight_decay = 5e-6, clip = 0.1 }"#),
    ("1st", "seunet", "augment[1]", r#"{ p = 0.3, one_of = [{ kind = "contrast", limit = 0.2, about = "zero" }, { kind = "gamma", range = [0.8, 1.2] }, { kind = "brightness", limit = 0.2, of = "mean" }] }"#),
    ("1st", "seunet", "augment[2]", r#"{ p = 0.3, one_of = [{ kind = "elastic", alpha = 120.0, sigma = 6.0, affine = 3.6 }, { kind = "grid-distortion", limit = 0.3 }, { kind = "optical-distortion", limit = 2.0 }] }"#),
    ("1st", "seunet", "augment[3]", r#"{ p = 0.5, one_of = [{ kind = "shift-scale-rotate", shift = 0.0625, scale = 0.1, degrees = 45.0, border = "reflect-101" }] }"#),
    ("1st", "seunet", "phases[0]", r#"{ epochs = 50, size = [512, 512], batch = 2, lr = 1e-4, schedule = { kind = "plateau", factor = 0.1, patience = 2 }, patience = 10, sampling = { kind = "positive-share", share = 0.8 } }"#),
    ("1st", "seunet", "phases[2].sampling", r#"{ kind = "positive-share", share = 0.6 }"#),
    ("1st", "seunet", "phases[3].sampling", r#"{ kind = "positive-share", share = 0.4 }"#),
    ("1st", "seunet", "phases[3].schedule", r#"{ kind = "cosine", min = 1e-7, period = 8 }"#),
    // Batches 16, 8, 16, 16 of the classifiers, 4, 4, 6, 4, 4 of the segmenters; DeepLabV3+ at stride 8.
    ("2nd", "cls-se50-768", "phases[0].batch", "16"),
    ("2nd", "cls-se50-1024", "phases[0].batch", "8"),
    ("2nd", "cls-se50-chexpert", "phases[0].batch", "16"),
    ("2nd", "cls-b3-1024", "phases[0].batch", "16"),
    ("2nd", "seg-se50", "phases[0].batch", "4"),
    ("2nd", "seg-se101", "phases[0].batch", "4"),
    ("2nd", "seg-b3", "phases[0].batch", "6"),
    ("2nd", "seg-deeplab", "phases[0].batch", "4"),
    ("2nd", "seg-b5", "phases[0].batch", "4"),
    ("2nd", "seg-b5", "phases[2].size", "[768, 768]"),
    ("2nd", "seg-deeplab", "network.architecture", r#"{ kind = "deeplab-v3-plus", encoder = "se-resnext50", output_stride = 8 }"#),
    ("2nd", "seg-deeplab", "loss.map", r#"[{ kind = "dice", squared = true, smooth = 0.01 }]"#),
    ("2nd", "seg-deeplab", "data.positives_only", "true"),
    ("2nd", "cls-b3-1024", "loss", r#"{ map = [{ kind = "bce" }], score = [{ kind = "focal", gamma = 2.0 }, { kind = "bce" }] }"#),
    ("2nd", "cls-b3-1024", "augment[0].one_of", r#"[{ kind = "gamma", range = [0.6, 1.2] }, { kind = "brightness-contrast", brightness = 0.2, contrast = 0.2 }, { kind = "clahe", clip = 4.0, tiles = 4 }]"#),
    ("2nd", "cls-se50-chexpert", "data.images", r#"["../../data/train", "../../data/chexpert-pseudo"]"#),
    ("2nd", "stack", "stack", r#"{ kind = "conv", over = "all", activation = "none", channels = 16, epochs = 50, batch = 128, lr = 5e-4, schedule = { kind = "step", at = [20, 30, 40], factor = 0.1 }, keep = "best" }"#),
    // One of eight, never two; an exponential average; Lovasz of each image; 1:1.
    ("3rd", "m1-704", "loss.map", r#"[{ kind = "lovasz", over = "image" }]"#),
    ("3rd", "m1-704", "average", r#"{ kind = "ema", decay = 0.99 }"#),
    ("3rd", "m2-576-chexpert", "phases[0].sampling", r#"{ kind = "positive-share", share = 0.5 }"#),
    // The Dice of the batch, eps 1e-5; parts of 512 of 768; black beyond elastic and optical distortion.
    ("4th", "unet-r34", "loss.map", r#"[{ kind = "bce", weight = 2.7 }, { kind = "dice", weight = 0.9, smooth = 1e-5, over = "batch" }]"#),
    ("4th", "unet-r34", "loss.score", r#"[{ kind = "bce", weight = 0.1 }]"#),
    ("4th", "unet-r34", "phases[0]", r#"{ epochs = 60, size = [768, 768], crop = [512, 512], batch = 8, lr = 7.5e-5, schedule = { kind = "cosine", min = 1e-6, period = 8 }, sampling = { kind = "positive-share", share = 0.8, to = 0.22 } }"#),
    ("4th", "unet-r34", "augment[2].one_of", r#"[{ kind = "elastic", alpha = 120.0, sigma = 6.0, affine = 3.6, border = "constant" }, { kind = "grid-distortion", limit = 0.3 }, { kind = "optical-distortion", limit = 2.0, border = "constant" }]"#),
    ("4th", "unet-r34", "optimizer", r#"{ kind = "adam", weight_decay = 1e-5 }"#),
    ("4th", "unet-r34", "network.freeze_batch_norm", "true"),
    // One channel, / 255 only, 1024.
    ("5th", "aspp-se101", "network.channels", "1"),
    ("5th", "aspp-se101", "phases[0].size", "[1024, 1024]"),
    ("6th", "b4-640", "loss.map", r#"[{ kind = "bce" }, { kind = "dice" }]"#),
    // Native 1024 as x / 127.5 - 1; mirrored, contrast 0.75 to 1.25, 10 degrees.
    ("7th", "fpn-r50", "data.mean", "[0.5]"),
    ("7th", "fpn-r101", "data.std", "[0.5]"),
    ("7th", "fpn-r101-seeds", "phases[0].size", "[1024, 1024]"),
    ("7th", "fpn-r50", "augment", r#"[{ p = 0.5, one_of = [{ kind = "hflip" }] }, { one_of = [{ kind = "contrast", limit = 0.25, about = "zero" }] }, { one_of = [{ kind = "shift-scale-rotate", shift = 0.0, scale = 0.0, degrees = 10.0 }] }]"#),
    ("7th", "panet-r34", "phases[0].size", "[768, 768]"),
    ("8th", "all-resnext101", "network.architecture.group_norm", "32"),
    ("8th", "positives-resnet50", "data.positives_only", "true"),
    ("9th", "second-928", "data.positives_only", "true"),
    // Values from 0 to 255, and no normalisation.
    ("11th", "senet154", "data.scale", "255"),
];

#[test]
fn recipes_state_the_facts() {
    let mut wrong = Vec::new();
    for &(place, name, key, expected) in FACTS {
        let expected = format!("it = {expected}").parse::<toml::Table>().unwrap()["it"].clone();
        let found = stated(place, name, key);
        if found != expected {
            wrong.push(format!("{place}, {name}: {key} is {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every phase of a recipe of the 2nd has the same batch and size.
#[test]
fn the_second_s_phases_differ_in_their_rates_alone() {
    for path in files(&ensembles().join("siim-2nd/recipes"), ".toml") {
        if !recipe::stack::is_stack(&path) {
            let recipe = Recipe::read(&path).unwrap();
            let first = &recipe.phases[0];
            for phase in &recipe.phases {
                assert_eq!(
                    (phase.batch, phase.size, phase.accumulate),
                    (first.batch, first.size, 1),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

/// Logits, rather than probabilities, are what is enlarged: of the 2nd's member at 768 and the 7th's pyramids.
#[test]
fn logits_are_enlarged_where_they_were() {
    let cases = [("2nd", vec!["seg-b5"]), ("7th", vec!["fpn-r50", "fpn-r101", "fpn-r101-seeds"])];
    for (place, expected) in cases {
        let manifest = Manifest::read(&ensembles().join(format!("siim-{place}/ensemble.toml"))).unwrap();
        let is_logits = |member: &&Member| member.map.as_ref().is_some_and(|map| map.resize_as == Some(Values::Logits));
        let found: Vec<_> = manifest.segmenter.members.iter().filter(is_logits).map(|member| &*member.name).collect();
        assert_eq!(found, expected, "{place}");
    }
}
