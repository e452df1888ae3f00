//! Half precision: weights and values in 16 bits, except where 16 bits would do harm.
//!
//! Inputs and outputs stay 32-bit floats, by a `Cast` at each end: the original's manifest also runs the variant, and
//! other readers of its outputs need no change.

mod numbers;
mod ops;
mod rounding;

use std::collections::{HashMap, HashSet};

use super::elements::Elements;
use super::graph::{self, Names, is_output};
use super::note::Note;
use super::ranges::Ranges;
use crate::onnx::attribute::int;
use crate::onnx::proto::{NodeProto, TensorProto};
use crate::onnx::{ElementType, Model};
use numbers::Unfit;
pub use rounding::rounding;

/// The largest half, and the factor below it within which calibrated values must stay: others may be larger.
const LARGEST: f32 = 65504.0;
const MARGIN: f32 = 2.0;
/// The smallest normal half.
const SMALLEST: f32 = 6.103_515_6e-5;

/// A precision of floating-point numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Precision {
    Half,
    Single,
}

/// The model in half precision, with notes. `model` must be [tidied](super::tidy::tidied).
pub fn half(model: &Model, ranges: &Ranges) -> (Model, Vec<Note>) {
    let judged = Judged::new(model, ranges);
    let mut halved = model.clone();
    let written = Writer::new(model, &judged).write();
    halved.graph_mut().node = written.nodes;
    halved.graph_mut().initializer = written.constants;
    graph::prune(halved.graph_mut());
    (halved, judged.notes)
}

/// The precision in which each node computes.
struct Judged {
    elements: Elements,
    nodes: Vec<Precision>,
    notes: Vec<Note>,
}

impl Judged {
    fn new(model: &Model, ranges: &Ranges) -> Self {
        let elements = Elements::new(model);
        let tensors: HashMap<&str, &TensorProto> =
            model.graph().initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let mut judged = Self { elements, nodes: Vec::new(), notes: Vec::new() };
        let mut rounded = numbers::Rounded::default();
        let mut counted = HashSet::new();
        for node in &model.graph().node {
            let (precision, note) = match judged.judge(node, &tensors, ranges) {
                Ok(precision) => (precision, None),
                Err(why) => (
                    Precision::Single,
                    Some(Note::Single { node: graph::called(node).into(), op: node.op_type.clone(), why }),
                ),
            };
            judged.nodes.push(precision);
            judged.notes.extend(note);
            if precision == Precision::Half {
                let weights = node.input.iter().filter(|input| counted.insert((*input).clone()));
                let weights = weights.filter_map(|input| tensors.get(input.as_str())?.floats().ok());
                for found in weights.filter_map(|numbers| numbers::judge(&numbers).ok()) {
                    rounded.numbers += found.numbers;
                    rounded.vanished += found.vanished;
                    rounded.subnormal += found.subnormal;
                }
            }
        }
        if rounded.vanished + rounded.subnormal > 0 {
            let numbers::Rounded { numbers, vanished, subnormal } = rounded;
            judged.notes.push(Note::Rounded { numbers, vanished, subnormal });
        }
        judged
    }

    /// The precision of a node, or the reason for keeping it in single precision, if it is worth reporting.
    fn judge(
        &self,
        node: &NodeProto,
        tensors: &HashMap<&str, &TensorProto>,
        ranges: &Ranges,
    ) -> Result<Precision, String> {
        let mut values = node.input.iter().chain(&node.output).filter(|value| !value.is_empty());
        if !values.clone().any(|value| self.elements.is_float(value)) {
            return Ok(Precision::Single);
        }
        // Sizes must be exact: 2,049 is not representable as a half.
        if ops::is_indifferent(node) || node.output.iter().any(|output| self.elements.is_counted(output)) {
            return Ok(Precision::Single);
        }
        if node.op_type == "Cast" {
            let from = self.elements.get(&node.input[0]);
            return Ok(if from == Some(ElementType::Float) && ops::casts_to_single(node) {
                Precision::Half
            } else {
                Precision::Single
            });
        }
        if !ops::is_halved(node) {
            return Err("the operator is kept in single precision".into());
        }
        if values.any(|value| self.elements.get(value).is_none()) {
            return Err("its input comes from an unknown operator".into());
        }
        for (place, input) in node.input.iter().enumerate().filter(|(place, _)| !ops::is_single(node, *place)) {
            let Some(tensor) = tensors.get(input.as_str()).filter(|tensor| tensor.element() == ElementType::Float)
            else {
                continue;
            };
            let numbers = tensor.floats().map_err(|error| error.to_string())?;
            numbers::judge(&numbers).map_err(|unfit| match unfit {
                Unfit::Large(number) => {
                    format!("input {place}, `{input}`, holds {number}: the largest fp16 value is {LARGEST}")
                }
                Unfit::Small(share) => {
                    format!("input {place}, `{input}`, is too small: fp16 would lose {:.1} % of it", share * 100.0)
                }
            })?;
        }
        self.reach(node, ranges)
    }

    /// Whether a node's inputs and outputs are within the range of halves.
    fn reach(&self, node: &NodeProto, ranges: &Ranges) -> Result<Precision, String> {
        for value in node.output.iter().chain(&node.input) {
            let Some(range) = ranges.get(value) else { continue };
            let magnitude = range.magnitude();
            // A value that is nowhere finite is left to the comparison.
            if magnitude.is_finite() && magnitude * MARGIN > LARGEST {
                return Err(format!("`{value}` reaches {magnitude}: the largest fp16 value is {LARGEST}"));
            }
            if magnitude > 0.0 && magnitude < SMALLEST {
                return Err(format!("`{value}` is {magnitude:e} at most: too small for fp16"));
            }
        }
        Ok(Precision::Half)
    }
}

/// Rewrites the graph.
struct Writer<'a> {
    model: &'a Model,
    judged: &'a Judged,
    names: Names,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    /// Constants, by name.
    tensors: HashMap<&'a str, &'a TensorProto>,
    /// For each floating-point value, its name in each available precision.
    known: HashMap<(String, Precision), String>,
}

impl<'a> Writer<'a> {
    fn new(model: &'a Model, judged: &'a Judged) -> Self {
        let graph = model.graph();
        let known = graph.input.iter().filter(|input| judged.elements.is_float(&input.name));
        Self {
            known: known.map(|input| ((input.name.clone(), Precision::Single), input.name.clone())).collect(),
            names: Names::new(graph),
            nodes: Vec::with_capacity(graph.node.len()),
            constants: graph.initializer.clone(),
            tensors: graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect(),
            model,
            judged,
        }
    }

    fn write(mut self) -> Self {
        for (node, &precision) in self.model.graph().node.iter().zip(&self.judged.nodes) {
            self.node(node, precision);
        }
        self
    }

    fn node(&mut self, node: &NodeProto, precision: Precision) {
        let mut written = node.clone();
        for (place, input) in written.input.iter_mut().enumerate() {
            if self.judged.elements.is_float(input) {
                let wanted = if ops::is_single(node, place) { Precision::Single } else { precision };
                *input = if ops::is_indifferent(node) { self.either(input) } else { self.in_precision(input, wanted) };
            }
        }
        if precision == Precision::Half && ops::casts_to_single(node) {
            let to = written.attribute.iter_mut().filter(|attribute| attribute.name == "to");
            to.for_each(|attribute| attribute.i = Some(i32::from(ElementType::Half).into()));
        }
        let mut outputs = Vec::new();
        for output in &mut written.output {
            if !self.judged.elements.is_float(output) {
                continue;
            }
            let name = output.clone();
            let given = precision == Precision::Half && is_output(self.model.graph(), &name);
            if given {
                *output = self.names.fresh(&format!("{name}_fp16"));
                outputs.push(name.clone());
            }
            self.known.insert((name, precision), output.clone());
        }
        self.nodes.push(written);
        for name in outputs {
            self.cast(&name, Precision::Single, name.clone());
        }
    }

    /// A value in any available precision.
    fn either(&mut self, value: &str) -> String {
        let known = |precision| self.known.get(&(value.to_owned(), precision)).cloned();
        known(Precision::Half).or_else(|| known(Precision::Single)).unwrap_or_else(|| value.to_owned())
    }

    /// A value in a given precision, cast if it is available only in the other.
    fn in_precision(&mut self, value: &str, wanted: Precision) -> String {
        if let Some(name) = self.known.get(&(value.to_owned(), wanted)) {
            return name.clone();
        }
        match (self.tensors.get(value).copied(), wanted) {
            (Some(_), Precision::Single) => value.to_owned(),
            (Some(tensor), Precision::Half) => self.constant(tensor),
            (None, _) => {
                let end = if wanted == Precision::Half { "fp16" } else { "fp32" };
                let name = self.names.fresh(&format!("{value}_{end}"));
                self.cast(value, wanted, name)
            }
        }
    }

    /// A constant in half precision. If the original has no other consumer, it is dropped in the end.
    fn constant(&mut self, tensor: &TensorProto) -> String {
        let name = self.names.fresh(&format!("{}_fp16", tensor.name));
        // They have already been read when the node was judged.
        let numbers = tensor.floats().unwrap_or_default();
        self.constants.push(numbers::halved(tensor, &numbers, &name));
        self.known.insert((tensor.name.clone(), Precision::Half), name.clone());
        name
    }

    fn cast(&mut self, value: &str, to: Precision, name: String) -> String {
        let (from, element) = match to {
            Precision::Half => (Precision::Single, ElementType::Half),
            Precision::Single => (Precision::Half, ElementType::Float),
        };
        let source = self.known[&(value.to_owned(), from)].clone();
        self.nodes.push(graph::node("Cast", &[&source], &name, vec![int("to", i32::from(element).into())]));
        self.known.insert((value.to_owned(), to), name.clone());
        name
    }
}

#[cfg(test)]
mod tests;
