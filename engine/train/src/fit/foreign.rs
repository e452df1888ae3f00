//! Networks of ONNX files, as other tools export them.

use std::path::Path;

use pleura::manifest::{Layout, Values};
use pleura::onnx::proto::{NodeProto, StringStringEntryProto};
use pleura::onnx::{self, Model};

use super::TrainError;
use crate::forward::{opset, to_inference};
use crate::handover::{Form, Port, Ports};
use crate::recipe::{FoldedNorms, OnnxOutput};
use crate::step::{Source, StepError};
use crate::trace::name_of;

/// Reads a network, and finds out what its outputs' numbers are.
///
/// # Errors
/// If it cannot be read, has no such outputs, or contradicts what the recipe says of them.
pub(super) fn foreign(
    path: &Path,
    (map, score): (Option<&OnnxOutput>, Option<&OnnxOutput>),
    layout: Layout,
    norm: FoldedNorms,
) -> Result<(Model, Ports), TrainError> {
    let mut model = onnx::read_whole(path)?;
    opset(&model).map_err(|error| untrained(path, error.into()))?;
    if norm == FoldedNorms::Refuse
        && let Some((count, node)) = folded_norms(&model)
    {
        return Err(TrainError::FoldedNorms { path: path.into(), count, node });
    }
    to_inference(&mut model);
    let input = model.inputs().first().map(|input| input.name.clone()).unwrap_or_default();
    let port = |key, output: Option<&OnnxOutput>| match output {
        Some(output) => port(&model, path, key, output),
        None => Ok(Port { output: String::new(), form: Form::Logits, channel: None }),
    };
    let map = port("network.architecture.map", map)?;
    let score = port("network.architecture.score", score)?;
    Ok((model, Ports { input, layout, map, score }))
}

/// The number of convolutions into which the exporter folded batch norms, and the first one's name.
fn folded_norms(model: &Model) -> Option<(usize, String)> {
    let mut folded = model.graph().node.iter().filter(|node| is_folded(node));
    let first = folded.next()?;
    Some((1 + folded.count(), name_of(first)))
}

/// PyTorch's older exporter gives folded weights a name of its own; the newer one notes its rewrites.
fn is_folded(node: &NodeProto) -> bool {
    let renamed = node.op_type.starts_with("Conv") && node.input.get(1).is_some_and(|it| it.starts_with("onnx::Conv"));
    let is_fusion = |note: &StringStringEntryProto| {
        note.key.ends_with("rewriter.rule_name") && note.value.contains("FuseBatchNorm")
    };
    renamed || node.metadata_props.iter().any(is_fusion)
}

fn port(model: &Model, path: &Path, key: &'static str, declared: &OnnxOutput) -> Result<Port, TrainError> {
    let OnnxOutput { output, values, channel } = declared;
    let outputs: Vec<String> = model.outputs().into_iter().map(|output| output.name).collect();
    if !outputs.contains(output) {
        let there = outputs.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(TrainError::NoOutput { key, path: path.into(), output: output.clone(), there });
    }
    let form = values.and_then(|values| match values {
        Values::Logits => Some(Form::Logits),
        Values::Probabilities => Some(Form::Probabilities),
        Values::Softmax => Some(Form::Softmax),
        Values::Labels => None, // refused by the recipe's rules
    });
    let source = Source::of(model, output, form, channel.map(|channel| channel as usize));
    let source = source.map_err(|source| untrained(path, source))?;
    Ok(Port { output: source.output, form: source.form, channel: *channel })
}

/// An error of the network of a file.
pub(super) fn untrained(path: &Path, source: StepError) -> TrainError {
    TrainError::Step { what: format!("`{}` cannot be trained", path.display()), source: Box::new(source) }
}
