//! ONNX models: reading, inspecting and writing.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use prost::Message;

use super::proto::{GraphProto, ModelProto, NodeProto};
use super::value::Value;

/// A model with a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    proto: ModelProto,
    graph: GraphProto,
}

/// The last function applied to an output's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activation {
    /// An operator whose results are in 0..=1: its name.
    Probability(String),
    /// An operator whose results are unbounded: its name.
    Other(String),
}

/// Why a model cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The file cannot be read.
    #[error("cannot read model `{}`", path.display())]
    Read {
        /// The model.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The bytes are not an ONNX model.
    #[error("`{}` is not an ONNX model: {reason}", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// What is missing or malformed.
        reason: String,
    },
    /// The weights that a model keeps in another file cannot be read.
    #[error("`{}` keeps weights in another file: {reason}", path.display())]
    External {
        /// The model.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The file cannot be written.
    #[error("cannot write model `{}`", path.display())]
    Write {
        /// The model.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Reads a model. Weights in other files (external data) are not read: see [`read_whole`](super::read_whole).
pub fn read(path: impl AsRef<Path>) -> Result<Model, OnnxError> {
    let path = path.as_ref();
    let bytes =
        pleura_files::regular::read(path).map_err(|source| OnnxError::Read { path: path.to_owned(), source })?;
    decode(&bytes).map_err(|reason| OnnxError::NotOnnx { path: path.to_owned(), reason })
}

/// Decodes a model, or returns what is wrong with it.
fn decode(bytes: &[u8]) -> Result<Model, String> {
    if bytes.starts_with(b"version https://git-lfs") {
        return Err("it is a Git LFS pointer; run `git lfs pull`".into());
    }
    let mut proto = ModelProto::decode(bytes).map_err(|error| error.to_string())?;
    let graph = proto.graph.take().ok_or("it has no graph")?;
    if proto.ir_version < 1 {
        return Err("it states no format version (`ir_version`)".into());
    }
    if graph.output.is_empty() {
        return Err("its graph has no output".into());
    }
    Ok(Model { proto, graph })
}

impl Model {
    /// Builds a model from a header and a graph; `proto.graph` is replaced.
    #[must_use]
    pub fn new(mut proto: ModelProto, graph: GraphProto) -> Self {
        proto.graph = None;
        Self { proto, graph }
    }

    /// The graph's inputs, without the initializers that old models list among them.
    #[must_use]
    pub fn inputs(&self) -> Vec<Value> {
        let constants: HashSet<&str> = self.graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        self.graph.input.iter().filter(|info| !constants.contains(info.name.as_str())).map(Value::from).collect()
    }

    /// The graph's outputs.
    #[must_use]
    pub fn outputs(&self) -> Vec<Value> {
        self.graph.output.iter().map(Value::from).collect()
    }

    /// The node that makes a value; `None` for inputs, initializers and unknown names.
    #[must_use]
    pub fn producer_of(&self, value: &str) -> Option<&NodeProto> {
        self.graph.node.iter().find(|node| node.output.iter().any(|output| output == value))
    }

    /// The last function applied to an output's numbers, found by going back through nodes that only move or pick
    /// numbers, such as Reshape, Transpose or Resize; `None` if that leads to an input or a constant.
    #[must_use]
    pub fn last_activation(&self, output: &str) -> Option<Activation> {
        let mut value = output;
        // a malformed graph may contain a cycle: no path is longer than the number of nodes
        for _ in 0..=self.graph.node.len() {
            let node = self.producer_of(value)?;
            let op = node.op_type.as_str();
            if !MOVERS.contains(&op) {
                let name = op.to_owned();
                return Some(if SQUASHERS.contains(&op) || is_unit_clip(op, self, node) {
                    Activation::Probability(name)
                } else {
                    Activation::Other(name)
                });
            }
            value = node.input.first()?;
        }
        None
    }

    /// The graph.
    #[must_use]
    pub fn graph(&self) -> &GraphProto {
        &self.graph
    }

    /// The graph, mutable.
    pub fn graph_mut(&mut self) -> &mut GraphProto {
        &mut self.graph
    }

    /// Everything but the graph.
    #[must_use]
    pub fn header(&self) -> &ModelProto {
        &self.proto
    }

    /// The file's bytes; the same model gives the same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        ModelProto { graph: Some(self.graph.clone()), ..self.proto.clone() }.encode_to_vec()
    }

    /// Writes the file under a temporary name first, so that a reader never sees half of it.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), OnnxError> {
        let path = path.as_ref();
        let part = path.with_extension("onnx.part");
        let written = std::fs::write(&part, self.to_bytes()).and_then(|()| std::fs::rename(&part, path));
        written.map_err(|source| OnnxError::Write { path: path.to_owned(), source })
    }
}

/// Operators that move, pick or average numbers: results stay within the range of the first input.
const MOVERS: [&str; 18] = [
    "Identity",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Cast",
    "Transpose",
    "Flatten",
    "Resize",
    "Upsample",
    "Slice",
    "Gather",
    "Expand",
    "Dropout",
    "Split",
    "ReduceMax",
    "ReduceMean",
    "GlobalMaxPool",
    "GlobalAveragePool",
];

/// Operators whose results are in 0..=1.
const SQUASHERS: [&str; 3] = ["Sigmoid", "HardSigmoid", "Softmax"];

/// Whether a node clips to 0..=1.
fn is_unit_clip(op: &str, model: &Model, node: &NodeProto) -> bool {
    let bound = |index: usize| {
        let name = node.input.get(index)?;
        model.initializer(name)?.floats().ok()?.first().copied()
    };
    op == "Clip" && bound(1).is_some_and(|low| low >= 0.0) && bound(2).is_some_and(|high| high <= 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dim, ElementType};
    use crate::{GraphBuilder, attribute};

    const SHAPE: fn() -> [Dim; 4] = || ["batch".into(), 1.into(), "height".into(), "width".into()];

    fn model(ops: &[&str]) -> Model {
        let mut graph = GraphBuilder::new("test");
        let mut value = graph.input("image", ElementType::Float, &SHAPE());
        for op in ops {
            value = graph.node(op, &[&value], vec![]);
        }
        graph.output(&value, "map", ElementType::Float, &SHAPE());
        graph.build()
    }

    #[test]
    fn a_written_model_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let written = model(&["Relu", "Sigmoid"]);
        written.write(&path).unwrap();
        let back = read(&path).unwrap();
        assert_eq!(back, written);
        assert_eq!(back.inputs()[0].dims.as_deref(), Some(&SHAPE()[..]));
        assert_eq!(back.outputs()[0].element, Some(ElementType::Float));
    }

    #[test]
    fn what_is_no_model_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let cases: [(&[u8], &str); 4] = [
            (b"", "no graph"),
            (b"PK\x03\x04 a zip file", "decode"),
            (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
            (b"\x08\x09", "no graph"),
        ];
        for (bytes, reason) in cases {
            std::fs::write(&path, bytes).unwrap();
            let message = read(&path).unwrap_err().to_string();
            assert!(message.contains(reason) && message.contains("model.onnx"), "{message}");
        }
        let missing = read(folder.path().join("nowhere.onnx")).unwrap_err().to_string();
        assert!(missing.contains("nowhere.onnx"), "{missing}");
    }

    #[test]
    fn the_last_activation_is_found_behind_reshapes() {
        let cases = [
            (&["Sigmoid"][..], Activation::Probability("Sigmoid".into())),
            (&["Softmax", "Squeeze", "Transpose"], Activation::Probability("Softmax".into())),
            (&["Sigmoid", "Relu"], Activation::Other("Relu".into())),
        ];
        for (ops, expected) in cases {
            assert_eq!(model(ops).last_activation("map"), Some(expected), "{ops:?}");
        }
        assert_eq!(model(&[]).last_activation("map"), None);
        assert_eq!(model(&["Relu"]).last_activation("no such value"), None);
    }

    #[test]
    fn a_clip_to_one_is_a_probability() {
        for (high, expected) in [(1.0, true), (6.0, false)] {
            let mut graph = GraphBuilder::new("clip");
            let image = graph.input("image", ElementType::Float, &SHAPE());
            let (low, high) = (graph.scalar(0.0), graph.scalar(high));
            let clipped = graph.node("Clip", &[&image, &low, &high], vec![]);
            graph.output(&clipped, "map", ElementType::Float, &SHAPE());
            let found = graph.build().last_activation("map");
            assert_eq!(matches!(found, Some(Activation::Probability(_))), expected, "{found:?}");
        }
    }

    #[test]
    fn initializers_listed_as_inputs_are_not_inputs() {
        let mut graph = GraphBuilder::new("old");
        let image = graph.input("image", ElementType::Float, &SHAPE());
        let kernel = graph.constant("kernel", &[1, 1, 1, 1], &[1.0]);
        graph.input(&kernel, ElementType::Float, &[1.into(), 1.into(), 1.into(), 1.into()]);
        let map = graph.node("Conv", &[&image, &kernel], vec![attribute::ints("kernel_shape", &[1, 1])]);
        graph.output(&map, "map", ElementType::Float, &SHAPE());
        let names: Vec<_> = graph.build().inputs().into_iter().map(|value| value.name).collect();
        assert_eq!(names, ["image"]);
    }
}
