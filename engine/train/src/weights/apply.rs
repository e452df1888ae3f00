//! Replaces a network's weights by a file's tensors.

use std::collections::HashMap;

use indexmap::IndexMap;
use pleura::onnx::proto::TensorProto;
use pleura::onnx::{ElementType, Model};

use super::convolution::{Fit, fit};
use super::mismatch::Mismatch;
use super::names::{Named, Names};
use super::{Numbers, Tensor, WeightsError};
use crate::recipe::Weights;

/// The result for a file's keys and a network's weights; each is in one list. Names are the network's, except in
/// `passed_over`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Taken from the file unchanged.
    pub loaded: Vec<String>,
    /// The first convolution's weights, summed over three channels for a network of one.
    pub summed: Vec<String>,
    /// The first convolution's weights, divided by three for each of a network's three channels.
    pub spread: Vec<String>,
    /// Not in the file: they keep their random initial values.
    pub as_drawn: Vec<String>,
    /// The file's keys that the network does not use.
    pub passed_over: Vec<String>,
}

/// Whether an initializer may be a weight: it holds floats, and is neither a single number nor named `const.…`, like
/// the graph's own constants.
#[must_use]
pub fn is_weight(tensor: &TensorProto) -> bool {
    let is_float = matches!(
        tensor.element(),
        ElementType::Float | ElementType::Half | ElementType::BFloat16 | ElementType::Double
    );
    is_float && !tensor.dims.is_empty() && !tensor.name.starts_with("const.")
}

/// Replaces the network's weights by a file's tensors of the same names, after the recipe's `strip_prefix`, `rename`,
/// `names` and `add_prefix`. On an error, the model is unchanged.
///
/// A first convolution for 3 channels is summed over them for a network of 1, and one for 1 channel is divided by three
/// for each of a network's 3: on a grey image the result is the same. `num_batches_tracked`, which PyTorch counts and
/// nothing uses, is skipped.
///
/// # Errors
/// [`WeightsError::Rename`] if a replacement is not a regular expression, [`WeightsError::Mismatch`] with everything that does not match and that the recipe does not allow,
/// [`WeightsError::Nothing`] if it allows so much that nothing is loaded.
pub fn apply(model: &mut Model, weights: &Weights, file: IndexMap<String, Tensor>) -> Result<Report, WeightsError> {
    let names = wanted(model);
    let renaming = Names::new(weights, names.keys().copied())
        .map_err(|source| WeightsError::Rename { path: weights.file.clone(), source })?;
    let Plan { numbers, report, mismatch, .. } = Plan::new(model, weights, &renaming, file);
    if !mismatch.is_empty() {
        return Err(Box::new(mismatch).into());
    }
    if numbers.is_empty() {
        return Err(WeightsError::Nothing { path: weights.file.clone() });
    }
    for (name, numbers) in &numbers {
        model.set_floats(name, numbers).expect("the plan has the model's own names and shapes");
    }
    Ok(report)
}

/// The planned replacements, and the mismatches.
struct Plan<'a> {
    model: &'a Model,
    weights: &'a Weights,
    names: &'a Names<'a>,
    wanted: IndexMap<&'a str, Vec<usize>>,
    /// The network's names that keys of the file map to, with the key.
    taken: HashMap<String, String>,
    numbers: Vec<(String, Vec<f32>)>,
    report: Report,
    mismatch: Mismatch,
}

impl<'a> Plan<'a> {
    fn new(model: &'a Model, weights: &'a Weights, names: &'a Names<'a>, file: IndexMap<String, Tensor>) -> Self {
        let wanted = wanted(model);
        let mismatch = Mismatch::new(&weights.file, wanted.len(), file.len());
        let mismatch = Mismatch { names: weights.names, ..mismatch };
        let (taken, numbers, report) = (HashMap::new(), Vec::new(), Report::default());
        let mut plan = Self { model, weights, names, wanted, taken, numbers, report, mismatch };
        file.into_iter().for_each(|(key, tensor)| plan.add(key, tensor));
        plan.look_for_the_rest();
        plan
    }

    fn add(&mut self, key: String, tensor: Tensor) {
        let Named::As(name) = self.names.of(&key) else { return self.report.passed_over.push(key) };
        let Some(shape) = self.wanted.get(name.as_str()) else {
            let is_allowed = is_counter(&key) || starts_with_any(&key, &self.weights.unused);
            let list = if is_allowed { &mut self.report.passed_over } else { &mut self.mismatch.unused };
            return list.push(key);
        };
        if let Some(first) = self.taken.get(&name) {
            return self.mismatch.twice.push(format!("`{name}` ← `{first}` and `{key}`"));
        }
        match fitted(self.model, &name, shape, tensor) {
            Ok((fit, numbers)) => self.take(&name, fit, numbers),
            // The recipe allows both sides to be without the other: a head for other classes.
            Err(_) if starts_with_any(&key, &self.weights.unused) && starts_with_any(&name, &self.weights.missing) => {
                self.report.passed_over.push(key.clone());
                self.report.as_drawn.push(name.clone());
            }
            Err(reason) => self.mismatch.unfit.push(format!("`{name}` {reason}")),
        }
        self.taken.insert(name, key);
    }

    fn take(&mut self, name: &str, fit: Fit, numbers: Vec<f32>) {
        let list = match fit {
            Fit::AsIs => &mut self.report.loaded,
            Fit::Summed => &mut self.report.summed,
            Fit::Spread => &mut self.report.spread,
        };
        list.push(name.to_owned());
        self.numbers.push((name.to_owned(), numbers));
    }

    fn look_for_the_rest(&mut self) {
        for name in self.wanted.keys().filter(|name| !self.taken.contains_key(**name)) {
            let is_allowed = starts_with_any(name, &self.weights.missing);
            let list = if is_allowed { &mut self.report.as_drawn } else { &mut self.mismatch.missing };
            list.push((*name).to_owned());
        }
    }
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

/// The numbers for a weight, or why they do not match.
fn fitted(model: &Model, name: &str, wanted: &[usize], tensor: Tensor) -> Result<(Fit, Vec<f32>), String> {
    let Tensor { shape, numbers } = tensor;
    let fit = fit(model, name, wanted, &shape)
        .ok_or_else(|| format!("is {wanted:?} in the network, but {shape:?} in the file"))?;
    match numbers {
        Numbers::Other(element) => Err(format!("is of element type {element} in the file, expected floats")),
        Numbers::Floats(floats) if !floats.iter().all(|number| number.is_finite()) => {
            Err("holds infinite or NaN values in the file".into())
        }
        Numbers::Floats(floats) => Ok((fit, fit.apply(&shape, floats))),
    }
}

fn is_counter(key: &str) -> bool {
    key.rsplit('.').next() == Some("num_batches_tracked")
}

fn starts_with_any(key: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()))
}
