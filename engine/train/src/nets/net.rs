//! A network under construction: nodes over weights whose numbers are drawn at the end.

use std::fmt::{self, Display};

use pleura::onnx::proto::AttributeProto;
use pleura::onnx::{Dim, ElementType, GraphBuilder, Model, attribute};
use pleura::pool::Pool;
use rayon::prelude::*;

use super::CONSTANT_PREFIX;
use super::draw::{Draw, Scheme};

/// A value of the graph, with `channels` channels along its second axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// The name in the graph.
    pub value: String,
    /// The number of channels.
    pub channels: i64,
}

/// The position of a module in PyTorch's tree of modules, the prefix of its weights' names: `encoder.layer1.0`.
#[derive(Debug, Clone)]
pub struct Scope(String);

impl Scope {
    /// A top-level module.
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// A submodule, by its name or number.
    pub fn at(&self, name: impl Display) -> Self {
        Self(format!("{self}.{name}"))
    }
}

impl Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A weight, or a running statistic, without its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight {
    /// PyTorch's key.
    pub name: String,
    /// PyTorch's shape.
    pub shape: Vec<i64>,
    /// The distribution of its initial numbers.
    pub draw: Draw,
}

/// A network under construction.
#[derive(Debug)]
pub struct Net {
    graph: GraphBuilder,
    weights: Vec<Weight>,
    /// The initialisation of the convolutions and linear layers that follow.
    pub scheme: Scheme,
    /// Group norms with this many groups instead of batch norms; if the channels are not a multiple, with as many as
    /// also divide the channels.
    pub groups: Option<i64>,
    /// Settings of the batch norms that follow.
    pub norm: Norm,
}

/// A batch norm's settings, in PyTorch's terms.
#[derive(Debug, Clone, Copy)]
pub struct Norm {
    /// Added to the variance.
    pub epsilon: f32,
    /// The share of the batch's statistics in the new running ones.
    pub momentum: f32,
}

impl Norm {
    /// PyTorch's defaults.
    pub const DEFAULT: Self = Self { epsilon: 1e-5, momentum: 0.1 };
}

impl Net {
    /// A network without nodes.
    pub fn new(name: &str) -> Self {
        let graph = GraphBuilder::new(name);
        Self { graph, weights: Vec::new(), scheme: Scheme::Torch, groups: None, norm: Norm::DEFAULT }
    }

    /// Declares an input of floats.
    pub fn input(&mut self, name: &str, dims: &[Dim]) -> String {
        self.graph.input(name, ElementType::Float, dims)
    }

    /// Declares a value as an output.
    pub fn output(&mut self, value: &str, name: &str, dims: &[Dim]) {
        self.graph.output(value, name, ElementType::Float, dims);
    }

    /// The image: (batch, channels, height, width).
    pub fn image(&mut self, channels: i64) -> Tensor {
        let dims = ["batch".into(), channels.into(), "height".into(), "width".into()];
        Tensor { value: self.input("image", &dims), channels }
    }

    /// Declares the map of logits, (batch, 1, height, width).
    pub fn answer_map(&mut self, map: &Tensor) {
        let dims = ["batch".into(), 1.into(), "height".into(), "width".into()];
        self.output(&map.value, "map", &dims);
    }

    /// Declares one logit per image, from (batch, 1).
    pub fn answer_score(&mut self, score: &Tensor) {
        let score = self.reshape(score, &[-1], 1);
        self.output(&score.value, "score", &["batch".into()]);
    }

    /// The weights, in the order of their use.
    #[cfg(test)]
    pub fn weights(&self) -> &[Weight] {
        &self.weights
    }

    /// The model, with the numbers that `numbers` gives for each weight.
    pub fn finish(mut self, numbers: impl Fn(&Weight) -> Vec<f32> + Send + Sync) -> Model {
        let drawn: Vec<_> = match Pool::shared(0) {
            Ok(pool) => pool.run(|| self.weights.par_iter().map(numbers).collect()),
            // the same numbers, later
            Err(_) => self.weights.iter().map(numbers).collect(),
        };
        for (weight, numbers) in self.weights.iter().zip(&drawn) {
            self.graph.constant(&weight.name, &weight.shape, numbers);
        }
        self.graph.build()
    }

    /// Adds a weight; returns its name.
    pub fn weight(&mut self, name: String, shape: &[i64], draw: Draw) -> String {
        self.weights.push(Weight { name: name.clone(), shape: shape.to_vec(), draw });
        name
    }

    /// A node whose result has `channels` channels.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>, channels: i64) -> Tensor {
        Tensor { value: self.graph.node(op, inputs, attributes), channels }
    }

    /// A scalar constant that is not a weight.
    pub fn number(&mut self, number: f32) -> String {
        self.numbers(&format!("{number}"), &[], &[number])
    }

    /// Constants that are not weights; the same name is stored once.
    pub fn numbers(&mut self, name: &str, shape: &[i64], numbers: &[f32]) -> String {
        let name = format!("{CONSTANT_PREFIX}{name}");
        if self.graph.find(&name).is_some() { name } else { self.graph.constant(&name, shape, numbers) }
    }

    /// Integers: axes or a shape.
    pub fn integers(&mut self, numbers: &[i64]) -> String {
        let text: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let name = format!("{CONSTANT_PREFIX}[{}]", text.join(","));
        if self.graph.find(&name).is_some() { name } else { self.graph.integers(&name, numbers) }
    }

    /// A node of one input that keeps the shape: Relu, Sigmoid, Exp, …
    pub fn map(&mut self, op: &str, x: &Tensor) -> Tensor {
        self.node(op, &[&x.value], vec![], x.channels)
    }

    /// A node of two inputs that are broadcast against each other: Add, Sub, Mul, Div. The first determines the
    /// channels.
    pub fn pair(&mut self, op: &str, one: &Tensor, other: &Tensor) -> Tensor {
        self.node(op, &[&one.value, &other.value], vec![], one.channels)
    }

    /// Reshapes; 0 keeps an axis, and -1 is the rest.
    pub fn reshape(&mut self, x: &Tensor, shape: &[i64], channels: i64) -> Tensor {
        let shape = self.integers(shape);
        self.node("Reshape", &[&x.value, &shape], vec![], channels)
    }

    /// Concatenates values along the channels.
    pub fn concat(&mut self, parts: &[&Tensor]) -> Tensor {
        let inputs: Vec<_> = parts.iter().map(|part| part.value.as_str()).collect();
        let channels = parts.iter().map(|part| part.channels).sum();
        self.node("Concat", &inputs, vec![attribute::int("axis", 1)], channels)
    }

    /// The mean over axes, which are kept with length 1.
    pub fn mean(&mut self, x: &Tensor, axes: &[i64]) -> Tensor {
        self.reduce("ReduceMean", x, axes)
    }

    /// ReduceMean, ReduceSum or ReduceMax over axes, which are kept with length 1.
    pub fn reduce(&mut self, op: &str, x: &Tensor, axes: &[i64]) -> Tensor {
        let list = self.integers(axes);
        let channels = if axes.contains(&1) { 1 } else { x.channels };
        self.node(op, &[&x.value, &list], vec![attribute::int("keepdims", 1)], channels)
    }

    /// Dropout, which is off in inference; the trainer switches it on. No node at rate 0.
    pub fn dropout(&mut self, x: &Tensor, rate: f32) -> Tensor {
        if rate == 0.0 {
            return x.clone();
        }
        let rate = self.number(rate);
        self.node("Dropout", &[&x.value, &rate], vec![], x.channels)
    }
}
