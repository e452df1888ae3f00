//! What a model needs besides its file: external files of weights, and the memory of sparse tensors.
//!
//! A model may name any path, and ONNX Runtime reads it; a sparse tensor of a few bytes may have any shape, and ONNX
//! Runtime makes it dense. So both are checked first.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::ElementType;
use super::skeleton::{Attribute, Graph, Skeleton, SparseTensor, Tensor};

impl Skeleton {
    /// The external files of the model's weights, relative to its own folder, each once, sorted by name.
    #[must_use]
    pub fn external_files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        self.visit(&mut |tensor| {
            if let AnyTensor::Dense(tensor) = tensor {
                let locations = tensor.external_data.iter().filter(|entry| entry.key == b"location");
                found.extend(locations.map(|entry| PathBuf::from(String::from_utf8_lossy(&entry.value).into_owned())));
            }
        });
        found
    }

    /// The bytes that the model's sparse tensors take once they are dense.
    #[must_use]
    pub fn sparse_bytes(&self) -> u64 {
        let mut bytes = 0_u64;
        self.visit(&mut |tensor| {
            if let AnyTensor::Sparse(sparse) = tensor {
                bytes = bytes.saturating_add(sparse.dense_bytes());
            }
        });
        bytes
    }

    /// Whether more of the model's constants are 16-bit floats than 32-bit ones, by their number.
    #[must_use]
    pub fn is_mostly_half(&self) -> bool {
        let (mut half, mut single) = (0_u64, 0_u64);
        self.visit(&mut |tensor| {
            let AnyTensor::Dense(Tensor { dims, data_type, .. }) = tensor else { return };
            let sum = match ElementType::from(*data_type) {
                ElementType::Half | ElementType::BFloat16 => &mut half,
                ElementType::Float => &mut single,
                _ => return,
            };
            *sum = sum.saturating_add(product(dims, 1));
        });
        half > single
    }

    /// Calls `visitor` for every tensor.
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.graph.iter().for_each(|graph| graph.visit(visitor));
        for function in &self.functions {
            function.node.iter().flat_map(|node| &node.attribute).for_each(|it| it.visit(visitor));
            function.attribute.iter().for_each(|it| it.visit(visitor));
        }
    }
}

enum AnyTensor<'a> {
    Dense(&'a Tensor),
    Sparse(&'a SparseTensor),
}

type Visitor<'a> = dyn FnMut(AnyTensor<'_>) + 'a;

impl Graph {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.initializer.iter().for_each(|tensor| visitor(AnyTensor::Dense(tensor)));
        self.sparse_initializer.iter().for_each(|sparse| sparse.visit(visitor));
        self.node.iter().flat_map(|node| &node.attribute).for_each(|attribute| attribute.visit(visitor));
    }
}

impl Attribute {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.t.iter().chain(&self.tensors).for_each(|tensor| visitor(AnyTensor::Dense(tensor)));
        self.sparse_tensor.iter().chain(&self.sparse_tensors).for_each(|sparse| sparse.visit(visitor));
        self.g.iter().chain(&self.graphs).for_each(|graph| graph.visit(visitor));
    }
}

impl SparseTensor {
    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.values.iter().chain(&self.indices).for_each(|tensor| visitor(AnyTensor::Dense(tensor)));
        visitor(AnyTensor::Sparse(self));
    }

    fn dense_bytes(&self) -> u64 {
        let element = self.values.last().map_or(0, |values| element_bytes(values.data_type));
        product(&self.dims, element)
    }
}

/// The product of lengths and a factor.
fn product(dims: &[i64], factor: u64) -> u64 {
    dims.iter().map(|&length| u64::try_from(length).unwrap_or(0)).fold(factor, u64::saturating_mul)
}

/// The bytes of an element, by ONNX's number of its type; an unknown type counts as the largest.
fn element_bytes(data_type: i32) -> u64 {
    match data_type {
        2 | 3 | 9 => 1,        // uint8, int8, bool
        4 | 5 | 10 | 16 => 2,  // uint16, int16, float16, bfloat16
        1 | 6 | 12 => 4,       // float, int32, uint32
        7 | 11 | 13 | 14 => 8, // int64, double, uint64, complex64
        _ => 16,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::proto::{
        AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, StringStringEntryProto,
        TensorProto,
    };
    use super::*;

    fn tensor(location: &str) -> TensorProto {
        let entry = |key: &str, value: &str| StringStringEntryProto { key: key.into(), value: value.into() };
        let external_data = vec![entry("offset", "0"), entry("location", location)];
        TensorProto { external_data, raw_data: Some(vec![0; 100]), ..TensorProto::default() }
    }

    fn skeleton(model: &ModelProto) -> Skeleton {
        Skeleton::read(&model.encode_to_vec()).unwrap()
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
        let found = skeleton(&model).external_files();
        assert_eq!(found, ["/function", "../constant", "in-a-branch", "weights.data"].map(PathBuf::from).into());
        assert!(Skeleton::read(b"no model at all").is_err());
    }

    #[test]
    fn sparse_tensors_count_as_dense_ones_wherever_they_are() {
        let sparse = |data_type, dims: &[i64]| {
            let values = TensorProto { data_type, ..TensorProto::default() };
            SparseTensorProto { values: Some(values), dims: dims.to_vec(), ..SparseTensorProto::default() }
        };
        let constant = AttributeProto { sparse_tensor: Some(sparse(11, &[5])), ..AttributeProto::default() };
        let bytes = |sparse_initializer| {
            let node = vec![node(constant.clone())];
            let graph = Some(GraphProto { node, sparse_initializer, ..GraphProto::default() });
            skeleton(&ModelProto { graph, ..ModelProto::default() }).sparse_bytes()
        };
        assert_eq!(bytes(vec![]), 40);
        assert_eq!(bytes(vec![sparse(1, &[1 << 20, 3]), sparse(10, &[])]), 40 + (12 << 20) + 2);
        assert_eq!(bytes(vec![sparse(1, &[i64::MAX, i64::MAX])]), u64::MAX);
    }

    #[test]
    fn the_type_of_most_weights_counts_not_of_most_tensors() {
        let tensor = |data_type, dims: &[i64]| TensorProto { data_type, dims: dims.to_vec(), ..TensorProto::default() };
        let is_half = |initializer| {
            let graph = Some(GraphProto { initializer, ..GraphProto::default() });
            skeleton(&ModelProto { graph, ..ModelProto::default() }).is_mostly_half()
        };
        let (weights, scales) = ([64, 3, 7, 7], [64]);
        assert!(is_half(vec![tensor(10, &weights), tensor(1, &scales), tensor(1, &scales)]));
        assert!(is_half(vec![tensor(16, &weights)]));
        assert!(!is_half(vec![tensor(1, &weights), tensor(10, &scales), tensor(10, &scales), tensor(10, &[])]));
        assert!(!is_half(vec![tensor(7, &[4])]) && !is_half(vec![]));
    }
}
