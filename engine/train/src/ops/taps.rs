//! The products of what each tap of a kernel saw with the gradient of the output.

use pleura::onnx::attribute as a;

use super::Geometry;
use crate::trace::Trace;

/// The lengths of a convolution.
pub struct Lengths {
    pub count: usize,
    pub group: usize,
    /// Input channels of a group.
    pub from: usize,
    pub to: usize,
    pub kernel: [usize; 2],
    /// The size of the output plane.
    pub size: [usize; 2],
}

impl Lengths {
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    pub fn places(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Whether to combine the images of a batch in one product: summing over images then needs no pass over as many
    /// tables of weights, but the planes must be copied.
    pub fn joins_images(&self) -> bool {
        self.group == 1 && 4 * self.taps() * self.from * self.to >= self.places() * (self.from + self.to)
    }
}

/// `x · yᵀ` of tables whose last axis holds the positions.
pub fn dot(t: &mut Trace, x: &str, y: &str) -> String {
    let rank = t.shape(y).len() as i64;
    let order: Vec<i64> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
    let turned = t.transpose(y, &order);
    t.matmul(x, &turned)
}

/// The sum over the first axis.
pub fn sum_images(t: &mut Trace, value: &str) -> String {
    let rest = t.shape(value)[1..].to_vec();
    if t.shape(value)[0] == 1 { t.reshape(value, &rest) } else { t.reduce("ReduceSum", value, &[0], false) }
}

pub fn join(t: &mut Trace, parts: &[String], axis: i64) -> String {
    match parts {
        [one] => one.clone(),
        _ => {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            t.emit("Concat", &parts, vec![a::int("axis", axis)])
        }
    }
}

/// What each kernel tap saw of `x`: (N, C, h, w) each, where h and w are the size of `g`. Columns first: taking every
/// other number of a row is slow, taking every other row is not.
pub fn tap_slices(t: &mut Trace, x: &str, geometry: &Geometry, lengths: &Lengths) -> Vec<String> {
    let Geometry { before: [top, left], after: [bottom, right], kernel: [kh, kw], stride, .. } = *geometry;
    let padded = t.pad(x, &[0, 0, top, left], &[0, 0, bottom, right]);
    let last = [0, 1].map(|axis| stride[axis] * (lengths.size[axis] as i64 - 1));
    let mut every = |from: &str, axis: usize, tap: i64| {
        t.slice(from, &[axis as i64 + 2], &[tap], &[tap + last[axis] + 1], &[stride[axis]])
    };
    let columns: Vec<String> = (0..kw).map(|column| every(&padded, 1, column)).collect();
    (0..kh).flat_map(|row| columns.iter().map(move |column| (row, column))).map(|(row, it)| every(it, 0, row)).collect()
}

/// A matrix product of what one tap saw, summed over images: (out, in, 1).
pub fn product(t: &mut Trace, slice: &str, g: &str, lengths: &Lengths) -> String {
    let Lengths { count, group, from, to, .. } = *lengths;
    let places = t.shape(g)[2..].iter().product();
    let g = t.reshape(g, &[count, group, to, places]);
    let seen = t.reshape(slice, &[count, group, from, places]);
    let product = dot(t, &g, &seen);
    let sum = sum_images(t, &product);
    t.reshape(&sum, &[group * to, from, 1])
}

pub fn gather_taps(t: &mut Trace, taps: &[String], lengths: &Lengths) -> String {
    let joined = join(t, taps, 2);
    t.reshape(&joined, &[lengths.group * lengths.to, lengths.from, lengths.kernel[0], lengths.kernel[1]])
}

/// One matrix product for all taps and images: (out, positions) times (positions, taps · channels).
pub fn together(t: &mut Trace, slices: &[String], g: &str, lengths: &Lengths) -> String {
    let Lengths { count, from, to, kernel: [kh, kw], .. } = *lengths;
    let places = count * lengths.places();
    let first = |t: &mut Trace, value: &str, channels: usize| {
        let turned = t.transpose(value, &[1, 0, 2, 3]);
        t.reshape(&turned, &[channels, places])
    };
    let seen = join(t, slices, 1);
    let (seen, g) = (first(t, &seen, kh * kw * from), first(t, g, to));
    let product = dot(t, &g, &seen);
    by_taps(t, &product, lengths)
}

/// One matrix product of each image for all taps, whose channels are too few for products of their own: (out, positions)
/// times (positions, taps · channels).
pub fn beside_each_other(t: &mut Trace, slices: &[String], g: &str, lengths: &Lengths) -> String {
    let Lengths { count, from, to, kernel: [kh, kw], .. } = *lengths;
    let seen = join(t, slices, 1);
    let seen = t.reshape(&seen, &[count, kh * kw * from, lengths.places()]);
    let g = t.reshape(g, &[count, to, lengths.places()]);
    let product = dot(t, &g, &seen);
    let sum = sum_images(t, &product);
    by_taps(t, &sum, lengths)
}

/// (out, taps · channels) -> (out, channels, kernel rows, kernel columns)
fn by_taps(t: &mut Trace, table: &str, lengths: &Lengths) -> String {
    let Lengths { from, to, kernel: [kh, kw], .. } = *lengths;
    let apart = t.reshape(table, &[to, kh * kw, from]);
    let apart = t.transpose(&apart, &[0, 2, 1]);
    t.reshape(&apart, &[to, from, kh, kw])
}

/// Depthwise: each tap's product is a dot product over the positions.
pub fn dot_products(t: &mut Trace, slices: &[String], g: &str, lengths: &Lengths) -> String {
    let shape = [lengths.count, lengths.group, lengths.places()];
    let product = |slice: &String| {
        let product = t.mul(slice, g);
        let product = t.reshape(&product, &shape);
        t.reduce("ReduceSum", &product, &[2], true)
    };
    let taps: Vec<String> = slices.iter().map(product).collect();
    let taps = join(t, &taps, 2);
    let sum = sum_images(t, &taps);
    t.reshape(&sum, &[lengths.group, 1, lengths.kernel[0], lengths.kernel[1]])
}
