//! Which values of the forward pass are large, and how long each is needed.

use std::collections::{BTreeMap, HashMap, HashSet};

use pleura::onnx::ElementType;
use pleura::onnx::proto::NodeProto;

use crate::trace::Trace;

/// Operators whose output shares its input's memory.
const ALIASES: [&str; 5] = ["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"];

/// The smallest values, as long as they are no more than this share of all that the backward pass reads, are always kept:
/// statistics, and the features of the deepest stages, which take as long to compute as larger ones.
const SMALL: u64 = 16;

/// A value, with its aliases, during the forward pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The node that makes it.
    pub from: usize,
    /// The last node that reads it.
    pub to: usize,
    pub bytes: u64,
    /// Whether the backward pass reads it.
    pub is_read_back: bool,
}

impl Span {
    /// Whether it exists before the node at `cut`, and is needed there or later.
    pub fn crosses(&self, cut: usize) -> bool {
        self.from < cut && self.to >= cut
    }
}

/// The values of the forward pass.
pub struct Live {
    /// Those that are worth to be recomputed.
    pub spans: Vec<Span>,
    /// The index in `spans` of a value or of an alias.
    pub span_of: HashMap<String, usize>,
    /// The node that makes each value.
    pub made: HashMap<String, usize>,
    /// Values that depend on images, or on random numbers.
    unsteady: HashSet<String>,
    inputs: HashSet<String>,
    /// The bytes of the largest value that is always kept.
    pub small: u64,
}

impl Live {
    /// `trace` holds the forward pass alone.
    pub fn new(trace: &Trace, backward: &[NodeProto], weights: &[String]) -> Self {
        let mut live = Self {
            spans: vec![],
            span_of: HashMap::new(),
            made: HashMap::new(),
            unsteady: HashSet::new(),
            inputs: trace.inputs().cloned().collect(),
            small: 0,
        };
        let weights: HashSet<&String> = weights.iter().collect();
        live.unsteady.extend(trace.inputs().filter(|name| !weights.contains(name)).cloned());
        for (at, node) in trace.nodes().iter().enumerate() {
            live.add(trace, at, node);
        }
        for name in backward.iter().flat_map(|node| &node.input) {
            if let Some(&span) = live.span_of.get(name) {
                live.spans[span].is_read_back = true;
            }
        }
        live.drop_small();
        live
    }

    /// Whether a value is the same for all images: a weight, a constant, or computed from these.
    pub fn is_steady(&self, value: &str) -> bool {
        !self.unsteady.contains(value)
    }

    /// Whether a value is an input, or a result of the forward pass that depends on one.
    pub fn is_forward(&self, value: &str) -> bool {
        self.made.contains_key(value) || self.inputs.contains(value)
    }

    fn add(&mut self, trace: &Trace, at: usize, node: &NodeProto) {
        for name in &node.input {
            if let Some(&span) = self.span_of.get(name) {
                self.spans[span].to = at;
            }
        }
        self.made.extend(node.output.iter().map(|name| (name.clone(), at)));
        if node.input.iter().all(|name| self.is_steady(name)) {
            return;
        }
        self.unsteady.extend(node.output.iter().cloned());
        let is_alias = is_alias(node);
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            match self.span_of.get(&node.input[0]).copied().filter(|_| is_alias) {
                Some(of) => self.span_of.insert(name.clone(), of),
                // an alias of an input takes no memory
                None if is_alias => None,
                None => {
                    self.spans.push(Span { from: at, to: at, bytes: bytes(trace, name), is_read_back: false });
                    self.span_of.insert(name.clone(), self.spans.len() - 1)
                }
            };
        }
    }

    fn drop_small(&mut self) {
        let mut of_size: BTreeMap<u64, u64> = BTreeMap::new();
        for span in self.spans.iter().filter(|span| span.is_read_back) {
            *of_size.entry(span.bytes).or_default() += span.bytes;
        }
        let most = of_size.values().sum::<u64>() / SMALL;
        let sums = of_size.iter().scan(0, |sum, (&bytes, &all)| {
            *sum += all;
            Some((bytes, *sum))
        });
        let limit = sums.take_while(|&(_, sum)| sum <= most).last().map_or(0, |(bytes, _)| bytes);
        self.small = limit;
        let mut moved = vec![None; self.spans.len()];
        let mut large = Vec::new();
        for (at, span) in self.spans.drain(..).enumerate().filter(|(_, span)| span.bytes > limit) {
            moved[at] = Some(large.len());
            large.push(span);
        }
        self.spans = large;
        self.span_of = self.span_of.drain().filter_map(|(name, at)| Some((name, moved[at]?))).collect();
    }
}

/// Whether a node's output shares its input's memory.
pub fn is_alias(node: &NodeProto) -> bool {
    ALIASES.contains(&node.op_type.as_str())
}

pub fn bytes(trace: &Trace, value: &str) -> u64 {
    let typed = trace.typed(value);
    let each = match typed.element {
        ElementType::Bool => 1,
        ElementType::Int64 | ElementType::Double => 8,
        _ => 4,
    };
    typed.shape.iter().product::<usize>() as u64 * each
}
