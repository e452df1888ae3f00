//! Mixed precision: on the CPU, whose ONNX Runtime rounds to half precision and computes in single precision.

use pleura::onnx::ElementType;

use super::super::{LossScale, Scaler, pass};
use super::coverage::elements;
use super::*;
use crate::recipe::Network;
use crate::trace::Target;

/// The factor of the loss where it does not matter.
const SCALE: f32 = 1024.0;

fn loss() -> Loss {
    let dice = serde_json::from_str(r#"{ "kind": "dice" }"#).unwrap();
    let bce = LossTerm::Bce { weight: 1.0, positive: 1.0 };
    Loss { map: vec![bce, dice], score: vec![LossTerm::Bce { weight: 0.3, positive: 1.0 }] }
}

fn adam() -> Optimizer {
    serde_json::from_str(r#"{ "kind": "adam" }"#).unwrap()
}

fn options(loss: &Loss, precision: Precision) -> PassOptions<'_> {
    PassOptions { shape: SHAPE, loss, accumulates: false, precision, recompute: false }
}

/// The loss and the gradients of a batch, without the factor of the loss.
fn gradients(subject: &Subject, shape: [usize; 4], precision: Precision) -> (f32, BTreeMap<String, Vec<f32>>) {
    let loss = loss();
    gradients_with(subject, PassOptions { shape, ..options(&loss, precision) })
}

fn gradients_with(subject: &Subject, options: PassOptions<'_>) -> (f32, BTreeMap<String, Vec<f32>>) {
    let PassOptions { shape, precision, .. } = options;
    let place = place();
    let state = State::new(&place, subject, &adam(), false).unwrap();
    let mut pass = Pass::new(&place, subject, &state, options).unwrap();
    pass.scale_loss(SCALE).unwrap();
    let [count, channels, height, width] = shape;
    let images = crate::testing::noise(3, count * channels * height * width);
    let masks: Vec<f32> = (0..count * height * width).map(|at| f32::from(u8::from(at % width > width / 2))).collect();
    let labels: Vec<f32> = (0..count).map(|at| (at % 2) as f32).collect();
    let losses = pass.run([&images, &masks, &labels], false, || 0.5).unwrap();
    let factor = if precision.scales_loss() { SCALE } else { 1.0 };
    let unscaled = |buffer: &crate::device::Buffer| buffer.read().unwrap().iter().map(|it| it / factor).collect();
    let gradients = state.gradients.tensors().iter().map(|(name, buffer)| (name.clone(), unscaled(buffer)));
    (losses.total, gradients.collect())
}

fn norm(numbers: impl Iterator<Item = f32>) -> f32 {
    numbers.map(|number| number * number).sum::<f32>().sqrt()
}

/// Fails unless the gradients of both precisions are close, by tensor. Half precision has 11 bits: a rounding is up to
/// 5e-4, and a gradient goes through as many as the network is deep.
fn compare_precisions(name: &str, subject: &Subject, shape: [usize; 4], tolerance: f32) {
    let (expected_loss, expected) = gradients(subject, shape, Precision::Fp32);
    let (loss, found) = gradients(subject, shape, Precision::Fp16);
    assert!((loss - expected_loss).abs() < 1e-2 * expected_loss, "{name}: {loss}, {expected_loss}");
    let largest = expected.values().map(|it| norm(it.iter().copied())).fold(0.0, f32::max);
    let mut differs = false;
    for (weight, expected) in &expected {
        let found = &found[weight];
        differs |= expected != found;
        let error = norm(expected.iter().zip(found).map(|(x, y)| x - y));
        let size = norm(expected.iter().copied());
        // a bias before a norm has no gradient but rounding
        assert!(error < tolerance * size + 2e-3 * largest, "{name}: {weight}: {error} of {size}, largest {largest}");
    }
    assert!(differs, "{name}: nothing is in half precision");
}

#[test]
fn gradients_in_half_precision_are_close() {
    compare_precisions("steps", &subject(), SHAPE, 0.02);
    // maxima over channels may change places, and their gradients with them
    for (architecture, tolerance) in [
        (r#"{"kind": "unet-classic", "width": 8}"#, 0.05),
        (r#"{"kind": "unet", "encoder": "resnet18", "attention": "cbam", "decoder": [32, 16, 16, 16, 16]}"#, 0.2),
        (r#"{"kind": "deeplab-v3-plus", "encoder": "resnet18", "group_norm": 32}"#, 0.1),
    ] {
        let network: Network =
            serde_json::from_str(&format!(r#"{{"architecture": {architecture}, "heads": "both"}}"#)).unwrap();
        let subject = Subject { model: crate::nets::build(&network, 1).unwrap(), ..subject() };
        compare_precisions(architecture, &subject, [4, 1, 64, 64], tolerance);
    }
}

#[test]
fn recomputed_values_in_half_precision_are_close() {
    let network = r#"{"architecture": {"kind": "unet-classic", "width": 8}, "heads": "both"}"#;
    let network: Network = serde_json::from_str(network).unwrap();
    let subject = Subject { model: crate::nets::build(&network, 1).unwrap(), ..subject() };
    let loss = loss();
    let kept = PassOptions { shape: [2, 1, 64, 64], ..options(&loss, Precision::Fp16) };
    let [(loss, expected), (again, found)] =
        [false, true].map(|recompute| gradients_with(&subject, PassOptions { recompute, ..kept }));
    assert!((loss - again).abs() < 1e-3 * loss, "{loss}, {again}");
    // as far as half precision is from single; of a tensor alone, a bias before a norm has nothing but rounding
    let error = norm(expected.iter().flat_map(|(weight, it)| it.iter().zip(&found[weight]).map(|(x, y)| x - y)));
    let size = norm(expected.values().flatten().copied());
    assert!(error <= 3e-2 * size, "{error} of {size}");
}

#[test]
fn products_are_in_half_precision_and_the_loss_is_not() {
    let loss = loss();
    let written = pass::write(Target::Cuda, &subject(), &options(&loss, Precision::Fp16)).unwrap();
    let model = written.traced.trace.into_model();
    let elements = elements(&model);
    let all = |ops: &[&str], element: ElementType| {
        let nodes: Vec<_> = model.graph().node.iter().filter(|node| ops.contains(&node.op_type.as_str())).collect();
        let (count, all) = (nodes.len(), nodes.iter().all(|node| elements[&node.input[0]] == element));
        assert!(count > 0 && all, "{ops:?} of {element}: {count}");
    };
    all(&["Conv", "MaxPool", "Relu"], ElementType::Half);
    all(&["BatchNormalization", "ReduceMean", "ReduceSum", "Softplus", "Div"], ElementType::Float);
    // no value is cast twice
    let casts = model.graph().node.iter().filter(|node| node.op_type == "Cast").map(|node| &node.input[0]);
    assert_eq!(casts.clone().count(), casts.collect::<std::collections::HashSet<_>>().len());
    assert!(model.outputs().iter().all(|output| output.element == Some(ElementType::Float)));
}

/// A network with its optimiser in half precision.
struct Training {
    precision: Precision,
    place: Place,
    subject: Subject,
    state: State,
    pass: Pass,
    update: Update,
    scaler: Scaler,
    scale: LossScale,
    updates: u64,
}

impl Training {
    fn new() -> Self {
        Self::in_precision(Precision::Fp16)
    }

    fn in_precision(precision: Precision) -> Self {
        let (place, subject, loss) = (place(), subject(), loss());
        let state = State::new(&place, &subject, &adam(), false).unwrap();
        let options = PassOptions { accumulates: true, ..options(&loss, precision) };
        let pass = Pass::new(&place, &subject, &state, options).unwrap();
        let update = Update::new(&place, &state, &adam(), None).unwrap();
        let scaler = Scaler::new(&place, &state).unwrap();
        let scale = LossScale::default();
        Self { precision, place, subject, state, pass, update, scaler, scale, updates: 0 }
    }

    /// Two passes and an update; whether it was made.
    fn step(&mut self, at: u32) -> bool {
        let factor = if self.precision.scales_loss() { self.scale.factor() } else { 1.0 };
        self.pass.scale_loss(factor).unwrap();
        for part in 0..2 {
            let [images, maps, labels] = batch(2 * at + part);
            self.pass.run([&images, &maps, &labels], part > 0, || 0.5).unwrap();
        }
        let is_good = self.scaler.accepts(&self.state, &mut self.scale).unwrap();
        if is_good {
            self.updates += 1;
            self.update.run(Rates { lr: 1e-3, updates: self.updates, passes: 2, scale: factor }).unwrap();
        }
        is_good
    }

    fn weights(&self) -> crate::checkpoint::Tensors {
        self.state.weights(false).unwrap()
    }
}

#[test]
fn an_overflow_skips_the_update_and_halves_the_scale() {
    let mut training = Training::new();
    let huge = r#"{ "factor": 1e25, "good": 7 }"#;
    training.scale = serde_json::from_str(huge).unwrap();
    let before = training.weights();
    assert!(!training.step(0));
    let trained = |weights: &crate::checkpoint::Tensors| -> Vec<Vec<f32>> {
        training.state.trained.tensors().keys().map(|name| weights[name].1.clone()).collect()
    };
    assert!(trained(&training.weights()) == trained(&before), "a skipped update changes no weight");
    assert_eq!(training.scale.factor(), 5e24);
    // gradients that overflowed leave no trace in those that are accumulated next
    training.scale = LossScale::default();
    assert!(training.step(1) && training.scale.factor() == 65536.0);
    assert!(training.weights().values().flat_map(|(_, numbers)| numbers).all(|number| number.is_finite()));
}

#[test]
fn a_training_in_half_precision_goes_on_bit_for_bit() {
    let mut whole = Training::new();
    (0..2).for_each(|at| assert!(whole.step(at)));
    let (tensors, scale) = (whole.state.save().unwrap(), serde_json::to_string(&whole.scale).unwrap());
    (2..4).for_each(|at| assert!(whole.step(at)));

    let mut rest = Training::new();
    rest.state.load(&tensors).unwrap();
    (rest.scale, rest.updates) = (serde_json::from_str(&scale).unwrap(), 2);
    (2..4).for_each(|at| assert!(rest.step(at)));
    assert_eq!(rest.scale, whole.scale);
    assert!(rest.state.save().unwrap() == whole.state.save().unwrap());
    assert!(rest.weights() != Training::new().weights());
}

#[test]
fn losses_fall_as_in_single_precision() {
    let [single, half] = [Precision::Fp32, Precision::Fp16].map(|precision| {
        let mut training = Training::in_precision(precision);
        (0..10).for_each(|_| assert!(training.step(0)));
        let (Training { place, subject, state, .. }, loss) = (&training, loss());
        let mut evaluation = Evaluation::new(place, subject, state, SHAPE, &loss, false).unwrap();
        let [images, maps, labels] = batch(0);
        evaluation.run([&images, &maps, &labels]).unwrap().losses.total
    });
    assert!(single < 1.7 && (half - single).abs() < 5e-3 * single, "{single} and {half}");
}
