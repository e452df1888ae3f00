//! Published facts of the winners' trainings, compared with their recipes and manifests.

use std::fs;

use pleura::manifest::{Manifest, Member, Values};
use pleura_train::recipe::{self, Average, Recipe};
use pleura_train::schedule::Rate;

use crate::{ensembles, files};

/// A winner's recipe, by its place and name.
fn winner(place: &str, name: &str) -> Recipe {
    let path = ensembles().join(format!("siim-{place}/recipes/{name}.toml"));
    Recipe::read(&path).unwrap_or_else(|e| panic!("{e}"))
}

/// The value of `key` in a recipe's TOML, such as `phases[1].batch`.
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

/// Cycles of five epochs of constant length, then constant rates: by the published scheduler, whose factor is 1.
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
    // averaged weights: for the classifiers, the cycles' ends and the constant epochs
    let averaged = |name| rates(&winner("2nd", name));
    let Some(Average::Swa { epochs }) = winner("2nd", "seg-se50").average else { panic!("no SWA") };
    let found: Vec<_> = epochs.iter().map(|&epoch| format!("{:.1e}", averaged("seg-se50")[epoch as usize])).collect();
    assert_eq!((epochs, found), (vec![34, 39, 43], ["4.9e-5", "4.9e-5", "5.0e-6"].map(str::to_owned).to_vec()));
    let Some(Average::Swa { epochs }) = winner("2nd", "cls-b3-1024").average else { panic!("no SWA") };
    assert_eq!(epochs, [24, 29, 30, 31, 32, 33]);
}

/// Facts of the winners' trainings from their code and write-ups: a recipe's key and its value.
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
    ("4th", "unet-r34", "augment[1]", r#"{ p = 0.3, one_of = [{ kind = "brightness-contrast", brightness = 0.2, contrast = 0.2 }] }"#),
    ("4th", "unet-r34", "optimizer", r#"{ kind = "adam", weight_decay = 1e-5, clip = 0.5 }"#),
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

/// All phases of a recipe of the 2nd have the same batch and size.
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

/// Logits, not probabilities, are enlarged: of the 2nd's member at 768 and the 7th's pyramids.
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
