//! The operators that training supports: for each, its output shapes and its gradient.
//!
//! To add one, add a row to a table: an [`Op`] with its two rules.

mod conv;
mod conv_gradient;
mod einsum;
mod elementwise;
mod layout;
mod logic;
mod matrix;
mod norm;
mod pool;
mod reduce;
mod resize;
mod select;
mod slices;
mod softmax;
mod sort;
mod taps;
#[cfg(test)]
mod tests;
mod weight_gradient;

use std::collections::HashMap;
use std::sync::LazyLock;

use pleura::onnx::proto::NodeProto;

use crate::backward::Backward;
use crate::trace::{Trace, Typed};

pub(crate) use conv::{Geometry, conv_geometry};
pub(crate) use norm::by_batch;
pub(crate) use pool::without_ceil;
pub(crate) use resize::repeats;

/// The types of a node's outputs, or why the operator does not accept its inputs.
pub type ShapeRule = fn(&Trace, &NodeProto) -> Result<Vec<Typed>, String>;

/// Passes on the gradients of a node's inputs, computed from those of its outputs, at least one of which exists.
pub type GradientRule = fn(&mut Backward<'_>, &NodeProto, &[Option<String>]) -> Result<(), String>;

/// An operator of ONNX.
#[derive(Clone, Copy)]
pub struct Op {
    /// Its name.
    pub name: &'static str,
    /// The rule for its output shapes.
    pub shape: ShapeRule,
    /// The rule for its gradient; `None` if no gradient flows through it.
    pub gradient: Option<GradientRule>,
}

impl Op {
    const fn new(name: &'static str, shape: ShapeRule, gradient: GradientRule) -> Self {
        Self { name, shape, gradient: Some(gradient) }
    }

    /// An operator through which no gradient flows.
    const fn flat(name: &'static str, shape: ShapeRule) -> Self {
        Self { name, shape, gradient: None }
    }
}

static OPS: LazyLock<HashMap<&'static str, Op>> = LazyLock::new(|| {
    let tables: [&[Op]; 12] = [
        conv::OPS,
        einsum::OPS,
        elementwise::OPS,
        layout::OPS,
        logic::OPS,
        matrix::OPS,
        norm::OPS,
        pool::OPS,
        reduce::OPS,
        resize::OPS,
        slices::OPS,
        softmax::OPS,
    ];
    tables.into_iter().chain([sort::OPS]).flatten().map(|op| (op.name, *op)).collect()
});

/// The operator of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Op> {
    OPS.get(name)
}

/// The message for an unknown operator: the list of supported ones.
#[must_use]
pub fn unsupported() -> String {
    let mut names: Vec<&str> = OPS.keys().copied().chain(crate::forward::expand::EXPANDED).collect();
    names.sort_unstable();
    format!("training does not support this operator; it supports {}", names.join(", "))
}

/// The first output's gradient.
fn first(gradients: &[Option<String>]) -> Result<&str, String> {
    gradients[0].as_deref().ok_or_else(|| "only its first output can be trained through".into())
}

/// The type of an input, for an output of the same type.
fn like(trace: &Trace, node: &NodeProto, input: usize) -> Typed {
    trace.typed(&node.input[input]).clone()
}

/// The name of an optional input, if given.
fn optional(node: &NodeProto, input: usize) -> Option<&str> {
    node.input.get(input).map(String::as_str).filter(|name| !name.is_empty())
}

/// Integers from `from`, in steps, up or down to `to`, excluded.
pub(crate) fn steps(from: i64, to: i64, step: i64) -> impl Iterator<Item = i64> {
    let goes_on = move |&at: &i64| if step > 0 { at < to } else { at > to };
    std::iter::successors(Some(from), move |at| at.checked_add(step)).take_while(goes_on)
}

/// The shape that two shapes broadcast to.
pub(crate) fn broadcast(x: &[usize], y: &[usize]) -> Result<Vec<usize>, String> {
    let rank = x.len().max(y.len());
    let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (length(x, axis), length(y, axis)) {
            (a, b) if a == b || b == 1 => Ok(a),
            (1, b) => Ok(b),
            _ => Err(format!("shapes {x:?} and {y:?} do not match")),
        })
        .collect()
}
