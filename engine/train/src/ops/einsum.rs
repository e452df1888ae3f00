//! Products and sums over named axes: `Einsum` of two operands.

use std::collections::HashMap;

use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::{Op, first};
use crate::backward::Backward;
use crate::trace::{Attributes, Trace, Typed};

pub const OPS: &[Op] = &[Op::new("Einsum", summed, einsum)];

/// An equation such as `bhid,bhjd->bhij`: the axes' letters of each operand, and of the result.
struct Equation {
    operands: Vec<String>,
    result: String,
}

impl Equation {
    fn of(node: &NodeProto) -> Result<Self, String> {
        let text: String = node.text("equation").unwrap_or_default().split_whitespace().collect();
        let (operands, result) = text
            .split_once("->")
            .ok_or_else(|| format!("training supports equations with a result only, `ij,jk->ik`, found `{text}`"))?;
        let equation = Self { operands: operands.split(',').map(str::to_owned).collect(), result: result.to_owned() };
        let is_plain = |term: &String| {
            let letters = term.chars().all(|letter| letter.is_ascii_alphabetic());
            letters && term.char_indices().all(|(at, letter)| !term[..at].contains(letter))
        };
        let [x, y] = equation.operands.as_slice() else {
            return Err(format!("training supports equations of two operands, found `{text}`"));
        };
        // the axes of each are all in the other two: nothing is summed alone, and nothing is repeated
        let is_within =
            |term: &str, others: [&str; 2]| term.chars().all(|it| others.iter().any(|other| other.contains(it)));
        let result = &equation.result;
        let is_product = is_within(x, [y, result]) && is_within(y, [x, result]) && is_within(result, [x, y]);
        if node.input.len() != 2 || !is_product || ![x, y, result].into_iter().all(is_plain) {
            return Err(format!(
                "training supports equations without `...`, without axes that one term has twice, and without axes that \
                 only one term has, found `{text}`"
            ));
        }
        Ok(equation)
    }
}

fn summed(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let equation = Equation::of(node)?;
    let mut lengths = HashMap::new();
    for (term, input) in equation.operands.iter().zip(&node.input) {
        let shape = trace.shape(input);
        if shape.len() != term.len() {
            return Err(format!("`{term}` names {} axes of {shape:?}", term.len()));
        }
        for (letter, &length) in term.chars().zip(shape) {
            if *lengths.entry(letter).or_insert(length) != length {
                return Err(format!("axis `{letter}` has two lengths, {} and {length}", lengths[&letter]));
            }
        }
    }
    let length = |letter| lengths.get(&letter).copied().ok_or_else(|| format!("`{letter}` is in no operand"));
    let shape = equation.result.chars().map(length).collect::<Result<_, _>>()?;
    Ok(vec![Typed { element: trace.typed(&node.input[0]).element, shape }])
}

/// The gradient of an operand is the product of the result's with the other operand, summed over what it lacks.
fn einsum(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let Equation { operands, result } = Equation::of(node)?;
    let g = first(gradients)?;
    for (at, input) in node.input.iter().enumerate() {
        if b.wants(input) {
            let equation = format!("{result},{}->{}", operands[1 - at], operands[at]);
            let inputs = [g, &node.input[1 - at]];
            let g = b.trace.emit("Einsum", &inputs, vec![a::string("equation", &equation)]);
            b.give(input, &g);
        }
    }
    Ok(())
}
