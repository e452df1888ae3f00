//! Values that a node can read only after others have been computed.
//!
//! A gate is an `Unsqueeze` whose list of new axes is empty: it passes its input on without a copy. The list is joined from
//! empty slices of all the values that must be there first. ONNX Runtime does not know that it is empty.

use std::collections::{HashMap, HashSet};

use pleura::onnx::{ElementType, attribute as a};

use crate::trace::{Trace, Typed, node};

/// Gates that open one after the other.
pub struct Gates {
    /// An empty list of integers that exists once the last gate is open.
    token: Option<String>,
    /// Values for which the next gate waits, too.
    pending: Vec<String>,
    gated: HashMap<String, String>,
}

impl Gates {
    /// The first gate waits for a value.
    pub fn new(first: &str) -> Self {
        Self { token: None, pending: vec![first.to_owned()], gated: HashMap::new() }
    }

    /// After a step that read values and left others: later gates wait for what is left. To wait for what was read, too,
    /// would keep its memory.
    pub fn advance(&mut self, read: &HashSet<&String>, left: Vec<String>) {
        self.pending.retain(|value| !read.contains(value));
        self.pending.extend(left);
        self.gated.clear();
    }

    /// The same value behind the gate; with `is_open`, of a first length that ONNX Runtime does not know.
    pub fn behind(&mut self, trace: &mut Trace, value: &str, is_open: bool) -> String {
        if let Some(gated) = self.gated.get(value) {
            return gated.clone();
        }
        let token = self.token(trace);
        let typed = trace.typed(value).clone();
        let gated = trace.fresh("gate");
        trace.put(node("Unsqueeze", &[value, &token], &[&gated], vec![]), &[typed]);
        trace.state_shape(&gated, is_open);
        self.gated.insert(value.to_owned(), gated.clone());
        gated
    }

    fn token(&mut self, trace: &mut Trace) -> String {
        if self.pending.is_empty()
            && let Some(token) = &self.token
        {
            return token.clone();
        }
        let mut parts: Vec<String> = self.token.take().into_iter().collect();
        parts.extend(self.pending.drain(..).map(|value| empty(trace, &value)));
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let token = trace.emit("Concat", &parts, vec![a::int("axis", 0)]);
        self.token = Some(token.clone());
        token
    }
}

/// No numbers of a value, as a list of integers.
fn empty(trace: &mut Trace, value: &str) -> String {
    let count = trace.shape(value).iter().product();
    let flat = trace.reshape(value, &[count]);
    let none = trace.slice(&flat, &[0], &[0], &[0], &[1]);
    let list = trace.fresh("cast");
    let typed = Typed { element: ElementType::Int64, shape: vec![0] };
    trace.put(node("Cast", &[&none], &[&list], vec![a::int("to", 7)]), &[typed]);
    list
}
