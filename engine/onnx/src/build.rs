//! Writes graphs, node by node.

use super::model::Model;
use super::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::value::{Dim, ElementType};

/// The operator set of the models written here.
pub const OPSET: i64 = 18;

/// The file format version of the models written here.
pub const IR_VERSION: i64 = 9;

/// A graph under construction. Values have names; every node makes one value, named after its operator.
#[derive(Debug, Clone)]
pub struct GraphBuilder {
    graph: GraphProto,
    names: usize,
}

impl GraphBuilder {
    /// An empty graph.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { graph: GraphProto { name: name.to_owned(), ..GraphProto::default() }, names: 0 }
    }

    /// Sets the graph's description, for people.
    pub fn describe(&mut self, text: &str) {
        text.clone_into(&mut self.graph.doc_string);
    }

    /// Declares an input and returns its name.
    pub fn input(&mut self, name: &str, element: ElementType, dims: &[Dim]) -> String {
        self.graph.input.push(value_info(name, element, dims));
        name.to_owned()
    }

    /// Declares a value as an output of the graph, under this name.
    pub fn output(&mut self, value: &str, name: &str, element: ElementType, dims: &[Dim]) {
        self.push("Identity", &[value], name, vec![]);
        self.graph.output.push(value_info(name, element, dims));
    }

    /// Adds a constant of 32-bit floats, row-major, and returns its name.
    ///
    /// # Panics
    /// If the count of `numbers` does not match `shape`: a mistake in the code that builds the graph.
    pub fn constant(&mut self, name: &str, shape: &[i64], numbers: &[f32]) -> String {
        let raw = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.initializer(name, shape, numbers.len(), ElementType::Float, raw)
    }

    /// Adds a constant list of 64-bit integers and returns its name.
    pub fn integers(&mut self, name: &str, numbers: &[i64]) -> String {
        let raw = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let shape = [i64::try_from(numbers.len()).unwrap_or(i64::MAX)];
        self.initializer(name, &shape, numbers.len(), ElementType::Int64, raw)
    }

    /// Adds a scalar constant and returns its name; the same number is stored once.
    pub fn scalar(&mut self, number: f32) -> String {
        let raw = number.to_le_bytes().to_vec();
        let known = |tensor: &&TensorProto| tensor.dims.is_empty() && tensor.raw_data.as_ref() == Some(&raw);
        match self.graph.initializer.iter().find(known) {
            Some(tensor) => tensor.name.clone(),
            None => self.initializer(&format!("number_{number}"), &[], 1, ElementType::Float, raw),
        }
    }

    /// The constant of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&TensorProto> {
        self.graph.initializer.iter().find(|tensor| tensor.name == name)
    }

    /// Adds a node and returns the name of its value. An empty input name omits an optional input.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        self.names += 1;
        let value = format!("{}_{}", op.to_lowercase(), self.names);
        self.push(op, inputs, &value, attributes);
        value
    }

    /// The model: this graph with the operator set [`OPSET`].
    #[must_use]
    pub fn build(self) -> Model {
        self.graph.into()
    }

    fn push(&mut self, op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: op.to_owned(),
            attribute,
            ..NodeProto::default()
        });
    }

    fn initializer(&mut self, name: &str, shape: &[i64], len: usize, element: ElementType, raw: Vec<u8>) -> String {
        let expected: i64 = shape.iter().product();
        assert_eq!(usize::try_from(expected), Ok(len), "constant `{name}` of shape {shape:?}");
        self.graph.initializer.push(TensorProto {
            dims: shape.to_vec(),
            data_type: element.into(),
            name: name.to_owned(),
            raw_data: Some(raw),
            ..TensorProto::default()
        });
        name.to_owned()
    }
}

impl From<GraphProto> for Model {
    /// A model of a graph whose nodes are of the operator set [`OPSET`].
    fn from(graph: GraphProto) -> Self {
        let header = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "pleura".to_owned(),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            ..ModelProto::default()
        };
        Self::new(header, graph)
    }
}

/// The name and type of a tensor.
#[must_use]
pub fn value_info(name: &str, element: ElementType, dims: &[Dim]) -> ValueInfoProto {
    let dim = dims.iter().map(DimensionProto::from).collect();
    let tensor = TensorTypeProto { elem_type: element.into(), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor) }),
        doc_string: String::new(),
    }
}

impl From<&Dim> for DimensionProto {
    fn from(dim: &Dim) -> Self {
        match dim {
            Dim::Fixed(length) => Self { dim_value: Some(*length), dim_param: None },
            Dim::Dynamic(name) => {
                Self { dim_value: None, dim_param: Some(name.clone()).filter(|name| !name.is_empty()) }
            }
        }
    }
}

/// Constructors of node attributes.
pub mod attribute {
    use super::super::proto::{AttributeKind, AttributeProto};

    /// An integer.
    #[must_use]
    pub fn int(name: &str, value: i64) -> AttributeProto {
        AttributeProto { i: Some(value), ..named(name, AttributeKind::Int) }
    }

    /// Integers.
    #[must_use]
    pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
        AttributeProto { ints: values.to_vec(), ..named(name, AttributeKind::Ints) }
    }

    /// A float.
    #[must_use]
    pub fn float(name: &str, value: f32) -> AttributeProto {
        AttributeProto { f: Some(value), ..named(name, AttributeKind::Float) }
    }

    /// Floats.
    #[must_use]
    pub fn floats(name: &str, values: &[f32]) -> AttributeProto {
        AttributeProto { floats: values.to_vec(), ..named(name, AttributeKind::Floats) }
    }

    /// A string.
    #[must_use]
    pub fn string(name: &str, value: &str) -> AttributeProto {
        AttributeProto { s: Some(value.as_bytes().to_vec()), ..named(name, AttributeKind::String) }
    }

    fn named(name: &str, kind: AttributeKind) -> AttributeProto {
        AttributeProto { name: name.to_owned(), r#type: kind.into(), ..AttributeProto::default() }
    }
}
