//! Rewrites convolutions in cheaper equivalent forms. The results are the same except for rounding.

use pleura::onnx::Model;
use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use crate::ops::{Geometry, conv_geometry, repeats};
use crate::trace::{Attributes, Trace};

/// Writes a convolution in a cheaper form, under its own output's name; false if there is none.
pub fn cheaper(t: &mut Trace, model: &Model, node: &NodeProto) -> Result<bool, String> {
    let geometry = conv_geometry(t, node)?;
    let result = match crop(t, node, &geometry) {
        Some(result) => Some(result),
        None => doubled(t, model, node, &geometry),
    };
    let Some(result) = result else { return Ok(false) };
    t.rename(&result, &node.output[0]);
    Ok(true)
}

/// A kernel so large that some of its rows or columns only ever see the padding: the kernel without these.
fn crop(t: &mut Trace, node: &NodeProto, geometry: &Geometry) -> Option<String> {
    let [x, w] = [&node.input[0], &node.input[1]];
    let plane = [t.shape(x)[2], t.shape(x)[3]];
    let mut cropped = geometry.clone();
    let (mut starts, mut ends) = ([0; 2], geometry.kernel);
    for axis in 0..2 {
        let places = geometry.places(axis, plane[axis]).ok()?;
        let seen = |&tap: &i64| geometry.seen(axis, tap as usize, plane[axis] as i64, places).is_some();
        starts[axis] = (0..geometry.kernel[axis]).find(seen)?;
        ends[axis] = (0..geometry.kernel[axis]).rfind(seen)? + 1;
        cropped.kernel[axis] = ends[axis] - starts[axis];
        cropped.before[axis] -= starts[axis] * geometry.dilation[axis];
        cropped.after[axis] -= (geometry.kernel[axis] - ends[axis]) * geometry.dilation[axis];
    }
    let pads = cropped.before.iter().chain(&cropped.after);
    if cropped.kernel == geometry.kernel || pads.into_iter().any(|&pad| pad < 0) {
        return None;
    }
    let w = t.slice(w, &[2, 3], &starts, &ends, &[1, 1]);
    Some(convolve(t, x, &w, node.input.get(2), &cropped))
}

fn convolve(t: &mut Trace, x: &str, w: &str, bias: Option<&String>, geometry: &Geometry) -> String {
    let inputs = [Some(x), Some(w), bias.map(String::as_str)];
    let inputs: Vec<&str> = inputs.into_iter().flatten().collect();
    t.emit("Conv", &inputs, geometry.attributes())
}

/// Smaller planes are not worth the overhead.
const SMALL: usize = 16;

/// A kernel of 3 × 3 over a plane whose pixels were doubled, possibly concatenated with other channels, as in a U-Net:
/// each of four neighbours in the result sees 2 × 2 pixels of the original plane, with sums of the kernel's weights.
/// That takes 4 products instead of 9.
fn doubled(t: &mut Trace, model: &Model, node: &NodeProto, geometry: &Geometry) -> Option<String> {
    let is_plain = (geometry.stride, geometry.dilation, geometry.group) == ([1, 1], [1, 1], 1);
    if geometry.kernel != [3, 3] || !is_plain || (geometry.before, geometry.after) != ([1, 1], [1, 1]) {
        return None;
    }
    let made = model.producer_of(&node.input[0])?;
    let (resize, beside) = match made.op_type.as_str() {
        "Resize" => (made, None),
        "Concat" if made.input.len() == 2 && made.int("axis") == Some(1) => {
            (model.producer_of(&made.input[0])?, Some(&made.input[1]))
        }
        _ => return None,
    };
    if resize.op_type != "Resize" || repeats(t, resize) != Some([2, 2]) {
        return None;
    }
    let small = &resize.input[0];
    let channels = t.shape(small)[1] as i64;
    if t.shape(small)[2..].iter().any(|&length| length < SMALL) {
        return None;
    }
    let w = &node.input[1];
    let Some(beside) = beside else {
        let whole = over_doubled(t, small, w);
        return Some(match node.input.get(2) {
            Some(bias) => {
                let bias = t.reshape(bias, &[1, t.shape(bias)[0], 1, 1]);
                t.add(&whole, &bias)
            }
            None => whole,
        });
    };
    let all = t.shape(w)[1] as i64;
    let (first, rest) = (t.slice(w, &[1], &[0], &[channels], &[1]), t.slice(w, &[1], &[channels], &[all], &[1]));
    let (first, rest) = (over_doubled(t, small, &first), convolve(t, beside, &rest, node.input.get(2), geometry));
    Some(t.add(&first, &rest))
}

/// Which of a kernel's three rows fall on the first and on the second row that they see, for even and for odd rows of
/// the result.
const FALLS: [[[f32; 3]; 2]; 2] = [[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]], [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]];

/// The convolution of the doubled plane, computed from the original plane, (N, C, h, w).
fn over_doubled(t: &mut Trace, x: &str, w: &str) -> String {
    let [count, channels, height, width] = t.shape(x).try_into().expect("a convolution takes planes");
    let out = t.shape(w)[0];
    // (3, 3) -> (even or odd row, even or odd column, 2, 2)
    let mut sums = vec![0.0; 9 * 16];
    for (at, sum) in sums.iter_mut().enumerate() {
        let (tap, to) = (at / 16, at % 16);
        *sum = FALLS[to / 8][to / 2 % 2][tap / 3] * FALLS[to / 4 % 2][to % 2][tap % 3];
    }
    let sums = t.floats(&[9, 16], sums);
    let rows = t.reshape(w, &[out * channels, 9]);
    let kernels = t.matmul(&rows, &sums);
    let kernels = t.reshape(&kernels, &[out, channels, 4, 2, 2]);
    let kernels = t.transpose(&kernels, &[2, 0, 1, 3, 4]);
    let kernels = t.reshape(&kernels, &[4 * out, channels, 2, 2]);
    let each = Geometry { kernel: [2, 2], stride: [1, 1], dilation: [1, 1], before: [1, 1], after: [1, 1], group: 1 };
    let seen = convolve(t, x, &kernels, None, &each);
    let lengths = t.ints(&[out as i64; 4]);
    let parts = t.emit_all("Split", &[&seen, &lengths], 4, vec![a::int("axis", 1)]);
    let size = [height as i64, width as i64];
    let row = |t: &mut Trace, row: usize| {
        let columns = [0, 1].map(|column| {
            let starts = [row as i64, column as i64];
            let ends = [0, 1].map(|axis| starts[axis] + size[axis]);
            let part = t.slice(&parts[2 * row + column], &[2, 3], &starts, &ends, &[1, 1]);
            t.reshape(&part, &[count * out * height * width, 1])
        });
        let row = t.emit("Concat", &[&columns[0], &columns[1]], vec![a::int("axis", 1)]);
        t.reshape(&row, &[count * out * height, 1, 2 * width])
    };
    let (even, odd) = (row(t, 0), row(t, 1));
    let both = t.emit("Concat", &[&even, &odd], vec![a::int("axis", 1)]);
    t.reshape(&both, &[count, out, 2 * height, 2 * width])
}
