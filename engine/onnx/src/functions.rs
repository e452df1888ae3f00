//! Counts a model's nodes after its functions are inlined.
//!
//! ONNX Runtime replaces each call by the function's nodes. Functions that call another function twice double with
//! every level: thirty of them, in a file of 2 kB, make a thousand million nodes. So they are counted first.

use std::collections::HashMap;

use super::skeleton::{Node, Skeleton};

/// The maximum nesting of functions; exporters nest a handful.
const MAX_DEPTH: usize = 100;

impl Skeleton {
    /// The number of the model's nodes, including those of subgraphs and functions, once for each call; [`u64::MAX`] if
    /// functions call themselves or are nested more than 100 deep.
    #[must_use]
    pub fn inlined_nodes(&self) -> u64 {
        let bodies = self.functions.iter().map(|it| ((&*it.domain, &*it.name, &*it.overload), &*it.node));
        let mut count = Count { bodies: bodies.collect(), counted: HashMap::new() };
        total(self.graph.iter().map(|graph| count.nodes(&graph.node, 0)))
    }
}

/// The identity of a function: domain, name, overload.
type Name<'m> = (&'m str, &'m str, &'m str);

struct Count<'m> {
    bodies: HashMap<Name<'m>, &'m [Node]>,
    counted: HashMap<Name<'m>, u64>,
}

impl<'m> Count<'m> {
    fn nodes(&mut self, nodes: &'m [Node], depth: usize) -> u64 {
        total(nodes.iter().map(|node| {
            let subgraphs = node.attribute.iter().flat_map(|it| it.g.iter().chain(&it.graphs));
            let inside = total(subgraphs.map(|graph| self.nodes(&graph.node, depth)));
            inside.saturating_add(self.node((&node.domain, &node.op_type, &node.overload), depth))
        }))
    }

    /// The count of one node: 1, or that of the function that it calls.
    fn node(&mut self, name: Name<'m>, depth: usize) -> u64 {
        let Some(&body) = self.bodies.get(&name) else { return 1 };
        if let Some(&nodes) = self.counted.get(&name) {
            return nodes;
        }
        if depth == MAX_DEPTH {
            return u64::MAX;
        }
        let nodes = self.nodes(body, depth + 1);
        self.counted.insert(name, nodes);
        nodes
    }
}

fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::super::skeleton::{Attribute, Function, Graph};
    use super::*;

    fn node(op_type: &str) -> Node {
        Node { op_type: op_type.into(), domain: "d".into(), ..Node::default() }
    }

    fn function(name: &str, calls: &[&str]) -> Function {
        let node = calls.iter().copied().map(node).collect();
        Function { name: name.into(), domain: "d".into(), node, ..Function::default() }
    }

    fn count(node: Vec<Node>, functions: Vec<Function>) -> u64 {
        Skeleton { graph: vec![Graph { node, ..Graph::default() }], functions }.inlined_nodes()
    }

    #[test]
    fn a_call_counts_as_what_it_calls_wherever_it_stands() {
        let branch = Graph { node: vec![node("f"), node("Relu")], ..Graph::default() };
        let attribute = vec![Attribute { g: vec![branch], ..Attribute::default() }];
        let nodes = vec![node("f"), Node { attribute, ..node("If") }];
        assert_eq!(count(nodes, vec![function("f", &["Add", "g"]), function("g", &["Mul", "Add"])]), 3 + 1 + 3 + 1);
    }

    #[test]
    fn functions_that_double_or_have_no_end_are_counted_at_once() {
        let names: Vec<String> = (0..=70).map(|level| format!("f{level}")).collect();
        let doubling = |levels: usize| {
            let pairs = names[..=levels].windows(2).map(|pair| function(&pair[0], &[&pair[1], &pair[1]]));
            count(vec![node("f0")], pairs.chain([function(&names[levels], &["Add"])]).collect())
        };
        assert_eq!((doubling(30), doubling(70)), (1 << 30, u64::MAX));
        assert_eq!(count(vec![node("f")], vec![function("f", &["g"]), function("g", &["f"])]), u64::MAX);
        let deep: Vec<String> = (0..100_000).map(|level| format!("f{level}")).collect();
        let chain = deep.windows(2).map(|pair| function(&pair[0], &[&pair[1]])).collect();
        assert_eq!(count(vec![node("f0")], chain), u64::MAX);
    }
}
