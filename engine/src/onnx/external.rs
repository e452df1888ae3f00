//! The files in which a model keeps weights that are too large for its own.
//!
//! A model may name any path there, and ONNX Runtime reads it; so they are looked at before it does. The messages are
//! those of [`super::proto`] without all that does not lead to a tensor: the rest of the file is skipped over.

use std::collections::BTreeSet;
use std::path::PathBuf;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(message, repeated, tag = "7")]
    graph: Vec<Graph>,
    #[prost(message, repeated, tag = "25")]
    functions: Vec<Function>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "15")]
    sparse_initializer: Vec<SparseTensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Function {
    #[prost(message, repeated, tag = "7")]
    node: Vec<Node>,
    #[prost(message, repeated, tag = "11")]
    attribute: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(message, repeated, tag = "5")]
    t: Vec<Tensor>,
    #[prost(message, repeated, tag = "6")]
    g: Vec<Graph>,
    #[prost(message, repeated, tag = "10")]
    tensors: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    graphs: Vec<Graph>,
    #[prost(message, repeated, tag = "22")]
    sparse_tensor: Vec<SparseTensor>,
    #[prost(message, repeated, tag = "23")]
    sparse_tensors: Vec<SparseTensor>,
}

#[derive(Clone, PartialEq, Message)]
struct SparseTensor {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Tensor>,
    #[prost(message, repeated, tag = "2")]
    indices: Vec<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(message, repeated, tag = "13")]
    external_data: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// The files that a model keeps weights in, relative to its own folder, each once.
///
/// # Errors
/// Where the bytes are no ONNX model, in the decoder's words.
pub fn external_files(model: &[u8]) -> Result<Vec<PathBuf>, String> {
    let model = Model::decode(model).map_err(|error| error.to_string())?;
    let mut found = BTreeSet::new();
    model.graph.iter().for_each(|graph| graph.visit(&mut found));
    for function in &model.functions {
        function.node.iter().flat_map(|node| &node.attribute).for_each(|it| it.visit(&mut found));
        function.attribute.iter().for_each(|it| it.visit(&mut found));
    }
    Ok(found.into_iter().collect())
}

impl Graph {
    fn visit(&self, found: &mut BTreeSet<PathBuf>) {
        self.initializer.iter().for_each(|tensor| tensor.visit(found));
        self.sparse_initializer.iter().for_each(|sparse| sparse.visit(found));
        self.node.iter().flat_map(|node| &node.attribute).for_each(|attribute| attribute.visit(found));
    }
}

impl Attribute {
    fn visit(&self, found: &mut BTreeSet<PathBuf>) {
        self.t.iter().chain(&self.tensors).for_each(|tensor| tensor.visit(found));
        self.sparse_tensor.iter().chain(&self.sparse_tensors).for_each(|sparse| sparse.visit(found));
        self.g.iter().chain(&self.graphs).for_each(|graph| graph.visit(found));
    }
}

impl SparseTensor {
    fn visit(&self, found: &mut BTreeSet<PathBuf>) {
        self.values.iter().chain(&self.indices).for_each(|tensor| tensor.visit(found));
    }
}

impl Tensor {
    fn visit(&self, found: &mut BTreeSet<PathBuf>) {
        let locations = self.external_data.iter().filter(|entry| entry.key == b"location");
        found.extend(locations.map(|entry| PathBuf::from(String::from_utf8_lossy(&entry.value).into_owned())));
    }
}

#[cfg(test)]
mod tests {
    use super::super::proto::{
        AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto,
    };
    use super::*;

    fn tensor(location: &str) -> TensorProto {
        let entry = |key: &str, value: &str| StringStringEntryProto { key: key.into(), value: value.into() };
        let external_data = vec![entry("offset", "0"), entry("location", location)];
        TensorProto { external_data, raw_data: Some(vec![0; 100]), ..TensorProto::default() }
    }

    fn node(attribute: AttributeProto) -> NodeProto {
        NodeProto { attribute: vec![attribute], ..NodeProto::default() }
    }

    #[test]
    fn every_place_of_a_tensor_is_looked_at() {
        let inner = GraphProto { initializer: vec![tensor("in-a-branch")], ..GraphProto::default() };
        let constant = AttributeProto { t: Some(tensor("../constant")), ..AttributeProto::default() };
        let branch = AttributeProto { g: Some(inner), ..AttributeProto::default() };
        let graph = GraphProto {
            initializer: vec![tensor("weights.data"), tensor("weights.data")],
            node: vec![node(constant), node(branch)],
            ..GraphProto::default()
        };
        let called = AttributeProto { tensors: vec![tensor("/function")], ..AttributeProto::default() };
        let function = FunctionProto { node: vec![node(called)], ..FunctionProto::default() };
        let model = ModelProto { graph: Some(graph), functions: vec![function], ..ModelProto::default() };
        let found = external_files(&model.encode_to_vec()).unwrap();
        assert_eq!(found, ["/function", "../constant", "in-a-branch", "weights.data"].map(PathBuf::from));
        assert!(external_files(b"no model at all").is_err());
    }
}
