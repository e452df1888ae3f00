//! Finds the nodes from which a device's results differ: a bisection over the graph's nodes, in their order.
//!
//! Each step opens the part of the graph up to one node on both devices. Only that node's result is an output, so that
//! what a provider fuses stays fused.

use std::path::Path;

use ndarray::{ArrayD, ArrayViewD};

use super::difference::{difference, largest};
use crate::onnx::{self, proto::NodeProto, proto::ValueInfoProto};
use crate::runtime::{Device, Loaded, Model, SessionOptions};

/// Where results begin to differ, as a fragment: "from node `conv1` (Conv) on".
pub fn nodes(
    runtime: &Loaded,
    path: &Path,
    device: SessionOptions,
    input: (&str, ArrayViewD<'_, f32>),
    tolerance: f32,
) -> String {
    let model = match onnx::read(path) {
        Ok(model) => model,
        Err(error) => return format!("at an unknown node ({})", crate::chain(&error)),
    };
    let search = Search { runtime, path, device, input, tolerance, model };
    search.range().unwrap_or_else(|error| format!("at an unknown node ({error})"))
}

struct Search<'a> {
    runtime: &'a Loaded,
    path: &'a Path,
    device: SessionOptions,
    input: (&'a str, ArrayViewD<'a, f32>),
    tolerance: f32,
    model: onnx::Model,
}

impl Search<'_> {
    fn range(&self) -> Result<String, String> {
        let nodes = &self.model.graph().node;
        // results agree before `low`, and differ at `high`
        let (mut low, mut high) = (0, nodes.len().checked_sub(1).ok_or("the graph has no nodes")?);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.differs(&nodes[middle])? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if self.differs(&nodes[high])? {
            return Ok(format!("from node {} on", described(&nodes[high])));
        }
        Ok(format!(
            "between node {} and node {}, though neither differs by itself: the provider fuses some of them",
            described(&nodes[0]),
            described(&nodes[high])
        ))
    }

    /// Whether a node's result differs; one that is not made of numbers does not.
    fn differs(&self, node: &NodeProto) -> Result<bool, String> {
        let Some(value) = node.output.iter().find(|name| !name.is_empty()) else { return Ok(false) };
        let bytes = self.up_to(value).to_bytes();
        let run = |options: SessionOptions| -> Result<ArrayD<f32>, String> {
            let model = Model::from_bytes(self.runtime, self.path, &bytes, options);
            let (name, input) = (self.input.0, self.input.1.view());
            let mut results =
                model.and_then(|model| model.run(name, input, &[value])).map_err(|it| crate::chain(&it))?;
            Ok(results.swap_remove(0))
        };
        let Ok(expected) = run(SessionOptions::on(Device::Cpu, self.device.threads)) else { return Ok(false) };
        let found = run(self.device)?;
        let unit = largest(&expected);
        // an intermediate result of small numbers counts like one of large ones
        let scale = if unit > 0.0 && unit < 1.0 { 1.0 / unit } else { 1.0 };
        Ok(difference(&(found * scale), &(expected * scale), false) > self.tolerance)
    }

    /// The model with one value as its only output.
    fn up_to(&self, value: &str) -> onnx::Model {
        let mut part = self.model.clone();
        let declared = part.graph().output.iter().find(|output| output.name == value).cloned();
        let output = declared.unwrap_or_else(|| ValueInfoProto { name: value.to_owned(), ..ValueInfoProto::default() });
        part.graph_mut().output = vec![output];
        part
    }
}

fn described(node: &NodeProto) -> String {
    let name = if node.name.is_empty() { node.output.first() } else { Some(&node.name) };
    format!("`{}` ({})", name.map_or("", String::as_str), node.op_type)
}
