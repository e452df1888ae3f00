//! A graph under construction whose shapes are all known: the training step is written into one.
//!
//! Every node is checked by its operator's [shape rule](crate::ops) as it is added. Integers that depend only on shapes
//! (what exporters write around `Reshape` and `Resize`) are computed immediately. Nodes that are added while the trace
//! records are kept on a tape, along which [`crate::backward`] goes back.

mod arithmetic;
mod attributes;
mod autocast;
mod fold;
mod layout;
mod shorthand;
mod target;

use std::collections::{HashMap, HashSet};

use pleura::onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};
use pleura::onnx::{Dim, ElementType, Model, value_info};

pub use attributes::{Attributes, axis};
pub(crate) use fold::{bounds, read};
pub use target::Target;

use crate::ops;

/// Lengths of the axes.
pub type Shape = Vec<usize>;

/// An element type and a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The element type.
    pub element: ElementType,
    /// Lengths of the axes.
    pub shape: Shape,
}

/// Numbers that are known when the graph is built, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    /// 64-bit integers; booleans and 32-bit integers are stored as such, too.
    Ints(Vec<i64>),
    /// 32-bit floats.
    Floats(Vec<f32>),
}

/// What is known about a value.
#[derive(Debug, Clone)]
struct Known {
    typed: Typed,
    constant: Option<Constant>,
    /// Whether a constant is already in the graph: one without consumers is left out.
    written: bool,
}

/// Why a node cannot be part of the training step.
#[derive(Debug, thiserror::Error)]
#[error("in node `{node}` ({op}): {reason}")]
pub struct NodeError {
    /// The node's name, or its first output's.
    pub node: String,
    /// The operator.
    pub op: String,
    /// What is wrong.
    pub reason: String,
}

impl NodeError {
    /// An error of a node.
    #[must_use]
    pub fn of(node: &NodeProto, reason: String) -> Self {
        Self { node: name_of(node), op: node.op_type.clone(), reason }
    }
}

/// A graph under construction.
#[derive(Debug, Default)]
pub struct Trace {
    graph: GraphProto,
    known: HashMap<String, Known>,
    tape: Vec<NodeProto>,
    needs: HashSet<String>,
    recording: bool,
    names: usize,
    reserved: HashSet<String>,
    target: Target,
    /// Whether nodes that are added are computed in single precision in any case.
    is_exact: bool,
    /// The outputs of such nodes.
    exact: HashSet<String>,
    /// Values that are passed on in 16 bits in mixed precision, though computed in single precision.
    rounded: HashSet<String>,
    /// The number of nodes after each step of the backward pass.
    marks: Vec<usize>,
}

impl Trace {
    /// An empty graph for the CPU that records.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::on(Target::Cpu, name)
    }

    /// An empty graph for a kind of device that records.
    #[must_use]
    pub fn on(target: Target, name: &str) -> Self {
        let graph = GraphProto { name: name.to_owned(), ..GraphProto::default() };
        Self { graph, recording: true, target, ..Self::default() }
    }

    /// The kind of device for which the graph is written.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target
    }

    /// Declares an input of floats of this shape.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> String {
        self.graph.input.push(value_info(name, ElementType::Float, &dims(shape)));
        self.know(name, Typed { element: ElementType::Float, shape: shape.to_vec() }, None);
        name.to_owned()
    }

    /// Declares that the gradient of a value is needed, and so those of values computed from it.
    pub fn require(&mut self, value: &str) {
        self.needs.insert(value.to_owned());
    }

    /// Declares a value as constant, whatever it is computed from: no gradient flows through it.
    pub fn release(&mut self, value: &str) {
        self.needs.remove(value);
    }

    /// Whether a gradient flows through a value.
    #[must_use]
    pub fn needs(&self, value: &str) -> bool {
        self.needs.contains(value)
    }

    /// Declares that a value is an output under this name.
    pub fn output(&mut self, value: &str, name: &str) {
        let typed = self.typed(value).clone();
        let node = node("Identity", &[value], &[name], vec![]);
        self.write_constants(&node);
        self.graph.node.push(node);
        self.graph.output.push(value_info(name, typed.element, &dims(&typed.shape)));
    }

    /// Adds a constant under a name; it enters the graph with the first node that uses it.
    pub fn constant(&mut self, name: &str, shape: &[usize], constant: Constant) -> String {
        let element = match constant {
            Constant::Ints(_) => ElementType::Int64,
            Constant::Floats(_) => ElementType::Float,
        };
        self.known_value(name, Typed { element, shape: shape.to_vec() }, constant);
        name.to_owned()
    }

    /// Adds a constant of another model under its name, with its own element type.
    pub fn known_value(&mut self, name: &str, typed: Typed, constant: Constant) {
        self.know(name, typed, Some(constant));
    }

    /// Adds a node of one output, under a generated name.
    ///
    /// # Panics
    /// If the operator's shape rule refuses it: a mistake in the code that writes the graph. Nodes of foreign graphs
    /// go through [`Trace::take`].
    pub fn emit(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        self.emit_all(op, inputs, 1, attributes).swap_remove(0)
    }

    /// As [`Trace::emit`], for operators of several outputs.
    ///
    /// # Panics
    /// As [`Trace::emit`].
    pub fn emit_all(&mut self, op: &str, inputs: &[&str], outputs: usize, attrs: Vec<AttributeProto>) -> Vec<String> {
        let names: Vec<String> = (0..outputs).map(|_| self.fresh(op)).collect();
        let outputs: Vec<&str> = names.iter().map(String::as_str).collect();
        let taken = self.take(node(op, inputs, &outputs, attrs));
        taken.unwrap_or_else(|error| panic!("the training step is not valid: {error}"));
        names
    }

    /// Adds an existing node.
    ///
    /// # Errors
    /// If the operator is unknown, or does not accept such inputs.
    pub fn take(&mut self, node: NodeProto) -> Result<(), NodeError> {
        let refused = |reason: String| NodeError::of(&node, reason);
        if let Some(missing) = node.input.iter().find(|name| !name.is_empty() && !self.known.contains_key(*name)) {
            return Err(refused(format!("its input `{missing}` does not exist")));
        }
        if let Some((typed, constant)) = fold::fold(self, &node).map_err(refused)? {
            self.know(&node.output[0], typed, Some(constant));
            return Ok(());
        }
        let rule = ops::find(&node.op_type).ok_or_else(|| refused(ops::unsupported()))?;
        let types = (rule.shape)(self, &node).map_err(refused)?;
        for (name, typed) in node.output.iter().zip(types) {
            self.know(name, typed, None);
        }
        self.write_constants(&node);
        if self.recording && node.input.iter().any(|input| self.needs.contains(input)) {
            self.needs.extend(node.output.iter().cloned());
            self.tape.push(node.clone());
        }
        if self.is_exact {
            self.exact.extend(node.output.iter().cloned());
        }
        self.graph.node.push(node);
        Ok(())
    }

    /// The names of the inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &String> {
        self.graph.input.iter().map(|input| &input.name)
    }

    /// The nodes so far, in order.
    #[must_use]
    pub fn nodes(&self) -> &[NodeProto] {
        &self.graph.node
    }

    /// Notes that a step of the backward pass ends here.
    pub fn mark(&mut self) {
        self.marks.push(self.graph.node.len());
    }

    /// The number of nodes at the end of each step of the backward pass.
    #[must_use]
    pub fn marks(&self) -> &[usize] {
        &self.marks
    }

    /// Removes all nodes from the `first` on, to be put back by [`Trace::put`], possibly among others. What is known
    /// about their outputs stays.
    pub fn lift(&mut self, first: usize) -> Vec<NodeProto> {
        self.graph.node.split_off(first)
    }

    /// Adds a node whose outputs have these types, without checking it.
    pub fn put(&mut self, node: NodeProto, types: &[Typed]) {
        for (name, typed) in node.output.iter().zip(types) {
            self.know(name, typed.clone(), None);
        }
        self.write_constants(&node);
        self.graph.node.push(node);
    }

    /// Tells ONNX Runtime the lengths of a value, which it cannot infer; with `is_open`, except for the first.
    pub fn state_shape(&mut self, name: &str, is_open: bool) {
        let typed = self.typed(name);
        let mut dims = dims(&typed.shape);
        if let Some(first) = dims.first_mut().filter(|_| is_open) {
            *first = Dim::Dynamic(String::new());
        }
        let info = value_info(name, typed.element, &dims);
        self.graph.value_info.push(info);
    }

    /// Stops recording and returns the nodes through which a gradient flows, in order.
    pub fn stop(&mut self) -> Vec<NodeProto> {
        self.recording = false;
        std::mem::take(&mut self.tape)
    }

    /// Puts several nodes on the tape as one, `node`, whose gradient is known as a whole; `write` adds them.
    pub fn record_as(&mut self, node: NodeProto, write: impl FnOnce(&mut Self)) {
        let recording = std::mem::replace(&mut self.recording, false);
        write(self);
        self.recording = recording;
        if recording && node.input.iter().any(|input| self.needs.contains(input)) {
            self.needs.extend(node.output.iter().cloned());
            self.tape.push(node);
        }
    }

    /// Renames a value.
    pub fn rename(&mut self, value: &str, name: &str) {
        let renamed = self.take(node("Identity", &[value], &[name], vec![]));
        renamed.expect("a value that exists can be passed on");
    }

    /// A value's element type and shape.
    ///
    /// # Panics
    /// If there is no such value.
    #[must_use]
    pub fn typed(&self, value: &str) -> &Typed {
        &self.known.get(value).unwrap_or_else(|| panic!("no value `{value}`")).typed
    }

    /// A value's shape.
    ///
    /// # Panics
    /// If there is no such value.
    #[must_use]
    pub fn shape(&self, value: &str) -> &[usize] {
        &self.typed(value).shape
    }

    /// Whether a value exists.
    #[must_use]
    pub fn has(&self, value: &str) -> bool {
        self.known.contains_key(value)
    }

    /// A value's numbers, if they are known.
    #[must_use]
    pub fn known(&self, value: &str) -> Option<&Constant> {
        self.known.get(value)?.constant.as_ref()
    }

    /// The model, without the nodes on which no output depends: ONNX Runtime would run them.
    #[must_use]
    pub fn into_model(mut self) -> Model {
        let mut used: HashSet<String> = self.graph.output.iter().map(|output| output.name.clone()).collect();
        let mut nodes = std::mem::take(&mut self.graph.node);
        nodes.reverse();
        nodes.retain(|node| {
            let is_used = node.output.iter().any(|output| used.contains(output));
            if is_used {
                used.extend(node.input.iter().cloned());
            }
            is_used
        });
        nodes.reverse();
        self.graph.node = nodes;
        self.graph.initializer.retain(|tensor| used.contains(&tensor.name));
        self.graph.into()
    }

    /// A name that no other value has or will have.
    pub fn fresh(&mut self, stem: &str) -> String {
        loop {
            self.names += 1;
            let name = format!("{}.{}", stem.to_lowercase(), self.names);
            if !self.known.contains_key(&name) && !self.reserved.contains(&name) {
                return name;
            }
        }
    }

    /// Reserves names for values that are added later.
    pub fn reserve<'n>(&mut self, names: impl IntoIterator<Item = &'n String>) {
        self.reserved.extend(names.into_iter().cloned());
    }

    fn know(&mut self, name: &str, typed: Typed, constant: Option<Constant>) {
        self.known.insert(name.to_owned(), Known { typed, constant, written: false });
    }

    fn write_constants(&mut self, node: &NodeProto) {
        for name in &node.input {
            let Some(known) = self.known.get_mut(name) else { continue };
            if let (Some(constant), false) = (&known.constant, known.written) {
                self.graph.initializer.push(tensor(name, &known.typed, constant));
                known.written = true;
            }
        }
    }
}

/// A node as a message, named after its first output.
#[must_use]
pub fn node(op: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<AttributeProto>) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto {
        input: owned(inputs),
        output: owned(outputs),
        name: outputs[0].to_owned(),
        op_type: op.to_owned(),
        attribute,
        ..NodeProto::default()
    }
}

/// A node's name, or its first output's.
#[must_use]
pub fn name_of(node: &NodeProto) -> String {
    if node.name.is_empty() { node.output.first().cloned().unwrap_or_default() } else { node.name.clone() }
}

fn dims(shape: &[usize]) -> Vec<Dim> {
    shape.iter().map(|&length| Dim::Fixed(length as i64)).collect()
}

fn tensor(name: &str, typed: &Typed, constant: &Constant) -> TensorProto {
    let raw = match (constant, typed.element) {
        (Constant::Floats(numbers), _) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        (Constant::Ints(numbers), ElementType::Bool) => numbers.iter().map(|&number| u8::from(number != 0)).collect(),
        (Constant::Ints(numbers), ElementType::Int32) => {
            numbers.iter().flat_map(|&number| (number as i32).to_le_bytes()).collect()
        }
        (Constant::Ints(numbers), _) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
    };
    TensorProto {
        dims: typed.shape.iter().map(|&length| length as i64).collect(),
        data_type: typed.element.into(),
        name: name.to_owned(),
        raw_data: Some(raw),
        ..TensorProto::default()
    }
}
