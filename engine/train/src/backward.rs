//! Reverse-mode differentiation: goes back along a tape and writes the gradient of every value on it.

use std::collections::HashMap;

use pleura::onnx::proto::NodeProto;

use crate::ops;
use crate::trace::{NodeError, Trace};

/// State of a backward pass.
pub struct Backward<'t> {
    /// The trace to which the gradients' nodes are added.
    pub trace: &'t mut Trace,
    gradients: HashMap<String, String>,
}

impl Backward<'_> {
    /// Whether the gradient of a value is needed.
    #[must_use]
    pub fn wants(&self, value: &str) -> bool {
        self.trace.needs(value)
    }

    /// Adds to the gradient of a value. A gradient of a broadcast shape is summed to the value's shape.
    pub fn give(&mut self, value: &str, gradient: &str) {
        if !self.wants(value) {
            return;
        }
        let shape = self.trace.shape(value).to_vec();
        let gradient = self.trace.sum_to(gradient, &shape);
        let sum = match self.gradients.get(value) {
            Some(other) => self.trace.add(other, &gradient),
            None => gradient,
        };
        self.gradients.insert(value.to_owned(), sum);
    }
}

/// Writes the gradient of the scalar `loss` with respect to each of `wanted`: the names of the gradients, in their
/// order; `None` for values on which the loss does not depend.
///
/// # Errors
/// If a node on the way has no gradient rule; the error names it.
pub fn gradients(trace: &mut Trace, loss: &str, wanted: &[String]) -> Result<Vec<Option<String>>, NodeError> {
    let tape = trace.stop();
    let one = trace.scalar(1.0);
    let mut backward = Backward { trace, gradients: HashMap::from([(loss.to_owned(), one)]) };
    for node in tape.iter().rev() {
        step(&mut backward, node)?;
        backward.trace.mark();
    }
    Ok(wanted.iter().map(|value| backward.gradients.get(value).cloned()).collect())
}

fn step(backward: &mut Backward<'_>, node: &NodeProto) -> Result<(), NodeError> {
    // no earlier node needs the gradients of this node's outputs
    let gradients: Vec<_> = node.output.iter().map(|output| backward.gradients.remove(output)).collect();
    if gradients.iter().all(Option::is_none) {
        return Ok(());
    }
    let refused = |reason: String| NodeError::of(node, reason);
    let rule = ops::find(&node.op_type).and_then(|op| op.gradient);
    let rule = rule.ok_or_else(|| refused("it has no gradient; freeze what comes before it".into()))?;
    rule(backward, node, &gradients).map_err(refused)
}
