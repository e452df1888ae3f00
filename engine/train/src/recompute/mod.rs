//! Gradient checkpointing: few values of the forward pass are kept for the backward pass, which recomputes the others.
//!
//! The forward pass is cut into segments. Values that cross a cut are kept, and so are small ones and those of the last
//! segment. All others are computed a second time, by copies of the forward nodes, once the backward pass reaches their
//! segment; ONNX Runtime frees the first ones as soon as the forward pass no longer needs them. The same operators get
//! the same numbers, so the results are the same bit for bit, unless ONNX Runtime fuses the sum of a convolution and
//! something else in one of the two. Running statistics come from the original nodes alone, and
//! dropout gets its random numbers from an input that both read.
//!
//! ONNX has no way to say that a node waits for another: ONNX Runtime would merge a copy with its original, and would
//! compute many other things long before they are needed. So the backward pass reads what the forward pass made, and the
//! copies read what is kept, through gates that open step by step.

mod cut;
mod gate;
mod live;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use pleura::onnx::proto::NodeProto;

use crate::trace::{Constant, Trace, Typed};
use gate::Gates;
use live::Live;

/// What the backward pass reads is gated unless it is this much smaller than a value that counts as small: nothing of size
/// is computed from it.
const GATED: u64 = 8;

/// Rewrites a trace whose first `forward` nodes are the forward pass, up to the `loss`, and whose others are the backward
/// pass. `weights` are the inputs that do not differ between images.
pub fn recompute(trace: &mut Trace, forward: usize, weights: &[String], loss: &str) {
    let backward = trace.lift(forward);
    let live = Live::new(trace, &backward, weights);
    let segments = Segments::new(&live);
    let ends: Vec<usize> = trace.marks().iter().map(|mark| mark - forward).collect();
    let mut rewriter =
        Rewriter { trace, live: &live, segments: &segments, copies: HashMap::new(), gates: Gates::new(loss) };
    let mut start = 0;
    for end in ends.into_iter().chain([backward.len()]) {
        rewriter.step(&backward[start..end]);
        start = end;
    }
    open_shapes(trace, forward);
}

/// Leaves the first length of each `Reshape` from the node `first` on to be computed. ONNX Runtime plans that values of equal
/// known shapes share memory, and then holds it between one and the next; peak memory is lower without.
fn open_shapes(trace: &mut Trace, first: usize) {
    for mut node in trace.lift(first) {
        if node.op_type == "Reshape"
            && let Some(Constant::Ints(lengths)) = trace.known(&node.input[1])
            && !lengths.is_empty()
            && lengths.iter().all(|&length| length > 0)
        {
            let open: Vec<i64> = std::iter::once(-1).chain(lengths[1..].iter().copied()).collect();
            node.input[1] = trace.ints(&open);
        }
        let types: Vec<Typed> = node.output.iter().map(|name| trace.typed(name).clone()).collect();
        trace.put(node, &types);
    }
}

/// How the forward pass is divided.
struct Segments<'l> {
    /// The first node of each segment but the first.
    cuts: Vec<usize>,
    live: &'l Live,
    kept: HashSet<usize>,
}

impl<'l> Segments<'l> {
    fn new(live: &'l Live) -> Self {
        let cuts = cut::cuts(&live.spans);
        let crosses = |&at: &usize| cuts.iter().any(|&cut| live.spans[at].crosses(cut));
        Self { kept: (0..live.spans.len()).filter(crosses).collect(), cuts, live }
    }

    /// Whether a value has to be recomputed.
    fn drops(&self, value: &str) -> bool {
        let Some(&span) = self.live.span_of.get(value) else { return false };
        let in_last = self.cuts.last().is_none_or(|&cut| cut <= self.live.spans[span].from);
        !in_last && !self.kept.contains(&span)
    }
}

/// Writes the backward pass with the copies that it needs.
struct Rewriter<'r> {
    trace: &'r mut Trace,
    live: &'r Live,
    segments: &'r Segments<'r>,
    /// The copies of values.
    copies: HashMap<String, String>,
    gates: Gates,
}

impl Rewriter<'_> {
    /// Writes the nodes of a step, which run after those of the steps before.
    fn step(&mut self, nodes: &[NodeProto]) {
        let own: HashSet<&String> = nodes.iter().flat_map(|node| &node.output).collect();
        for node in nodes {
            let input = node.input.iter().map(|name| if own.contains(name) { name.clone() } else { self.read(name) });
            let node = NodeProto { input: input.collect(), ..node.clone() };
            let types = self.types(&node.output);
            self.trace.put(node, &types);
        }
        let read: HashSet<&String> = nodes.iter().flat_map(|node| &node.input).collect();
        let left = own.into_iter().filter(|name| !name.is_empty() && !read.contains(name)).cloned();
        let mut left: Vec<String> = left.collect();
        left.sort_unstable();
        self.gates.advance(&read, left);
    }

    /// What the backward pass reads instead of a value.
    fn read(&mut self, name: &str) -> String {
        if let Some(copy) = self.copies.get(name).cloned() {
            // made for an earlier step
            self.gates.behind(self.trace, &copy, true)
        } else if self.segments.drops(name) {
            self.copy(name)
        } else if self.live.is_forward(name) && live::bytes(self.trace, name) > self.live.small / GATED {
            self.behind(name)
        } else {
            name.to_owned()
        }
    }

    /// The copy of a value that is not kept.
    fn copy(&mut self, value: &str) -> String {
        if let Some(copy) = self.copies.get(value) {
            return copy.clone();
        }
        let node = self.trace.nodes()[self.live.made[value]].clone();
        let input: Vec<String> = node.input.iter().map(|name| self.source(name)).collect();
        let output: Vec<String> = node.output.iter().map(|name| self.again(name)).collect();
        self.copies.extend(node.output.iter().cloned().zip(output.iter().cloned()));
        let types = self.types(&node.output);
        self.trace.put(NodeProto { name: output[0].clone(), input, output, ..node }, &types);
        self.copies[value].clone()
    }

    /// What a copy reads for an input of its original.
    fn source(&mut self, name: &str) -> String {
        if self.segments.drops(name) {
            self.copy(name)
        } else if self.live.is_steady(name) {
            name.to_owned()
        } else {
            self.behind(name)
        }
    }

    /// A value of the forward pass behind the gate. An alias is made again: ONNX Runtime merges a `Reshape` with a gate
    /// that is its only reader, and then nothing waits.
    fn behind(&mut self, name: &str) -> String {
        let made = self.live.made.get(name).map(|&at| self.trace.nodes()[at].clone());
        let Some(node) = made.filter(live::is_alias) else {
            let is_open = !self.live.is_steady(name);
            return self.gates.behind(self.trace, name, is_open);
        };
        let first = self.behind(&node.input[0]);
        let again = self.again(name);
        let input = std::iter::once(first).chain(node.input[1..].iter().cloned()).collect();
        let types = self.types(&node.output);
        self.trace.put(NodeProto { name: again.clone(), input, output: vec![again.clone()], ..node }, &types);
        again
    }

    fn again(&mut self, name: &str) -> String {
        if name.is_empty() { String::new() } else { self.trace.fresh("again") }
    }

    fn types(&self, names: &[String]) -> Vec<Typed> {
        names.iter().map(|name| self.trace.typed(name).clone()).collect()
    }
}
