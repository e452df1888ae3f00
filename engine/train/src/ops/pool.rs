//! Pooling over windows, (N, C, H, W).

use pleura::onnx::ElementType;
use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::conv::planes;
use super::layout::zeros;
use super::{Geometry, Op, first};
use crate::backward::Backward;
use crate::trace::{Attributes, Trace, Typed};

pub const OPS: &[Op] = &[Op::new("MaxPool", pooled, max), Op::new("AveragePool", pooled, average)];

fn geometry(trace: &Trace, node: &NodeProto) -> Result<Geometry, String> {
    let [_, _, height, width] = planes(trace, &node.input[0])?;
    let Some([kh, kw]) = node.ints("kernel_shape") else {
        return Err("training supports windows of two axes only".into());
    };
    Geometry::new(node, [*kh, *kw], [height, width])
}

/// A pool of `ceil_mode` as one without, with padding for the windows that reach over the end; `None` for others.
///
/// # Errors
/// If the padding that is added would be counted.
pub(crate) fn without_ceil(trace: &Trace, node: &NodeProto) -> Result<Option<NodeProto>, String> {
    if node.int("ceil_mode") != Some(1) {
        return Ok(None);
    }
    if node.int("count_include_pad") == Some(1) {
        return Err("training does not support `ceil_mode` with `count_include_pad`: export it without one".into());
    }
    let mut geometry = geometry(trace, node)?;
    let [_, _, height, width] = planes(trace, &node.input[0])?;
    (0..2).for_each(|axis| reach_the_end(&mut geometry, axis, [height, width][axis] as i64));
    let mut node = node.clone();
    node.attribute.retain(|it| !["ceil_mode", "auto_pad", "pads"].contains(&it.name.as_str()));
    let pads = geometry.before.into_iter().chain(geometry.after).collect::<Vec<_>>();
    node.attribute.push(a::ints("pads", &pads));
    Ok(Some(node))
}

/// Padding for one more window if something is left that no window has seen, and it starts within the plane or the
/// padding before it.
fn reach_the_end(geometry: &mut Geometry, axis: usize, length: i64) {
    let (stride, before) = (geometry.stride[axis], geometry.before[axis]);
    let room = length + before + geometry.after[axis] - geometry.span(axis);
    let missing = (stride - room.rem_euclid(stride)) % stride;
    if room >= 0 && missing > 0 && room + missing < length + before {
        geometry.after[axis] += missing;
    }
}

fn pooled(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let [count, channels, height, width] = planes(trace, &node.input[0])?;
    let geometry = geometry(trace, node)?;
    let shape = vec![count, channels, geometry.places(0, height)?, geometry.places(1, width)?];
    let kinds = [trace.typed(&node.input[0]).element, ElementType::Int64];
    Ok(node.output.iter().zip(kinds).map(|(_, element)| Typed { element, shape: shape.clone() }).collect())
}

/// Passes each gradient to its maximum's position, which the second output holds.
fn max(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let geometry = geometry(b.trace, node)?;
    let places = node.output.get(1).ok_or("it does not output the indices of its maxima")?;
    let shape = b.trace.shape(&node.input[0]).to_vec();
    let t = &mut *b.trace;
    let count = t.shape(places).iter().product();
    let (places, g) = (t.reshape(places, &[count]), t.reshape(first(gradients)?, &[count]));
    let blank = zeros(t, &[shape.iter().product()]);
    let mut attributes = vec![a::int("axis", 0)];
    let is_apart = (0..2).all(|axis| geometry.stride[axis] >= geometry.span(axis));
    if !is_apart {
        attributes.push(a::string("reduction", "add"));
    }
    let g = t.emit("ScatterElements", &[&blank, &places, &g], attributes);
    let g = t.reshape(&g, &shape);
    b.give(&node.input[0], &g);
    Ok(())
}

/// Distributes each window's gradient equally over the elements that the window counted.
fn average(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let geometry = geometry(b.trace, node)?;
    let [_, channels, height, width] = planes(b.trace, &node.input[0])?;
    let counts_pads = node.int("count_include_pad") == Some(1);
    let t = &mut *b.trace;
    let g = first(gradients)?;
    let [_, _, rows, columns] = planes(t, g)?;
    let counted = |axis: usize, place: usize, length: usize| {
        let (low, high) = (place as i64 * geometry.stride[axis] - geometry.before[axis], length as i64);
        (0..geometry.kernel[axis])
            .map(|tap| low + tap * geometry.dilation[axis])
            .filter(|&at| counts_pads || (0..high).contains(&at))
            .count() as f32
    };
    let shares = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let shares: Vec<f32> =
        shares.map(|(row, column)| 1.0 / (counted(0, row, height) * counted(1, column, width))).collect();
    let shares = t.floats(&[1, 1, rows, columns], shares);
    let g = t.mul(g, &shares);
    let taps = (geometry.kernel[0] * geometry.kernel[1]) as usize;
    let [kh, kw] = geometry.kernel.map(|length| length as usize);
    let ones = t.floats(&[channels, 1, kh, kw], vec![1.0; channels * taps]);
    let each = Geometry { group: channels as i64, ..geometry };
    let g = super::conv_gradient::input_gradient(t, &g, &ones, &node.input[0], &each);
    b.give(&node.input[0], &g);
    Ok(())
}
