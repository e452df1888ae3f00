//! Slices, padding and gathering.

use pleura::onnx::proto::NodeProto;

use super::layout::known;
use super::select::{given_back, padded_place};
use super::{Op, first, optional};
use crate::backward::Backward;
use crate::trace::{Attributes, Constant, Trace, Typed, axis, bounds};

pub const OPS: &[Op] =
    &[Op::new("Slice", sliced, slice), Op::new("Pad", padded, pad), Op::new("Gather", gathered, gather)];

/// The part that a `Slice` takes of one axis.
struct Cut {
    axis: usize,
    from: i64,
    step: i64,
    count: usize,
}

fn cuts(trace: &Trace, node: &NodeProto) -> Result<Vec<Cut>, String> {
    let shape = trace.shape(&node.input[0]);
    let (starts, ends) = (known(trace, node, 1, "starts")?, known(trace, node, 2, "ends")?);
    let axes = match optional(node, 3) {
        Some(_) => known(trace, node, 3, "axes")?.to_vec(),
        None => (0..starts.len() as i64).collect(),
    };
    let steps = match optional(node, 4) {
        Some(_) => known(trace, node, 4, "steps")?.to_vec(),
        None => vec![1; starts.len()],
    };
    let cut = |at: usize| {
        let axis = axis(axes[at], shape.len())?;
        let (from, to) = bounds(starts[at], ends[at], steps[at], shape[axis] as i64)?;
        Ok(Cut { axis, from, step: steps[at], count: super::steps(from, to, steps[at]).count() })
    };
    (0..starts.len()).map(cut).collect()
}

fn sliced(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let mut typed = trace.typed(&node.input[0]).clone();
    for cut in cuts(trace, node)? {
        typed.shape[cut.axis] = cut.count;
    }
    Ok(vec![typed])
}

/// Puts the gradient back into zeros.
fn slice(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let shape = b.trace.shape(&node.input[0]).to_vec();
    let (mut before, mut after) = (vec![0; shape.len()], vec![0; shape.len()]);
    let mut g = first(gradients)?.to_owned();
    for cut in cuts(b.trace, node)? {
        if cut.step != 1 {
            let shown = (0..cut.count as i64).map(|at| Some((cut.from + at * cut.step) as usize));
            g = given_back(b.trace, &g, cut.axis, &shown.collect::<Vec<_>>(), shape[cut.axis])?;
            continue;
        }
        before[cut.axis] = cut.from;
        after[cut.axis] = shape[cut.axis] as i64 - cut.from - cut.count as i64;
    }
    let g = b.trace.pad(&g, &before, &after);
    b.give(&node.input[0], &g);
    Ok(())
}

/// The padding before and after each axis.
fn frame(trace: &Trace, node: &NodeProto) -> Result<(Vec<i64>, Vec<i64>), String> {
    let rank = trace.shape(&node.input[0]).len();
    let pads = match optional(node, 1) {
        Some(_) => known(trace, node, 1, "pads")?.to_vec(),
        None => node.ints("pads").ok_or("it names no pads")?.to_vec(),
    };
    let axes: Vec<usize> = match optional(node, 3) {
        Some(_) => known(trace, node, 3, "axes")?.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?,
        None => (0..rank).collect(),
    };
    let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
    for (at, &axis) in axes.iter().enumerate() {
        before[axis] = pads[at];
        after[axis] = pads[at + axes.len()];
    }
    Ok((before, after))
}

fn padded(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let mut typed = trace.typed(&node.input[0]).clone();
    let (before, after) = frame(trace, node)?;
    for (axis, length) in typed.shape.iter_mut().enumerate() {
        let padded = *length as i64 + before[axis] + after[axis];
        *length = usize::try_from(padded).map_err(|_| "more is cut off than there is".to_owned())?;
    }
    Ok(vec![typed])
}

fn pad(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let mode = node.text("mode").unwrap_or("constant");
    let shape = b.trace.shape(&node.input[0]).to_vec();
    let (before, after) = frame(b.trace, node)?;
    if mode != "constant" || before.iter().chain(&after).any(|&pad| pad < 0) {
        let mut g = first(gradients)?.to_owned();
        for (axis, &length) in shape.iter().enumerate().filter(|(axis, _)| before[*axis] != 0 || after[*axis] != 0) {
            let places = -before[axis]..length as i64 + after[axis];
            let shown = places.map(|at| padded_place(mode, at, length)).collect::<Result<Vec<_>, _>>()?;
            g = given_back(b.trace, &g, axis, &shown, length)?;
        }
        b.give(&node.input[0], &g);
        return Ok(());
    }
    let axes: Vec<i64> = (0..shape.len() as i64).collect();
    let ends: Vec<i64> = before.iter().zip(&shape).map(|(before, &length)| before + length as i64).collect();
    let g = b.trace.slice(first(gradients)?, &axes, &before, &ends, &vec![1; shape.len()]);
    b.give(&node.input[0], &g);
    Ok(())
}

fn gathered(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let input = trace.typed(&node.input[0]);
    let at = node.axis("axis", 0, input.shape.len())?;
    let indices = trace.shape(&node.input[1]);
    let shape = [&input.shape[..at], indices, &input.shape[at + 1..]].concat();
    Ok(vec![Typed { element: input.element, shape }])
}

/// One known index of an axis: as a slice of length one. Several: each gives back what it shows.
fn gather(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let shape = b.trace.shape(&node.input[0]).to_vec();
    let at = node.axis("axis", 0, shape.len())?;
    let index = match b.trace.known(&node.input[1]) {
        Some(Constant::Ints(indices)) if indices.len() == 1 => axis(indices[0], shape[at])?,
        Some(Constant::Ints(indices)) => {
            let shown = indices.iter().map(|&index| axis(index, shape[at]).map(Some)).collect::<Result<Vec<_>, _>>()?;
            let line = [&shape[..at], &[shown.len()], &shape[at + 1..]].concat();
            let g = b.trace.reshape(first(gradients)?, &line);
            let g = given_back(b.trace, &g, at, &shown, shape[at])?;
            b.give(&node.input[0], &g);
            return Ok(());
        }
        _ => return Err("only constant indices have a gradient".into()),
    };
    let mut one = shape.clone();
    one[at] = 1;
    let g = b.trace.reshape(first(gradients)?, &one);
    let (mut before, mut after) = (vec![0; shape.len()], vec![0; shape.len()]);
    before[at] = index as i64;
    after[at] = (shape[at] - index - 1) as i64;
    let g = b.trace.pad(&g, &before, &after);
    b.give(&node.input[0], &g);
    Ok(())
}
