//! Stacks compared with PyTorch's and scikit-learn's and run by the engine, and files that do not match.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};
use pleura::runtime::Device;
use serde::Deserialize;

use super::conv::{Head, Scores, Training};
use super::*;
use crate::out_of_fold::OutOfFold;
use crate::recipe::Schedule;
use crate::recipe::stack::{Activation, FeatureScale, KeepHead, Window};
use crate::testing::{noise, runtime, training_into as options};

#[derive(Deserialize)]
struct Golden {
    members: usize,
    channels: u32,
    epochs: u32,
    lr: f32,
    weight_decay: f32,
    scores: Vec<f32>,
    labels: Vec<u8>,
    weights: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    before: Vec<f32>,
    after: Vec<f32>,
    l2: f32,
    logistic: BTreeMap<String, Vec<f32>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/stack.json")).unwrap()
}

fn worst(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

#[test]
fn a_head_is_trained_as_pytorch_trains_it() {
    let golden = golden();
    let (channels, epochs, lr) = (golden.channels, golden.epochs, golden.lr);
    let (weight_decay, batch) = (golden.weight_decay, golden.labels.len() as u32);
    let (over, activation, keep) = (Window::Neighbours, Activation::Relu, KeepHead::Last);
    let schedule = Schedule::Constant;
    let phase = Phase::of_scores(epochs, batch, lr, schedule.clone());
    let stack = Stack::Conv { over, activation, channels, epochs, batch, lr, weight_decay, schedule, keep };
    let training = Training { stack, phase, weight_decay, keep, seed: 1, fold: 0 };
    let labels: Vec<_> = golden.labels.iter().map(|&label| label == 1).collect();
    let table = ArrayView2::from_shape((labels.len(), golden.members), &golden.scores).unwrap();
    let scores = Scores { scores: table, labels: &labels };
    let place = Place::new(runtime(), Device::Cpu, 1).unwrap();
    let head = Head::new(&place, training, golden.members).unwrap();
    let weights: Tensors = golden.weights.into_iter().collect();
    let mut drawn: Vec<_> = head.weights().unwrap().into_iter().map(|(name, (shape, _))| (name, shape)).collect();
    drawn.sort();
    assert_eq!(drawn, weights.iter().map(|(name, (shape, _))| (name.clone(), shape.clone())).collect::<Vec<_>>());
    head.state.set_weights(&weights).unwrap();
    let off = worst(&head.answer(scores).unwrap(), &golden.before);
    assert!(off < 1e-6, "{off}");
    head.train(scores, &(0..labels.len()).collect::<Vec<_>>(), &[]).unwrap();
    let off = worst(&head.answer(scores).unwrap(), &golden.after);
    assert!(off < 1e-4, "{off}");
}

#[test]
fn a_logistic_regression_is_scikit_learn_s() {
    let golden = golden();
    let labels: Vec<_> = golden.labels.iter().map(|&label| label == 1).collect();
    let scores = ArrayView2::from_shape((labels.len(), golden.members), &golden.scores).unwrap();
    for (of, name) in [(FeatureScale::Probabilities, "probabilities"), (FeatureScale::Logits, "logits")] {
        let weights = logistic::fit(scores, &labels, of, golden.l2);
        let found: Vec<f32> = weights.values().flat_map(|(_, numbers)| numbers.clone()).collect();
        let off = worst(&found, &golden.logistic[name]);
        assert!(off < 1e-5, "{name}: {off}");
    }
}

/// Classes that barely overlap, and scores of 0 and 1: the weights are large, but there is an optimum.
#[test]
fn a_logistic_regression_of_extremes_has_an_optimum() {
    let scores = Array2::from_shape_fn((40, 2), |(row, member)| match (row % 2, row == 7 && member == 1) {
        (_, true) => 0.0,
        (positive, _) => positive as f32,
    });
    let labels: Vec<_> = (0..40).map(|row| row % 2 == 1).collect();
    for of in [FeatureScale::Logits, FeatureScale::Probabilities] {
        let weights = logistic::fit(scores.view(), &labels, of, 1e-4);
        let answers = logistic::answer(scores.view(), &weights, of);
        assert!(answers.iter().zip(&labels).all(|(p, label)| (*p > 0.5) == *label), "{of:?}: {answers:?}");
        // at the optimum the mean score is the share of positives
        let mean = answers.iter().sum::<f32>() / 40.0;
        assert!((mean - 0.5).abs() < 1e-4, "{of:?}: {mean}");
    }
}

/// A folder of members' files: one good, one noisy, and one inverted; they share a part of their noise.
fn members(count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (class, shared) = (noise(1, count), noise(2, count));
    let write = |name: &str, seed, gain: f32, spread: f32, bias: f32| {
        let own = noise(seed, count);
        let rows = (0..count).map(|row| {
            let label = class[row] > 0.3;
            let logit = gain * if label { 1.0 } else { -1.0 } + spread * (own[row] + shared[row]) + bias;
            let score = 1.0 / (1.0 + (-logit).exp());
            format!("image-{row},{},{},{score}\n", row % 5, u8::from(label))
        });
        let text: String = std::iter::once("ImageId,fold,label,score\n".to_owned()).chain(rows).collect();
        fs::write(folder.path().join(format!("{name}.csv")), text).unwrap();
    };
    write("good", 3, 1.2, 1.0, -0.5);
    write("noisy", 4, 0.5, 2.0, 1.0);
    write("contrary", 5, -0.8, 1.5, 0.0);
    folder
}

fn recipe(folder: &Path, stack: &str, more: &str) -> PathBuf {
    let members = ["good", "noisy", "contrary"].map(|name| format!("{{ name = \"{name}\", oof = \"{name}.csv\" }}"));
    let text =
        format!("schema = 1\nname = \"one of three\"\nstack = {stack}\nmembers = [{}]\n{more}", members.join(", "));
    let path = folder.join("recipe.toml");
    fs::write(&path, text).unwrap();
    path
}

const CONV: &str = "{ kind = \"conv\", channels = 8, epochs = 20, batch = 16, lr = 0.02 }";
const LOGISTIC: &str = "{ kind = \"logistic\" }";

fn run(recipe: &Path, out: &Path) -> Stacked {
    train(recipe, &options(out), &mut |_| {}).unwrap()
}

#[test]
fn a_stack_beats_the_mean_of_unequal_members() {
    let folder = members(400);
    for stack in [CONV, LOGISTIC, "{ kind = \"logistic\", of = \"probabilities\" }"] {
        let stacked = run(&recipe(folder.path(), stack, ""), &folder.path().join("out"));
        let told = format!("{stack}: {stacked:?}");
        assert_eq!((stacked.images, stacked.members.len()), (400, 3), "{told}");
        let best = &stacked.members[0];
        for other in [best, &stacked.mean] {
            assert!(stacked.stack.auc > other.auc && stacked.stack.log_loss < other.log_loss, "{told}");
        }
        assert!(stacked.members[2].auc.unwrap() < 0.5 && stacked.stack.auc.unwrap() > 0.9, "{told}");
        // the file agrees with the printed values, fold by fold
        let read = OutOfFold::read(&folder.path().join("out")).unwrap();
        let scores: Vec<_> = read.iter().map(|(_, prediction)| prediction.score.unwrap()).collect();
        let labels: Vec<_> = read.iter().map(|(_, prediction)| prediction.label).collect();
        assert_eq!((auc(&scores, &labels), read.len()), (stacked.stack.auc, 400));
        assert!(read.iter().enumerate().all(|(row, (_, prediction))| prediction.fold == row as u32 % 5));
    }
}

/// A convolution over all features and no activation: for any weights, a logit is linear in the members' probabilities,
/// as computed by hand from the two layers' product.
#[test]
fn without_an_activation_a_stack_is_linear() {
    let text = "kind = 'conv'\nover = 'all'\nactivation = 'none'\nchannels = 4\nepochs = 1\nbatch = 2\nlr = 0.1";
    let stack: Stack = toml::from_str(text).unwrap();
    let phase = Phase::of_scores(1, 2, 0.1, Schedule::Constant);
    let training = Training { stack, phase, weight_decay: 0.0, keep: KeepHead::Last, seed: 3, fold: 0 };
    let place = Place::new(runtime(), Device::Cpu, 1).unwrap();
    let head = Head::new(&place, training, 3).unwrap();
    let table = ndarray::array![[0.1, 0.9, 0.4], [0.7, 0.2, 0.8], [0.4, 0.55, 0.6], [1.0, 0.0, 0.5]];
    let labels = [false, true, false, true];
    let found = head.answer(Scores { scores: table.view(), labels: &labels }).unwrap();
    let weights = head.weights().unwrap();
    let numbers = |name: &str| weights[&format!("head.{name}")].1.clone();
    let (shape, kernels) = &weights["head.conv.weight"];
    assert_eq!(shape, &[4, 1, 1, 7]);
    let (biases, linear, bias) = (numbers("conv.bias"), numbers("linear.weight"), numbers("linear.bias"));
    for (row, found) in table.outer_iter().zip(&found) {
        let half = |at: usize| (row[at] - row[(at + 1) % 3]) / 2.0;
        let mean = row.sum() / 3.0;
        let features = [row[0], half(0), row[1], half(1), row[2], half(2), mean];
        let channel = |at: usize| {
            let products = kernels[at * 7..(at + 1) * 7].iter().zip(features).map(|(weight, x)| weight * x);
            linear[at] * (products.sum::<f32>() + biases[at])
        };
        let logit = (0..4).map(channel).sum::<f32>() + bias[0];
        assert!((found - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-6, "{row}");
    }
    // the third row is the mean of the first two
    let logit = |p: f32| (p / (1.0 - p)).ln();
    assert!((logit(found[2]) - (logit(found[0]) + logit(found[1])) / 2.0).abs() < 1e-5);
}

/// With a learning rate that ruins the weights, the best epoch is not the last one.
#[test]
fn the_best_epoch_s_weights_can_be_kept() {
    let folder = members(400);
    let with = |more: &str| CONV.replace("lr = 0.02", &format!("lr = 0.02, {more}"));
    let log_loss = |stack: &str, out: &str| {
        let out = folder.path().join(out);
        run(&recipe(folder.path(), stack, ""), &out).stack.log_loss.unwrap()
    };
    let ruined = "schedule = { kind = \"step\", at = [12], factor = 1e3 }";
    let last = log_loss(&with(ruined), "last");
    let best = log_loss(&with(&format!("{ruined}, keep = \"best\"")), "best");
    assert!(best < 0.7 * last && best < 0.5, "{best} {last}");
    // without a step, a falling rate ends elsewhere than a constant one
    let falling = log_loss(&with("schedule = { kind = \"step\", at = [5, 10, 15] }"), "falling");
    assert_ne!(falling, log_loss(CONV, "constant"));
}

#[test]
fn the_same_seed_gives_the_same_stack() {
    let folder = members(60);
    let model = |seed: &str, out: &str| {
        let stacked = run(&recipe(folder.path(), CONV, seed), &folder.path().join(out));
        (fs::read(stacked.model).unwrap(), fs::read(folder.path().join(out).join("oof.csv")).unwrap())
    };
    let first = model("seed = 4", "a");
    assert!(first == model("seed = 4", "b"));
    assert!(first.0 != model("seed = 5", "c").0);
}

/// An image is scored by the head that has not seen it: another label changes only other folds' scores.
#[test]
fn no_head_has_seen_what_it_answers() {
    let folder = members(60);
    let recipe = recipe(folder.path(), LOGISTIC, "");
    let out = folder.path().join("out");
    let scores = |out: &Path| -> Vec<f32> {
        OutOfFold::read(out).unwrap().iter().map(|(_, prediction)| prediction.score.unwrap()).collect()
    };
    run(&recipe, &out);
    let before = scores(&out);
    for name in ["good", "noisy", "contrary"] {
        let path = folder.path().join(format!("{name}.csv"));
        let text = fs::read_to_string(&path).unwrap();
        let label = |label: u8| format!("\nimage-7,2,{label},");
        let (is, becomes) = if text.contains(&label(1)) { (label(1), label(0)) } else { (label(0), label(1)) };
        fs::write(&path, text.replace(&is, &becomes)).unwrap();
    }
    run(&recipe, &out);
    for (row, (before, after)) in before.iter().zip(scores(&out)).enumerate() {
        assert_eq!(*before == after, row % 5 == 2, "image-{row} of fold {}", row % 5);
    }
}

#[test]
fn the_exported_model_answers_as_the_heads_do() {
    let folder = members(60);
    for stack in [CONV, LOGISTIC] {
        let path = recipe(folder.path(), stack, "");
        let out = folder.path().join("out");
        let exported = pleura::onnx::read(run(&path, &out).model).unwrap();
        let recipe = StackRecipe::read(&path).unwrap();
        let table = Table::read(&recipe, folder.path()).unwrap();
        let head = |fold| fit_head(&recipe, &table, fold, runtime(), &options(&out)).unwrap().probabilities;
        let heads: Vec<_> = table.held_out().into_iter().map(head).collect();
        let mean: Vec<f32> = (0..60).map(|row| heads.iter().map(|head| head[row]).sum::<f32>() / 5.0).collect();
        let answer = |rows: ArrayView2<'_, f32>| {
            let scores = (rows.shape().to_vec(), rows.iter().copied().collect());
            crate::testing::run(&exported, &[("scores".into(), scores)]).swap_remove(0)
        };
        let off = worst(&answer(table.scores.view()), &mean);
        assert!(off < 1e-6, "{stack}: {off}");
        // one image at a time, as the engine runs it
        let off = worst(&answer(table.scores.slice(ndarray::s![7..8, ..])), &mean[7..8]);
        assert!(off < 1e-6, "{stack}: {off}");
    }
}

/// The error for files with one text replaced by another.
fn refused(member: &str, old: &str, new: &str, more: &str) -> String {
    let folder = members(30);
    let path = folder.path().join(format!("{member}.csv"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old}");
    fs::write(&path, text.replacen(old, new, 1)).unwrap();
    let recipe = recipe(folder.path(), LOGISTIC, more);
    train(&recipe, &options(&folder.path().join("out")), &mut |_| {}).unwrap_err().to_string()
}

#[test]
fn files_that_do_not_fit_are_told() {
    let cases = [
        ("noisy", "image-4,", "image-x,", "`good` lacks 1 image (`image-x`), `noisy` lacks 1 image (`image-4`)"),
        ("noisy", "image-3,3,0,", "image-3,3,1,", "`good` and `noisy` differ in the labels of 1 image (`image-3`)"),
        (
            "contrary",
            "image-4,4,",
            "image-4,3,",
            "`good` and `contrary` held 1 image (`image-4`) out in different folds",
        ),
        ("noisy", "image-4,4,", "image-3,4,", "noisy.csv`: image `image-3` appears twice"),
        ("noisy", "image-3,3,0,0.", "image-3,3,0,7.", "noisy.csv`: image `image-3` has the score 7."),
        ("noisy", "image-3,3,0,", "image-3,3,2,", "image `image-3` has the label 2, expected 0 or 1"),
        ("noisy", "image-3,3,0,0", "image-3,3,0,\nimage-3x,3,0,0", "members[1].oof: `"),
        ("noisy", "score", "probability", "has no score of 30 images (`image-0`, `image-1`, `image-2`, …)"),
        ("noisy", "fold", "held out", "cannot read `"),
    ];
    for (member, old, new, expected) in cases {
        let said = refused(member, old, new, "");
        assert!(said.contains(expected), "{new}: no `{expected}` in {said}");
    }
    assert!(refused("noisy", "image-4,", "image-x,", "").contains("join = \"inner\""));
}

#[test]
fn what_is_not_in_every_file_can_be_left_out() {
    let folder = members(30);
    let path = folder.path().join("noisy.csv");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("image-4,", "image-x,")).unwrap();
    let recipe = recipe(folder.path(), LOGISTIC, "join = \"inner\"");
    let mut notes = Vec::new();
    let out = folder.path().join("out");
    let stacked = train(&recipe, &options(&out), &mut |note| notes.push(note.to_owned())).unwrap();
    assert_eq!(stacked.images, 29);
    assert!(notes[0].starts_with("2 images are missing from some member's file"), "{notes:?}");
    fs::write(&path, "ImageId,fold,label,score\nother,0,1,0.5\n").unwrap();
    let error = train(&recipe, &options(&out), &mut |_| {}).unwrap_err();
    assert!(matches!(error, StackError::Nothing), "{error}");
}

#[test]
fn folds_can_be_drawn_anew() {
    let folder = members(30);
    for name in ["good", "noisy", "contrary"] {
        let path = folder.path().join(format!("{name}.csv"));
        let text = fs::read_to_string(&path).unwrap();
        let text = (0..5).fold(text, |text, fold| {
            text.replace(&format!(",{fold},0,"), ",1,0,").replace(&format!(",{fold},1,"), ",1,1,")
        });
        fs::write(&path, text).unwrap();
    }
    let out = folder.path().join("out");
    let error = train(&recipe(folder.path(), LOGISTIC, ""), &options(&out), &mut |_| {}).unwrap_err().to_string();
    assert!(
        error.contains("held out in fold 2 (`fold` is 1 in the files)") && error.contains("folds = { count = 5 }"),
        "{error}"
    );
    run(&recipe(folder.path(), LOGISTIC, "folds = { count = 3 }"), &out);
    let read = OutOfFold::read(&out).unwrap();
    assert!((0..3).all(|fold| read.iter().filter(|(_, it)| it.fold == fold).count() == 10));
    let many = recipe(folder.path(), LOGISTIC, "folds = { count = 40 }");
    assert!(matches!(train(&many, &options(&out), &mut |_| {}), Err(StackError::Divide(_))));
}

#[test]
fn members_files_are_safe_and_named() {
    let folder = members(30);
    fs::rename(folder.path().join("good.csv"), folder.path().join("oof.csv")).unwrap();
    let recipe = recipe(folder.path(), LOGISTIC, "");
    let error = train(&recipe, &options(&folder.path().join("out")), &mut |_| {}).unwrap_err().to_string();
    assert!(error.starts_with("members[0].oof: `") && error.contains("` does not exist"), "{error}");
    fs::write(&recipe, fs::read_to_string(&recipe).unwrap().replace("good.csv", "oof.csv")).unwrap();
    let before = fs::read(folder.path().join("oof.csv")).unwrap();
    let error = train(&recipe, &options(folder.path()), &mut |_| {}).unwrap_err();
    assert!(matches!(error, StackError::Overwrites { .. }), "{error}");
    assert!(fs::read(folder.path().join("oof.csv")).unwrap() == before);
}

#[test]
fn one_class_teaches_nothing() {
    let folder = members(30);
    for name in ["good", "noisy", "contrary"] {
        let path = folder.path().join(format!("{name}.csv"));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, (0..5).fold(text, |text, fold| text.replace(&format!(",{fold},1,"), &format!(",{fold},0,"))))
            .unwrap();
    }
    let recipe = recipe(folder.path(), CONV, "");
    let error = train(&recipe, &options(&folder.path().join("out")), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("one class only (0 of 24 are positive)"), "{error}");
}
