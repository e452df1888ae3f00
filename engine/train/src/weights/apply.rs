//! Puts a file's tensors in the place of a network's weights.

use std::collections::HashMap;

use indexmap::IndexMap;
use pleura::onnx::proto::TensorProto;
use pleura::onnx::{ElementType, Model};

use super::convolution::{Fit, fit};
use super::mismatch::Mismatch;
use super::{Numbers, Tensor, WeightsError};
use crate::recipe::Weights;

/// What became of a file's keys and a network's weights; each is in one list. Names are the network's, but for
/// `passed_over`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Taken from the file as they are.
    pub loaded: Vec<String>,
    /// The first convolution's, summed over three channels for a network of one.
    pub summed: Vec<String>,
    /// The first convolution's, divided by three for each of a network's three channels.
    pub spread: Vec<String>,
    /// Not in the file, and left as they were drawn.
    pub as_drawn: Vec<String>,
    /// The file's keys that the network has no use for.
    pub passed_over: Vec<String>,
}

/// Whether an initializer may be a weight: it holds floats, and is neither a single number nor named `const.…`, as
/// the graph's own constants are.
#[must_use]
pub fn is_weight(tensor: &TensorProto) -> bool {
    let is_float = matches!(
        tensor.element(),
        ElementType::Float | ElementType::Half | ElementType::BFloat16 | ElementType::Double
    );
    is_float && !tensor.dims.is_empty() && !tensor.name.starts_with("const.")
}

/// Puts a file's tensors in the place of the network's weights of the same names, after the recipe's `strip_prefix` and
/// `add_prefix`. Either all is well, or the model stays as it was.
///
/// A first convolution for 3 channels is summed over them for a network of 1, and one for 1 spread as a third each over
/// a network's 3: on a grey image the answer is the same. `num_batches_tracked`, which PyTorch counts and nothing uses,
/// is passed over.
///
/// # Errors
/// [`WeightsError::Mismatch`] with everything that does not fit and that the recipe does not allow,
/// [`WeightsError::Nothing`] where it allows so much that nothing is loaded.
pub fn apply(model: &mut Model, weights: &Weights, file: IndexMap<String, Tensor>) -> Result<Report, WeightsError> {
    let (plan, mismatch) = plan(model, weights, file);
    if !mismatch.is_empty() {
        return Err(Box::new(mismatch).into());
    }
    if plan.numbers.is_empty() {
        return Err(WeightsError::Nothing { path: weights.file.clone() });
    }
    for (name, numbers) in &plan.numbers {
        model.set_floats(name, numbers).expect("the plan has the model's own names and shapes");
    }
    Ok(plan.report)
}

/// What is to be done.
#[derive(Default)]
struct Plan {
    numbers: Vec<(String, Vec<f32>)>,
    report: Report,
}

fn plan(model: &Model, weights: &Weights, file: IndexMap<String, Tensor>) -> (Plan, Mismatch) {
    let wanted = wanted(model);
    let mut plan = Plan::default();
    let mut mismatch = Mismatch::new(&weights.file, wanted.len(), file.len());
    let mut taken: HashMap<String, String> = HashMap::new();
    for (key, tensor) in file {
        let name = renamed(&key, weights);
        let Some(shape) = wanted.get(name.as_str()) else {
            if is_counter(&key) || starts_with_any(&key, &weights.unused) {
                plan.report.passed_over.push(key);
            } else {
                mismatch.unused.push(key);
            }
            continue;
        };
        if let Some(first) = taken.get(&name) {
            mismatch.twice.push(format!("`{name}` ← `{first}` and `{key}`"));
            continue;
        }
        match fitted(model, &name, shape, tensor) {
            Ok((fit, numbers)) => {
                let list = match fit {
                    Fit::AsIs => &mut plan.report.loaded,
                    Fit::Summed => &mut plan.report.summed,
                    Fit::Spread => &mut plan.report.spread,
                };
                list.push(name.clone());
                plan.numbers.push((name.clone(), numbers));
            }
            // Both sides may do without: a head for other classes.
            Err(_) if starts_with_any(&key, &weights.unused) && starts_with_any(&name, &weights.missing) => {
                plan.report.passed_over.push(key.clone());
                plan.report.as_drawn.push(name.clone());
            }
            Err(reason) => mismatch.unfit.push(format!("`{name}` {reason}")),
        }
        taken.insert(name, key);
    }
    for name in wanted.into_keys().filter(|name| !taken.contains_key(*name)) {
        let list =
            if starts_with_any(name, &weights.missing) { &mut plan.report.as_drawn } else { &mut mismatch.missing };
        list.push(name.to_owned());
    }
    (plan, mismatch)
}

/// The network's weights and their shapes.
fn wanted(model: &Model) -> IndexMap<&str, Vec<usize>> {
    let tensors = model.graph().initializer.iter();
    let shape = |tensor: &TensorProto| tensor.dims.iter().filter_map(|&length| usize::try_from(length).ok()).collect();
    tensors
        .filter(|tensor| is_weight(tensor) && tensor.element() == ElementType::Float)
        .map(|tensor| (tensor.name.as_str(), shape(tensor)))
        .collect()
}

/// The network's name for a file's key.
fn renamed(key: &str, weights: &Weights) -> String {
    let stripped = key.strip_prefix(&weights.strip_prefix).unwrap_or(key);
    format!("{}{stripped}", weights.add_prefix)
}

/// The numbers for a weight, or why they do not fit.
fn fitted(model: &Model, name: &str, shape: &[usize], tensor: Tensor) -> Result<(Fit, Vec<f32>), String> {
    let Some(fit) = fit(model, name, shape, &tensor.shape) else {
        return Err(format!("is {shape:?} in the network, and {:?} in the file", tensor.shape));
    };
    match &tensor.numbers {
        Numbers::Other(element) => Err(format!("is of element type {element} in the file, which are no floats")),
        Numbers::Floats(floats) if !floats.iter().all(|number| number.is_finite()) => {
            Err("holds numbers in the file that are not finite".into())
        }
        Numbers::Floats(floats) => Ok((fit, fit.of(&tensor, floats.clone()))),
    }
}

fn is_counter(key: &str) -> bool {
    key.rsplit('.').next() == Some("num_batches_tracked")
}

fn starts_with_any(key: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()))
}
