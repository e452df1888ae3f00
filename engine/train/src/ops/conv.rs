//! Convolutions over two axes, (N, C, H, W).

use pleura::onnx::attribute as a;
use pleura::onnx::proto::{AttributeProto, NodeProto};

use super::conv_gradient::{input_gradient, transposed_input_gradient};
use super::weight_gradient::weight_gradient;
use super::{Op, first, optional};
use crate::backward::Backward;
use crate::trace::{Attributes, Trace, Typed};

pub const OPS: &[Op] = &[Op::new("Conv", convolved, conv), Op::new("ConvTranspose", widened, conv_transpose)];

/// The geometry of a convolution. Pairs are (height, width).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub kernel: [i64; 2],
    pub stride: [i64; 2],
    pub dilation: [i64; 2],
    /// Padding above and left.
    pub before: [i64; 2],
    /// Padding below and right.
    pub after: [i64; 2],
    pub group: i64,
}

/// The part of the plane that a kernel's tap sees along an axis.
pub(crate) struct Seen {
    /// The range of the kernel's positions, the end excluded.
    pub places: [i64; 2],
    /// What the tap sees at the first position.
    pub start: i64,
}

impl Geometry {
    /// From a node's attributes; `input` is the size of a convolution's input, or of a transposed one's output.
    pub fn new(node: &NodeProto, kernel: [i64; 2], input: [usize; 2]) -> Result<Self, String> {
        let pair = |name: &str| match node.ints(name) {
            None => Ok([1, 1]),
            Some([height, width]) => Ok([*height, *width]),
            Some(other) => Err(format!("its {name} are {other:?}; training supports two axes")),
        };
        let (stride, dilation) = (pair("strides")?, pair("dilations")?);
        let mut geometry =
            Self { kernel, stride, dilation, before: [0; 2], after: [0; 2], group: node.int("group").unwrap_or(1) };
        match (node.text("auto_pad").unwrap_or("NOTSET"), node.ints("pads")) {
            ("NOTSET", Some([top, left, bottom, right])) => {
                (geometry.before, geometry.after) = ([*top, *left], [*bottom, *right]);
            }
            ("NOTSET", None) | ("VALID", _) => {}
            (same @ ("SAME_UPPER" | "SAME_LOWER"), _) => geometry.pad_to_same(input, same == "SAME_LOWER"),
            (other, _) => return Err(format!("training does not support its padding `{other}`")),
        }
        Ok(geometry)
    }

    fn pad_to_same(&mut self, input: [usize; 2], lower: bool) {
        for (axis, length) in input.into_iter().enumerate() {
            let (length, stride) = (length as i64, self.stride[axis]);
            let out = (length + stride - 1) / stride;
            let pad = ((out - 1) * stride + self.span(axis) - length).max(0);
            let less = pad / 2;
            (self.before[axis], self.after[axis]) = if lower { (pad - less, less) } else { (less, pad - less) };
        }
    }

    /// The number of pixels that a kernel spans.
    pub fn span(&self, axis: usize) -> i64 {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// The number of a kernel's positions along an axis.
    pub fn places(&self, axis: usize, length: usize) -> Result<usize, String> {
        let room = length as i64 + self.before[axis] + self.after[axis] - self.span(axis);
        if room < 0 {
            return Err(format!("a kernel that spans {} does not fit into {length}", self.span(axis)));
        }
        Ok((room / self.stride[axis]) as usize + 1)
    }

    /// The positions, out of `places`, at which a kernel's tap sees the plane and not its padding, along an axis of a
    /// length; `None` if there are none.
    pub fn seen(&self, axis: usize, tap: usize, length: i64, places: usize) -> Option<Seen> {
        let at = |place: i64| place * self.stride[axis] + tap as i64 * self.dilation[axis] - self.before[axis];
        let mut inside = (0..places as i64).filter(|&place| (0..length).contains(&at(place)));
        let first = inside.next()?;
        let last = inside.next_back().unwrap_or(first);
        Some(Seen { places: [first, last + 1], start: at(first) })
    }

    /// The geometry as a node's attributes.
    pub fn attributes(&self) -> Vec<AttributeProto> {
        vec![
            a::ints("kernel_shape", &self.kernel),
            a::ints("strides", &self.stride),
            a::ints("dilations", &self.dilation),
            a::ints("pads", &[self.before[0], self.before[1], self.after[0], self.after[1]]),
            a::int("group", self.group),
        ]
    }
}

/// A value's four lengths, (N, C, H, W).
pub(super) fn planes(trace: &Trace, value: &str) -> Result<[usize; 4], String> {
    let shape = trace.shape(value);
    shape.try_into().map_err(|_| format!("`{value}` has shape {shape:?}, expected (N, C, H, W)"))
}

/// The geometry of a `Conv`, and the size of its output.
pub(super) fn geometry(trace: &Trace, node: &NodeProto) -> Result<(Geometry, [usize; 2]), String> {
    let ([_, channels, height, width], [out, each, kh, kw]) =
        (planes(trace, &node.input[0])?, planes(trace, &node.input[1])?);
    let geometry = Geometry::new(node, [kh as i64, kw as i64], [height, width])?;
    let group = geometry.group as usize;
    if each * group != channels || out % group != 0 {
        return Err(format!("{channels} channels do not match weights of {out} x {each} in {group} groups"));
    }
    let size = [geometry.places(0, height)?, geometry.places(1, width)?];
    Ok((geometry, size))
}

/// The geometry of a `Conv`.
pub(crate) fn conv_geometry(trace: &Trace, node: &NodeProto) -> Result<Geometry, String> {
    geometry(trace, node).map(|(geometry, _)| geometry)
}

fn convolved(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let (_, [height, width]) = geometry(trace, node)?;
    let input = trace.typed(&node.input[0]);
    let shape = vec![input.shape[0], trace.shape(&node.input[1])[0], height, width];
    Ok(vec![Typed { element: input.element, shape }])
}

fn conv(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let (g, (x, w)) = (first(gradients)?, (&node.input[0], &node.input[1]));
    let (geometry, _) = geometry(b.trace, node)?;
    if b.wants(x) {
        let gradient = input_gradient(b.trace, g, w, x, &geometry);
        b.give(x, &gradient);
    }
    if b.wants(w) {
        let gradient = weight_gradient(b.trace, x, g, w, &geometry);
        b.give(w, &gradient);
    }
    bias(b, node, g);
    Ok(())
}

fn bias(b: &mut Backward<'_>, node: &NodeProto, g: &str) {
    if let Some(bias) = optional(node, 2).filter(|bias| b.wants(bias)) {
        let gradient = b.trace.reduce("ReduceSum", g, &[0, 2, 3], false);
        b.give(bias, &gradient);
    }
}

/// The geometry of a `ConvTranspose` as that of the convolution that it reverses, and the size of its output.
fn undone(trace: &Trace, node: &NodeProto) -> Result<(Geometry, [usize; 2]), String> {
    let ([_, channels, height, width], [from, _, kh, kw]) =
        (planes(trace, &node.input[0])?, planes(trace, &node.input[1])?);
    if from != channels {
        return Err(format!("{channels} channels do not match weights of {from}"));
    }
    if node.ints("output_shape").is_some() || !matches!(node.text("auto_pad"), None | Some("NOTSET" | "VALID")) {
        return Err("training supports transposed convolutions with `pads` and `output_padding` only".into());
    }
    let geometry = Geometry::new(node, [kh as i64, kw as i64], [0, 0])?;
    let more = node.ints("output_padding").unwrap_or(&[0, 0]);
    let length = |axis: usize, from: usize| {
        let whole = geometry.stride[axis] * (from as i64 - 1) + geometry.span(axis) + more[axis];
        usize::try_from(whole - geometry.before[axis] - geometry.after[axis]).map_err(|_| "nothing is left".to_owned())
    };
    let size = [length(0, height)?, length(1, width)?];
    Ok((geometry, size))
}

fn widened(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let (geometry, [height, width]) = undone(trace, node)?;
    let input = trace.typed(&node.input[0]);
    let channels = trace.shape(&node.input[1])[1] * geometry.group as usize;
    Ok(vec![Typed { element: input.element, shape: vec![input.shape[0], channels, height, width] }])
}

/// The same two convolutions with input and output exchanged.
fn conv_transpose(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let (g, (x, w)) = (first(gradients)?, (&node.input[0], &node.input[1]));
    let (geometry, _) = undone(b.trace, node)?;
    if b.wants(x) {
        let gradient = transposed_input_gradient(b.trace, g, w, x, &geometry);
        b.give(x, &gradient);
    }
    if b.wants(w) {
        let gradient = weight_gradient(b.trace, g, x, w, &geometry);
        b.give(w, &gradient);
    }
    bias(b, node, g);
    Ok(())
}
