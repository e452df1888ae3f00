//! Losses, gradients and updates against PyTorch's: see `tests/reference/steps.py`.

mod coverage;
mod precision;

use std::collections::BTreeMap;

use pleura::runtime::Device;
use serde::Deserialize;

use super::{Evaluation, Pass, PassOptions, Rates, Source, State, Subject, Update};
use crate::device::Place;
use crate::forward::to_inference;
use crate::recipe::{Average, Loss, LossTerm, Optimizer, Precision};
use crate::testing::runtime;

type Summaries = BTreeMap<String, [f64; 4]>;

#[derive(Deserialize)]
struct Golden {
    losses: Vec<LossCase>,
    optimizers: Vec<OptimizerCase>,
}

#[derive(Deserialize)]
struct LossCase {
    name: String,
    map: Vec<LossTerm>,
    score: Vec<LossTerm>,
    loss: f64,
    gradients: Summaries,
    statistics: Summaries,
}

#[derive(Deserialize)]
struct OptimizerCase {
    name: String,
    optimizer: Optimizer,
    lr: f32,
    passes: u32,
    losses: Vec<f64>,
    weights: Summaries,
    average: Summaries,
    statistics: Summaries,
}

const SHAPE: [usize; 4] = [3, 1, 24, 32];

fn golden() -> Golden {
    crate::testing::golden("steps")
}

fn subject() -> Subject {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/steps.onnx");
    let mut model = pleura::onnx::read(path).unwrap();
    to_inference(&mut model);
    let (map, score) = (Some(Source::logits("map")), Some(Source::logits("score")));
    Subject { model, map, score, channels_last: false, freeze_batch_norm: false, frozen_prefix: None }
}

fn place() -> Place {
    Place::new(runtime(), Device::Cpu, 1).unwrap()
}

/// Images, maps and labels, as in the script.
fn batch(step: u32) -> [Vec<f32>; 3] {
    let [count, _, height, width] = SHAPE;
    let step = f64::from(step);
    let inside = |at: usize| {
        let (k, y, x) = ((at / width / height) as f64, (at / width % height) as f64, (at % width) as f64);
        f32::from(u8::from((y - 10.0 - k).powi(2) + (x - 12.0 + step).powi(2) < 30.0 * k))
    };
    let mask: Vec<f32> = (0..count * height * width).map(inside).collect();
    let image = mask.iter().enumerate().map(|(at, mask)| (at as f64 * 0.37 + step).sin() as f32 + 0.5 * mask).collect();
    let label = mask.chunks(height * width).map(|mask| f32::from(u8::from(mask.contains(&1.0)))).collect();
    [image, mask, label]
}

fn summary(numbers: &[f32]) -> [f64; 4] {
    let wide = || numbers.iter().map(|&number| f64::from(number));
    let norm = wide().map(|number| number * number).sum::<f64>().sqrt();
    [norm, wide().sum(), f64::from(numbers[0]), f64::from(numbers[numbers.len() - 1])]
}

/// Tolerances are relative to a tensor's norm: its sum may be the difference of large numbers.
fn compare(case: &str, expected: &Summaries, tolerance: f64, found: impl Fn(&str) -> Option<Vec<f32>>) {
    for (name, expected) in expected {
        let numbers = found(name).unwrap_or_else(|| panic!("{case}: nothing for `{name}`"));
        let found = summary(&numbers);
        let scale = expected[0].max(1e-4) * (numbers.len() as f64).sqrt().max(1.0);
        for (expected, found) in expected.iter().zip(found) {
            assert!((expected - found).abs() < tolerance * scale, "{case}: {name}: {expected} against {found}");
        }
    }
}

#[test]
fn losses_gradients_and_statistics_are_pytorchs() {
    let (place, subject) = (place(), subject());
    let sgd = Optimizer::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0, clip: None };
    for case in golden().losses {
        let state = State::new(&place, &subject, &sgd, false).unwrap();
        let loss = Loss { map: case.map, score: case.score };
        let options =
            PassOptions { shape: SHAPE, loss: &loss, accumulates: false, precision: Precision::Fp32, recompute: false };
        let mut pass = Pass::new(&place, &subject, &state, options).unwrap();
        let [images, maps, labels] = batch(0);
        let losses = pass.run([&images, &maps, &labels], false, || 0.5).unwrap();
        assert!((f64::from(losses.total) - case.loss).abs() < 2e-5 * case.loss.abs(), "{}: {losses:?}", case.name);
        compare(&case.name, &case.gradients, 2e-4, |name| Some(state.gradients.tensors().get(name)?.read().unwrap()));
        compare(&case.name, &case.statistics, 1e-5, |name| Some(state.kept.get(name)?.read().unwrap()));
    }
}

#[test]
fn ten_steps_of_each_optimizer_are_pytorchs() {
    let (place, subject) = (place(), subject());
    let bce = |weight| LossTerm::Bce { weight, positive: 1.0 };
    let dice = serde_json::from_str(r#"{ "kind": "dice" }"#).unwrap();
    let loss = Loss { map: vec![bce(1.0), dice], score: vec![bce(0.3)] };
    let average = Average::Ema { decay: 0.7 };
    for case in golden().optimizers {
        let name = format!("{} of {} passes", case.name, case.passes);
        let state = State::new(&place, &subject, &case.optimizer, true).unwrap();
        let options = PassOptions {
            shape: SHAPE,
            loss: &loss,
            accumulates: case.passes > 1,
            precision: Precision::Fp32,
            recompute: false,
        };
        let mut pass = Pass::new(&place, &subject, &state, options).unwrap();
        let mut update = Update::new(&place, &state, &case.optimizer, Some(&average)).unwrap();
        for step in 0..10 {
            for part in 0..case.passes {
                let at = step * case.passes + part;
                let [images, maps, labels] = batch(at);
                let losses = pass.run([&images, &maps, &labels], part > 0, || 0.5).unwrap();
                let expected = case.losses[at as usize];
                assert!(
                    (f64::from(losses.total) - expected).abs() < 1e-3 * expected,
                    "{name}: step {step}: {losses:?}, {expected}"
                );
            }
            update.run(Rates { lr: case.lr, updates: u64::from(step) + 1, passes: case.passes, scale: 1.0 }).unwrap();
        }
        // Adam divides by gradients: if these are only rounding, so are its steps
        let tolerance = if name.starts_with("adam") { 2e-2 } else { 5e-4 };
        compare(&name, &case.weights, tolerance, |name| Some(state.weight(name, false)?.read().unwrap()));
        compare(&name, &case.average, tolerance, |name| Some(state.weight(name, true)?.read().unwrap()));
        compare(&name, &case.statistics, 5e-3, |name| Some(state.kept.get(name)?.read().unwrap()));
    }
}

#[test]
fn frozen_parts_stay_and_the_state_comes_back() {
    let (place, mut subject) = (place(), subject());
    subject.frozen_prefix = Some("bn1".into());
    let adam: Optimizer = serde_json::from_str(r#"{ "kind": "adam" }"#).unwrap();
    let loss = Loss { map: vec![LossTerm::Bce { weight: 1.0, positive: 1.0 }], score: vec![] };
    let options =
        PassOptions { shape: SHAPE, loss: &loss, accumulates: false, precision: Precision::Fp32, recompute: false };
    let [images, maps, labels] = batch(4);
    let state = State::new(&place, &subject, &adam, false).unwrap();
    let before = state.save().unwrap();
    let mut pass = Pass::new(&place, &subject, &state, options).unwrap();
    let mut update = Update::new(&place, &state, &adam, None).unwrap();
    let mut step = |number| {
        pass.run([&images, &maps, &labels], false, || 0.5).unwrap();
        update.run(Rates { lr: 0.01, updates: number, passes: 1, scale: 1.0 }).unwrap();
    };
    (1..=3).for_each(&mut step);
    let halfway = state.save().unwrap();
    (4..=6).for_each(&mut step);
    let end = state.save().unwrap();
    for (name, (_, numbers)) in &end {
        let is_first_norm = name.contains("bn1");
        // the score has no loss: its weights have no gradient
        let is_idle = name.contains("label");
        assert_eq!(numbers == &before[name].1, is_first_norm || is_idle, "{name}");
    }
    state.load(&halfway).unwrap();
    (4..=6).for_each(&mut step);
    assert!(state.save().unwrap() == end, "a loaded state goes on bit for bit");
}

#[test]
fn evaluation_runs_as_the_network_does() {
    let (place, subject) = (place(), subject());
    let sgd = Optimizer::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0, clip: None };
    let state = State::new(&place, &subject, &sgd, false).unwrap();
    let loss = Loss { map: vec![LossTerm::Bce { weight: 1.0, positive: 1.0 }], score: vec![] };
    let mut evaluation = Evaluation::new(&place, &subject, &state, SHAPE, &loss, false).unwrap();
    let [images, maps, labels] = batch(1);
    let answers = evaluation.run([&images, &maps, &labels]).unwrap();
    let expected = crate::testing::run(&subject.model, &[("image".into(), (SHAPE.to_vec(), images))]);
    for (found, expected) in [answers.map.unwrap(), answers.score.unwrap()].iter().zip(&expected) {
        let worst = found.iter().zip(expected).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
    }
}

/// One step of a network on noise: the loss, and the weights whose gradient is all zeros.
fn one_step(network: &str) -> (f32, Vec<String>) {
    let network: crate::recipe::Network = toml::from_str(network).unwrap();
    let model = crate::nets::build(&network, 1).unwrap();
    let (map, score) = (network.heads.map(), network.heads.score());
    let subject = Subject {
        model,
        map: map.then(|| Source::logits("map")),
        score: score.then(|| Source::logits("score")),
        channels_last: false,
        freeze_batch_norm: false,
        frozen_prefix: None,
    };
    let place = place();
    let bce = || vec![LossTerm::Bce { weight: 1.0, positive: 1.0 }];
    let loss = Loss { map: if map { bce() } else { vec![] }, score: if score { bce() } else { vec![] } };
    let adam: Optimizer = serde_json::from_str(r#"{ "kind": "adam" }"#).unwrap();
    let state = State::new(&place, &subject, &adam, false).unwrap();
    let options = PassOptions {
        shape: [2, 1, 64, 64],
        loss: &loss,
        accumulates: false,
        precision: Precision::Fp32,
        recompute: false,
    };
    let mut pass = Pass::new(&place, &subject, &state, options).unwrap_or_else(|error| {
        panic!(
            "{network:?}: {error}: {}",
            std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
        )
    });
    let mut random = 0;
    let mut dropout = || {
        random = (random * 7 + 3) % 11;
        random as f32 / 11.0
    };
    let images = crate::testing::noise(3, 2 * 64 * 64);
    let masks: Vec<f32> = images.iter().map(|pixel| f32::from(u8::from(*pixel > 0.2))).collect();
    let losses = pass.run([&images, &masks, &[0.0, 1.0]], false, &mut dropout).unwrap();
    let gradients = state.gradients.tensors().iter();
    let idle = gradients.filter(|(_, buffer)| buffer.read().unwrap().iter().all(|&number| number == 0.0));
    let idle = idle.map(|(name, _)| name.clone()).collect();
    let mut update = Update::new(&place, &state, &adam, None).unwrap();
    update.run(Rates { lr: 1e-3, updates: 1, passes: 1, scale: 1.0 }).unwrap();
    let after = pass.run([&images, &masks, &[0.0, 1.0]], false, &mut dropout).unwrap();
    assert!(losses.total.is_finite() && after.total.is_finite(), "{network:?}: {losses:?} {after:?}");
    (losses.total, idle)
}

#[test]
fn every_architecture_takes_a_step() {
    let networks = [
        r#"architecture = { kind = "conv-stack", widths = [4, 4] }"#,
        r#"architecture = { kind = "encoder-decoder", widths = [4, 8, 8] }"#,
        r#"architecture = { kind = "fcn-alexnet" }"#,
        r#"architecture = { kind = "unet-classic", width = 4 }"#,
        r#"architecture = { kind = "unet", encoder = "resnet18", scse = true, aspp = true }"#,
        r#"architecture = { kind = "unet", encoder = "resnet18", attention = "cbam" }"#,
        r#"architecture = { kind = "unet", encoder = "se-resnext50", decoder = [32, 16, 16, 8, 8] }"#,
        r#"architecture = { kind = "unet", encoder = "efficientnet-b0", decoder = [32, 16, 16, 8, 8] }"#,
        r#"architecture = { kind = "linknet", encoder = "efficientnet-lite0" }"#,
        r#"architecture = { kind = "dc-unet", width = 4 }"#,
        r#"architecture = { kind = "deeplab-v3", encoder = "resnet18", output_stride = 16 }"#,
        r#"architecture = { kind = "deeplab-v3-plus", encoder = "resnet50" }"#,
        r#"architecture = { kind = "deeplab-v3-plus", encoder = "resnet18", group_norm = 32 }"#,
        r#"architecture = { kind = "encnet", encoder = "resnet18" }"#,
        r#"architecture = { kind = "fpn", encoder = "alexnet" }"#,
    ];
    for network in networks {
        let (_, idle) = one_step(&format!("{network}\nheads = \"both\"\ndropout = 0.2"));
        // a bias before a batch norm has no effect; the last squeeze has one hidden unit, which may be dead
        let may_be = |name: &String| name.ends_with("bias") || name.contains("blocks.4.attention2.attention.");
        let idle: Vec<_> = idle.into_iter().filter(|name| !may_be(name)).collect();
        assert!(idle.is_empty(), "{network}: no gradient of {idle:?}");
    }
    let (_, idle) = one_step("architecture = { kind = \"unet\", encoder = \"resnet34\" }\nheads = \"score\"");
    assert!(idle.is_empty(), "{idle:?}");
}
