//! Operators that move numbers without changing them.

use pleura::onnx::ElementType;
use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::{Op, broadcast, first, like};
use crate::backward::Backward;
use crate::trace::{Attributes, Constant, Shape, Trace, Typed, axis};

pub const OPS: &[Op] = &[
    Op::new("Reshape", reshaped, reshape),
    Op::new("Flatten", flattened, reshape),
    Op::new("Squeeze", squeezed, reshape),
    Op::new("Unsqueeze", unsqueezed, reshape),
    Op::new("Transpose", transposed, transpose),
    Op::new("Concat", concatenated, concat),
    Op::new("Split", parts, split),
    Op::new("Expand", expanded, expand),
    Op::new("Tile", tiled, tile),
    Op::flat("ConstantOfShape", filled),
];

/// The integers of an input, which must be known when the graph is built.
pub(super) fn known<'t>(trace: &'t Trace, node: &NodeProto, input: usize, what: &str) -> Result<&'t [i64], String> {
    match node.input.get(input).and_then(|name| trace.known(name)) {
        Some(Constant::Ints(numbers)) => Ok(numbers),
        _ => Err(format!("its {what} must not depend on the image's values")),
    }
}

/// The numbers of an input, or of an old model's attribute.
fn known_or_attribute(trace: &Trace, node: &NodeProto, input: usize, name: &str) -> Result<Option<Vec<i64>>, String> {
    if node.input.get(input).is_some_and(|name| !name.is_empty()) {
        return known(trace, node, input, name).map(|numbers| Some(numbers.to_vec()));
    }
    Ok(node.ints(name).map(<[i64]>::to_vec))
}

fn typed(trace: &Trace, node: &NodeProto, shape: Shape) -> Result<Vec<Typed>, String> {
    Ok(vec![Typed { element: like(trace, node, 0).element, shape }])
}

fn reshaped(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let from = trace.shape(&node.input[0]);
    let asked = known(trace, node, 1, "shape")?;
    let copies_zero = node.int("allowzero").unwrap_or(0) == 0;
    let mut shape: Vec<usize> = asked
        .iter()
        .enumerate()
        .map(|(at, &length)| match length {
            0 if copies_zero => from.get(at).copied().unwrap_or(1),
            -1 => 1,
            length => length as usize,
        })
        .collect();
    let total: usize = from.iter().product();
    if let Some(free) = asked.iter().position(|&length| length == -1) {
        shape[free] = total / shape.iter().product::<usize>().max(1);
    }
    if shape.iter().product::<usize>() != total {
        return Err(format!("shape {from:?} cannot become {asked:?}"));
    }
    typed(trace, node, shape)
}

fn flattened(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let from = trace.shape(&node.input[0]);
    let at = node.int("axis").unwrap_or(1);
    let at = if at < 0 { at + from.len() as i64 } else { at } as usize;
    if at > from.len() {
        return Err(format!("axis {at} is out of range for {} axes", from.len()));
    }
    let shape = vec![from[..at].iter().product(), from[at..].iter().product()];
    typed(trace, node, shape)
}

fn squeezed(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let from = trace.shape(&node.input[0]);
    let axes = match known_or_attribute(trace, node, 1, "axes")? {
        Some(axes) => axes.into_iter().map(|at| axis(at, from.len())).collect::<Result<Vec<_>, _>>()?,
        None => (0..from.len()).filter(|&at| from[at] == 1).collect(),
    };
    if let Some(&at) = axes.iter().find(|&&at| from[at] != 1) {
        return Err(format!("axis {at} of {from:?} is not of length 1"));
    }
    let shape = (0..from.len()).filter(|at| !axes.contains(at)).map(|at| from[at]).collect();
    typed(trace, node, shape)
}

fn unsqueezed(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let from = trace.shape(&node.input[0]);
    let axes = known_or_attribute(trace, node, 1, "axes")?.ok_or("it names no axes")?;
    let rank = from.len() + axes.len();
    let axes = axes.into_iter().map(|at| axis(at, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut rest = from.iter().copied();
    let shape = (0..rank).map(|at| if axes.contains(&at) { 1 } else { rest.next().unwrap_or(1) }).collect();
    typed(trace, node, shape)
}

fn reshape(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let shape = b.trace.shape(&node.input[0]).to_vec();
    let g = b.trace.reshape(first(gradients)?, &shape);
    b.give(&node.input[0], &g);
    Ok(())
}

/// The order of a `Transpose`'s axes; reversed by default.
fn order(node: &NodeProto, rank: usize) -> Vec<usize> {
    match node.ints("perm") {
        Some(perm) => perm.iter().map(|&at| at as usize).collect(),
        None => (0..rank).rev().collect(),
    }
}

fn transposed(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let from = trace.shape(&node.input[0]);
    let order = order(node, from.len());
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..from.len()) {
        return Err(format!("{order:?} is not an order of {} axes", from.len()));
    }
    typed(trace, node, order.into_iter().map(|at| from[at]).collect())
}

fn transpose(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let order = order(node, b.trace.shape(&node.input[0]).len());
    let mut back = vec![0; order.len()];
    for (to, from) in order.into_iter().enumerate() {
        back[from] = to as i64;
    }
    let g = b.trace.transpose(first(gradients)?, &back);
    b.give(&node.input[0], &g);
    Ok(())
}

fn concatenated(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let mut shape = trace.shape(&node.input[0]).to_vec();
    let at = node.axis("axis", 0, shape.len())?;
    for input in &node.input[1..] {
        let other = trace.shape(input);
        let fits = other.len() == shape.len() && (0..shape.len()).all(|axis| axis == at || other[axis] == shape[axis]);
        if !fits {
            return Err(format!("shapes {shape:?} and {other:?} cannot be joined along axis {at}"));
        }
        shape[at] += other[at];
    }
    typed(trace, node, shape)
}

fn concat(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let g = first(gradients)?;
    let at = node.axis("axis", 0, b.trace.shape(g).len())?;
    let lengths: Vec<i64> = node.input.iter().map(|input| b.trace.shape(input)[at] as i64).collect();
    let lengths = b.trace.ints(&lengths);
    let parts = b.trace.emit_all("Split", &[g, &lengths], node.input.len(), vec![a::int("axis", at as i64)]);
    for (input, part) in node.input.iter().zip(parts) {
        b.give(input, &part);
    }
    Ok(())
}

fn parts(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let from = trace.typed(&node.input[0]);
    let at = node.axis("axis", 0, from.shape.len())?;
    let count = node.output.len();
    let lengths = match known_or_attribute(trace, node, 1, "split")? {
        Some(lengths) => lengths.into_iter().map(|length| length as usize).collect(),
        None => {
            let each = from.shape[at].div_ceil(count);
            (0..count).map(|part| each.min(from.shape[at].saturating_sub(part * each))).collect::<Vec<_>>()
        }
    };
    if lengths.iter().sum::<usize>() != from.shape[at] || lengths.len() != count {
        return Err(format!("axis {at} of {:?} is not made of {lengths:?}", from.shape));
    }
    let part = |length| {
        let mut shape = from.shape.clone();
        shape[at] = length;
        Typed { element: from.element, shape }
    };
    Ok(lengths.into_iter().map(part).collect())
}

fn split(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let at = node.axis("axis", 0, b.trace.shape(&node.input[0]).len())?;
    let outputs = node.output.iter().zip(gradients);
    let parts: Vec<String> = outputs
        .map(|(output, g)| {
            g.clone().unwrap_or_else(|| {
                let shape = b.trace.shape(output).to_vec();
                zeros(b.trace, &shape)
            })
        })
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let g = b.trace.emit("Concat", &parts, vec![a::int("axis", at as i64)]);
    b.give(&node.input[0], &g);
    Ok(())
}

/// Zeros of a shape.
pub(super) fn zeros(trace: &mut Trace, shape: &[usize]) -> String {
    let lengths: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
    let lengths = trace.ints(&lengths);
    trace.emit("ConstantOfShape", &[&lengths], vec![])
}

fn filled(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let shape = known(trace, node, 0, "shape")?.iter().map(|&length| length as usize).collect();
    let element = node.tensor("value").map_or(ElementType::Float, |tensor| ElementType::from(tensor.data_type));
    Ok(vec![Typed { element, shape }])
}

fn expanded(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let to: Shape = known(trace, node, 1, "shape")?.iter().map(|&length| length as usize).collect();
    let shape = broadcast(trace.shape(&node.input[0]), &to)?;
    typed(trace, node, shape)
}

fn expand(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    b.give(&node.input[0], first(gradients)?);
    Ok(())
}

fn tiled(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let from = trace.shape(&node.input[0]);
    let repeats = known(trace, node, 1, "repeats")?;
    if repeats.len() != from.len() {
        return Err(format!("{} repeats for {} axes", repeats.len(), from.len()));
    }
    typed(trace, node, from.iter().zip(repeats).map(|(length, &repeat)| length * repeat as usize).collect())
}

/// Sums over the copies: each axis is split into copies and original.
fn tile(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let from = b.trace.shape(&node.input[0]).to_vec();
    let repeats = known(b.trace, node, 1, "repeats")?.to_vec();
    let apart: Shape = repeats.iter().zip(&from).flat_map(|(&repeat, &length)| [repeat as usize, length]).collect();
    let copies: Vec<i64> = (0..from.len() as i64).map(|axis| 2 * axis).collect();
    let g = b.trace.reshape(first(gradients)?, &apart);
    let g = b.trace.reduce("ReduceSum", &g, &copies, false);
    b.give(&node.input[0], &g);
    Ok(())
}
