//! The bounds of a network's values on calibration images.

use std::collections::HashMap;

use ndarray::ArrayViewD;

use super::elements::Elements;
use super::error::OptimizeError;
use super::graph::Names;
use crate::onnx::proto::{TensorTypeProto, TypeProto, ValueInfoProto};
use crate::onnx::{ElementType, Model};
use crate::runtime::{self, Loaded, ModelError, SessionOptions};

/// The observed bounds of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Range {
    /// The lowest number.
    pub low: f32,
    /// The highest number.
    pub high: f32,
}

impl Range {
    /// The largest distance from zero.
    #[must_use]
    pub fn magnitude(&self) -> f32 {
        self.low.abs().max(self.high.abs())
    }
}

/// The observed bounds of each value, by name.
#[derive(Debug, Clone, Default)]
pub struct Ranges {
    seen: HashMap<String, Range>,
    runs: usize,
}

impl Ranges {
    /// The observed bounds of a value.
    #[must_use]
    pub fn get(&self, value: &str) -> Option<Range> {
        self.seen.get(value).copied()
    }

    /// The number of runs.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// Adds the bounds of one run.
    pub fn add(&mut self, value: &str, low: f32, high: f32) {
        let range = self.seen.entry(value.to_owned()).or_insert(Range { low, high });
        range.low = range.low.min(low);
        range.high = range.high.max(high);
    }
}

/// A network with the bounds of its values as additional outputs. They are computed within the graph, so that no value
/// outlives its use: memory is that of the network itself.
pub struct Probe {
    model: runtime::Model,
    values: Vec<String>,
    /// Two per value: its lowest and its highest number.
    outputs: Vec<String>,
    ranges: Ranges,
}

impl Probe {
    /// Opens a model with its bounds as additional outputs.
    ///
    /// # Errors
    /// If ONNX Runtime refuses it, or the temporary file cannot be written.
    pub fn open(model: &Model, runtime: &Loaded, options: SessionOptions) -> Result<Self, OptimizeError> {
        let (probing, values, outputs) = probing(model);
        let folder = std::env::temp_dir();
        let file = tempfile::Builder::new().suffix(".onnx").tempfile_in(&folder);
        let file = file.map_err(OptimizeError::file("write a model in", &folder))?;
        std::fs::write(file.path(), probing.to_bytes()).map_err(OptimizeError::file("write", file.path()))?;
        let model = runtime::Model::open(runtime, file.path(), options)?;
        Ok(Self { model, values, outputs, ranges: Ranges::default() })
    }

    /// Runs the network on an input and records the bounds.
    ///
    /// # Errors
    /// If ONNX Runtime fails.
    pub fn look(&mut self, input: &str, tensor: ArrayViewD<'_, f32>) -> Result<(), ModelError> {
        let names: Vec<&str> = self.outputs.iter().map(String::as_str).collect();
        let bounds = self.model.run(input, tensor, &names)?;
        for (value, pair) in self.values.iter().zip(bounds.chunks(2)) {
            if let [low, high] = pair
                && let (Some(&low), Some(&high)) = (low.first(), high.first())
            {
                self.ranges.add(value, low, high);
            }
        }
        self.ranges.runs += 1;
        Ok(())
    }

    /// The observed bounds.
    #[must_use]
    pub fn ranges(self) -> Ranges {
        self.ranges
    }
}

/// The model with the bounds of each floating-point value as outputs; the values' names, and the two outputs' of each.
fn probing(model: &Model) -> (Model, Vec<String>, Vec<String>) {
    let elements = Elements::new(model);
    let mut probing = model.clone();
    let graph = probing.graph_mut();
    let mut names = Names::new(graph);
    let inputs = graph.input.iter().map(|input| input.name.clone());
    let made = graph.node.iter().flat_map(|node| node.output.iter().cloned());
    let values: Vec<String> =
        inputs.chain(made).filter(|value| elements.is_float(value) && !elements.is_counted(value)).collect();
    let mut outputs = Vec::with_capacity(2 * values.len());
    for value in &values {
        for (op, end) in [("ReduceMin", "lowest"), ("ReduceMax", "highest")] {
            let name = names.fresh(&format!("{value}_{end}"));
            let keep = vec![crate::onnx::attribute::int("keepdims", 0)];
            graph.node.push(super::graph::node(op, &[value], &name, keep));
            let float = TensorTypeProto { elem_type: ElementType::Float.into(), shape: None };
            let kind = Some(TypeProto { tensor_type: Some(float) });
            graph.output.push(ValueInfoProto { name: name.clone(), r#type: kind, doc_string: String::new() });
            outputs.push(name);
        }
    }
    (probing, values, outputs)
}
