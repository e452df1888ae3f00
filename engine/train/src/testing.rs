//! Helpers of tests: ONNX Runtime, running graphs, finite differences.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use flate2::read::GzDecoder;
use ort::session::Session;
use ort::value::TensorRef;
use pleura::onnx::Model;
use pleura::radiograph::DecodeLimits;
use pleura::runtime::{self, Device, Loaded, SessionOptions};
use rand::{Rng, SeedableRng};
use serde::de::DeserializeOwned;

use crate::backward::gradients;
use crate::fit;
use crate::trace::{Target, Trace};

/// ONNX Runtime, installed if missing, as a user would.
pub fn runtime() -> &'static Loaded {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    if runtime::find::candidates(None).is_empty() {
        let mut install = Command::new(env!("CARGO"));
        install.args(["run", "--quiet", "--bin", "pleura", "--", "runtime", "install"]);
        let status = install.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).status();
        assert!(status.is_ok_and(|status| status.success()), "no ONNX Runtime, and none could be installed");
    }
    runtime::load(None).unwrap()
}

/// PyTorch's results of this name, from `tests/golden`; `tests/reference` makes them.
pub fn golden<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).with_extension("json.gz");
    serde_json::from_reader(BufReader::new(GzDecoder::new(File::open(path).unwrap()))).unwrap()
}

pub fn options() -> SessionOptions {
    SessionOptions { device: Device::Cpu, threads: 1, tensorrt: false, fp16: false, memory: None }
}

/// A training on one thread of the CPU, into a folder.
pub fn training_into(out: &Path) -> fit::Options {
    runtime();
    fit::Options {
        out: Some(out.into()),
        device: Device::Cpu,
        threads: 1,
        onnxruntime: None,
        fresh: false,
        tensorboard: false,
        decode: DecodeLimits::default(),
    }
}

/// Numbers and their shape.
pub type Numbers = (Vec<usize>, Vec<f32>);

/// The outputs of a graph of floats, in order.
pub fn run(model: &Model, inputs: &[(String, Numbers)]) -> Vec<Vec<f32>> {
    let mut session = runtime::session(runtime(), &model.to_bytes(), options()).unwrap();
    evaluate(&mut session, model, inputs)
}

fn evaluate(session: &mut Session, model: &Model, inputs: &[(String, Numbers)]) -> Vec<Vec<f32>> {
    let fed: Vec<_> = inputs
        .iter()
        .map(|(name, (shape, numbers))| {
            let value = TensorRef::from_array_view((shape.clone(), numbers.as_slice())).unwrap();
            (name.as_str(), value)
        })
        .collect();
    let outputs = session.run(fed).unwrap();
    let names: Vec<_> = model.outputs().into_iter().map(|output| output.name).collect();
    names.iter().map(|name| outputs[name.as_str()].try_extract_tensor::<f32>().unwrap().1.to_vec()).collect()
}

/// Reproducible numbers in -1..1.
pub fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// What `write` computes from values of these shapes, with gradients: a graph whose outputs are a weighted sum of all
/// results, so that each number counts, and its gradient with respect to each value.
pub fn differentiate(
    target: Target,
    name: &str,
    values: &[Numbers],
    write: impl Fn(&mut Trace, &[String]) -> String,
) -> Model {
    let mut trace = Trace::on(target, name);
    let names = value_names(values);
    for (value, (shape, _)) in names.iter().zip(values) {
        trace.input(value, shape);
        trace.require(value);
    }
    let made = write(&mut trace, &names);
    let shape = trace.shape(&made).to_vec();
    let weights = noise(7, shape.iter().product());
    let weights = trace.floats(&shape, weights);
    let weighted = trace.mul(&made, &weights);
    let loss = trace.total(&weighted);
    let wanted = gradients(&mut trace, &loss, &names).unwrap_or_else(|error| panic!("{name}: {error}"));
    trace.output(&loss, "loss");
    for (at, gradient) in wanted.iter().enumerate() {
        let gradient = gradient.clone().unwrap_or_else(|| panic!("{name}: no gradient of value {at}"));
        assert_eq!(trace.shape(&gradient), values[at].0, "{name}: the gradient of value {at}");
        trace.output(&gradient, &format!("gradient{at}"));
    }
    trace.into_model()
}

fn value_names(values: &[Numbers]) -> Vec<String> {
    (0..values.len()).map(|at| format!("v{at}")).collect()
}

/// The values as inputs of a graph of [`differentiate`].
pub fn named(values: &[Numbers]) -> Vec<(String, Numbers)> {
    value_names(values).into_iter().zip(values.to_vec()).collect()
}

/// Compares the gradients of what `write` computes from values of these shapes with finite differences.
pub fn check_gradients(name: &str, values: &[Numbers], write: impl Fn(&mut Trace, &[String]) -> String) {
    let model = differentiate(Target::Cpu, name, values, write);
    let mut session = runtime::session(runtime(), &model.to_bytes(), options()).unwrap();
    let mut inputs = named(values);
    let results = evaluate(&mut session, &model, &inputs);
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    for (at, gradient) in results[1..].iter().enumerate() {
        let scale = gradient.iter().fold(1.0_f32, |most, g| most.max(g.abs()));
        for _ in 0..gradient.len().min(12) {
            let place = random.random_range(0..gradient.len());
            let mut probe = |step: f32| {
                let kept = inputs[at].1.1[place];
                inputs[at].1.1[place] = kept + step;
                let loss = f64::from(evaluate(&mut session, &model, &inputs)[0][0]);
                inputs[at].1.1[place] = kept;
                loss
            };
            let step = 4e-3;
            let difference = ((probe(step) - probe(-step)) / (2.0 * f64::from(step))) as f32;
            assert!(
                (difference - gradient[place]).abs() < 2e-2 * scale,
                "{name}: value {at} of shape {:?} at {place}: gradient {}, finite difference {difference}",
                inputs[at].1.0,
                gradient[place]
            );
        }
    }
}
