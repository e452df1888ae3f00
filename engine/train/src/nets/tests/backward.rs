//! Whole networks' gradients against PyTorch's, in training mode.

use std::collections::BTreeMap;

use pleura::runtime::Device;
use serde::Deserialize;

use super::super::assemble;
use super::made_up::{numbers, weight};
use crate::device::Place;
use crate::recipe::{Loss, LossTerm, Network, Optimizer, Precision};
use crate::step::{Pass, PassOptions, Source, State, Subject};

/// A network's gradients of `bce(map) + bce(score)`.
#[derive(Debug, Deserialize)]
struct Backward {
    name: String,
    network: Network,
    /// Height and width.
    size: [usize; 2],
    gain: f64,
    loss: f64,
    /// The error of PyTorch's own single precision against its double, as a share of a gradient's norm: when rounding
    /// crosses a kink of a ReLU, gradients jump.
    single: f64,
    /// For each weight's gradient, its norm and its product with made-up numbers.
    gradients: BTreeMap<String, [f64; 2]>,
}

/// The allowed error against PyTorch's double precision, as a share of a gradient's norm. Where PyTorch's own single
/// precision crosses kinks, ours crosses others; gradients much smaller than the largest are only rounding.
fn tolerance(case: &Backward) -> f64 {
    (8.0 * case.single).max(2e-2)
}

fn gradients(case: &Backward) -> Vec<String> {
    let model = assemble(&case.network).unwrap().finish(|it| weight(it, case.gain));
    let (map, score) = (Some(Source::logits("map")), Some(Source::logits("score")));
    let subject = Subject { model, map, score, channels_last: false, freeze_batch_norm: false, frozen_prefix: None };
    let [height, width] = case.size;
    let shape = [2, case.network.channels as usize, height, width];
    let images: Vec<f32> = numbers("image", shape.iter().product()).map(|number| (2.0 * number - 1.0) as f32).collect();
    let truth: Vec<f32> =
        numbers("truth", 2 * height * width).map(|number| f32::from(u8::from(number > 0.7))).collect();
    let bce = || vec![LossTerm::Bce { weight: 1.0, positive: 1.0 }];
    let loss = Loss { map: bce(), score: bce() };
    let sgd = Optimizer::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0, clip: None };
    let place = Place::new(crate::testing::runtime(), Device::Cpu, 1).unwrap();
    let state = State::new(&place, &subject, &sgd, false).unwrap();
    let options = PassOptions { shape, loss: &loss, accumulates: false, precision: Precision::Fp32, recompute: false };
    let mut pass = Pass::new(&place, &subject, &state, options).unwrap();
    let losses = pass.run([&images, &truth, &[0.0, 1.0]], false, || 0.5).unwrap();
    let mut wrong = Vec::new();
    if (f64::from(losses.total) - case.loss).abs() > 1e-4 * case.loss {
        wrong.push(format!("{}: loss {} against {}", case.name, losses.total, case.loss));
    }
    assert_eq!(state.gradients.tensors().len(), case.gradients.len(), "{}", case.name);
    let largest = case.gradients.values().fold(0.0_f64, |most, [norm, _]| most.max(*norm));
    for (name, [norm, product]) in &case.gradients {
        let found = state.gradients.tensors()[name.as_str()].read().unwrap();
        let found_norm = found.iter().map(|&number| f64::from(number).powi(2)).sum::<f64>().sqrt();
        let probe = numbers(&format!("probe.{name}"), found.len()).map(|number| 2.0 * number - 1.0);
        let found_product: f64 = found.iter().zip(probe).map(|(&number, probe)| f64::from(number) * probe).sum();
        let scale = norm.max(1e-3 * largest) * tolerance(case);
        if (found_norm - norm).abs() > scale || (found_product - product).abs() > scale {
            wrong.push(format!("{}: {name}: {found_norm} {found_product} against {norm} {product}", case.name));
        }
    }
    wrong
}

#[test]
fn gradients_of_whole_networks_are_pytorch_s() {
    let cases: Vec<Backward> = crate::testing::golden("gradients");
    assert!(cases.len() >= 4);
    let wrong: Vec<String> = cases.iter().flat_map(gradients).collect();
    assert!(wrong.is_empty(), "{} {:#?}", wrong.len(), &wrong[..wrong.len().min(30)]);
}
