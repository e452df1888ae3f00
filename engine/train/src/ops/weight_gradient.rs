//! The gradient of a convolution with respect to its weights, for which ONNX has no operator: matrix products over the
//! positions of the plane, of what each kernel tap saw with the gradient of the output.
//!
//! Measured on two cores: the fewer copies of the planes, the better. With a stride of 1, a tap's column shifts the
//! input, and its row the gradient; so a kernel of 3 × 3 needs three copies of each, not nine of one, and one product
//! per column.

use super::Geometry;
use super::taps::{
    Lengths, beside_each_other, dot, dot_products, gather_taps, join, product, sum_images, tap_slices, together,
};
use crate::trace::{Target, Trace};

/// The maximum number of elements that the taps of one convolution may take together: 64 MiB on a CPU, 256 MiB on CUDA.
const fn side_by_side(target: Target) -> usize {
    match target {
        Target::Cpu => 16 << 20,
        Target::Cuda => 64 << 20,
    }
}

/// The gradient with respect to the weights, with the shape of `w`, from the input `x` and the output's gradient `g`.
pub fn weight_gradient(t: &mut Trace, x: &str, g: &str, w: &str, geometry: &Geometry) -> String {
    let [out, from, kh, kw] = t.shape(w).try_into().expect("the shape rule saw four axes");
    let group = geometry.group as usize;
    let size = [t.shape(g)[2], t.shape(g)[3]];
    let lengths = Lengths { count: t.shape(x)[0], group, from, to: out / group, kernel: [kh, kw], size };
    let is_stem = group == 1 && from <= 4 && lengths.taps() > 9;
    // its kernel is as large as the plane: cuDNN has nothing fast for it, unless the plane is small
    if is_stem && (t.target() == Target::Cpu || lengths.places() < lengths.taps()) {
        return as_convolution(t, x, g, w, geometry);
    }
    let is_depthwise = from == 1 && lengths.to == 1;
    let extra = (geometry.span(0) - 1) as usize;
    if geometry.stride == [1, 1] && 8 * extra <= size[0].max(8) && (!is_depthwise || lengths.places() >= 1024) {
        return by_rows_and_columns(t, x, g, geometry, &lengths);
    }
    if geometry.dilation != [1, 1] {
        return within_the_plane(t, x, g, geometry, &lengths);
    }
    let slices = tap_slices(t, x, geometry, &lengths);
    let fits = lengths.count * group * from * lengths.taps() * lengths.places() <= side_by_side(t.target());
    if is_depthwise {
        dot_products(t, &slices, g, &lengths)
    } else if lengths.joins_images() && lengths.taps() > 1 && fits {
        together(t, &slices, g, &lengths)
    } else if is_stem && fits {
        beside_each_other(t, &slices, g, &lengths)
    } else {
        let products: Vec<String> = slices.iter().map(|slice| product(t, slice, g, &lengths)).collect();
        gather_taps(t, &products, &lengths)
    }
}

/// For strides of 1: `x` shifted by each column of the kernel, `g` by each row.
fn by_rows_and_columns(t: &mut Trace, x: &str, g: &str, geometry: &Geometry, lengths: &Lengths) -> String {
    let Lengths { count, group, from, to, kernel: [kh, kw], size: [_, width] } = *lengths;
    let joins = lengths.joins_images();
    let [x, g] = [x, g].map(|value| if joins { t.transpose(value, &[1, 0, 2, 3]) } else { value.to_owned() });
    let [top, left] = geometry.before;
    let wider = width as i64 - t.shape(&x)[3] as i64;
    let column = |t: &mut Trace, column: usize| {
        let shift = left - column as i64 * geometry.dilation[1];
        t.pad(&x, &[0, 0, top, shift], &[0, 0, geometry.after[0], wider - shift])
    };
    let extra = geometry.span(0) - 1;
    let places = (lengths.size[0] + extra as usize) * width;
    let [images, places] = if joins { [1, count * places] } else { [count, places] };
    let table = |t: &mut Trace, value: &str, channels: usize| t.reshape(value, &[images, group, channels, places]);
    let column = |t: &mut Trace, at: usize| {
        let padded = column(t, at);
        table(t, &padded, from)
    };
    let rows = |t: &mut Trace| -> Vec<String> {
        let shifts = (0..kh as i64).map(|row| row * geometry.dilation[0]);
        let rows = shifts.map(|shift| t.pad(&g, &[0, 0, shift, 0], &[0, 0, extra - shift, 0]));
        let rows: Vec<String> = rows.collect();
        rows.iter().map(|value| table(t, value, to)).collect()
    };
    let is_interleaved = from > 1 && kh > 1 && !joins;
    // the axes of each product: images, groups, kernel rows, channels out, channels in, kernel columns; interleaved, the
    // channels out are before the kernel rows
    let gathered = if from == 1 {
        let rows = rows(t);
        let columns: Vec<String> = (0..kw).map(|at| column(t, at)).collect();
        let columns = join(t, &columns, 2);
        let product = |row: &String| {
            let product = dot(t, row, &columns);
            t.reshape(&product, &[images, group, 1, to, 1, kw])
        };
        let products: Vec<String> = rows.iter().map(product).collect();
        join(t, &products, 2)
    } else {
        let rows = if is_interleaved {
            interleaved_rows(t, &g, [count, group, to], geometry.dilation[0], kh as i64)
        } else {
            let rows = rows(t);
            join(t, &rows, 2)
        };
        let [first, second] = if is_interleaved { [to, kh] } else { [kh, to] };
        let product = |at: usize| {
            // one shifted copy of the input at a time
            t.mark();
            let column = column(t, at);
            let product = dot(t, &rows, &column);
            t.reshape(&product, &[images, group, first, second, from, 1])
        };
        let products: Vec<String> = (0..kw).map(product).collect();
        join(t, &products, 5)
    };
    let sum = sum_images(t, &gathered);
    let order = if is_interleaved { [0, 1, 3, 2, 4] } else { [0, 2, 3, 1, 4] };
    let ordered = t.transpose(&sum, &order);
    t.reshape(&ordered, &[group * to, from, kh, kw])
}

/// `g`, (N, C, H, W), shifted by each row of the kernel, row after row within each channel: (N, groups, C / groups · kernel
/// rows, positions). A channel's numbers, with zeros for `dilation · kernel_rows` rows after all but the last, follow each
/// other at just the distance that shifts each copy by `dilation` more: one copy of `g`, not one per row.
fn interleaved_rows(t: &mut Trace, g: &str, [count, group, to]: [usize; 3], dilation: i64, kernel_rows: i64) -> String {
    let [height, width] = [t.shape(g)[2], t.shape(g)[3]];
    let gap = (dilation * kernel_rows) as usize;
    let spaced = t.pad(g, &[0; 4], &[0, 0, gap as i64, 0]);
    let spaced = t.reshape(&spaced, &[count, group, to, (height + gap) * width]);
    let last = t.reshape(g, &[count, group, to, height * width]);
    let parts: Vec<String> = std::iter::repeat_n(spaced, kernel_rows as usize - 1).chain([last]).collect();
    let joined = join(t, &parts, 3);
    let places = (height + dilation as usize * (kernel_rows as usize - 1)) * width;
    t.reshape(&joined, &[count, group, to * kernel_rows as usize, places])
}

/// For large kernels: each tap's product over only those positions where it saw the plane, and not its padding.
fn within_the_plane(t: &mut Trace, x: &str, g: &str, geometry: &Geometry, lengths: &Lengths) -> String {
    let plane = [t.shape(x)[2] as i64, t.shape(x)[3] as i64];
    let mut taps = Vec::new();
    for row in 0..lengths.kernel[0] {
        for column in 0..lengths.kernel[1] {
            let seen = [0, 1].map(|axis| geometry.seen(axis, [row, column][axis], plane[axis], lengths.size[axis]));
            let [Some(rows), Some(columns)] = seen else {
                taps.push(super::layout::zeros(t, &[lengths.group * lengths.to, lengths.from, 1]));
                continue;
            };
            let (places, starts) = ([rows.places, columns.places], [rows.start, columns.start]);
            let part = t.slice(g, &[2, 3], &places.map(|it| it[0]), &places.map(|it| it[1]), &[1, 1]);
            let ends =
                [0, 1].map(|axis| starts[axis] + geometry.stride[axis] * (places[axis][1] - places[axis][0] - 1) + 1);
            let slice = t.slice(x, &[2, 3], &starts, &ends, &geometry.stride);
            taps.push(product(t, &slice, &part, lengths));
        }
    }
    gather_taps(t, &taps, lengths)
}

/// A convolution of the channels with the gradient as its kernel: fast for few channels and many taps.
fn as_convolution(t: &mut Trace, x: &str, g: &str, w: &str, geometry: &Geometry) -> String {
    let size = t.shape(w).to_vec();
    let places = [t.shape(g)[2] as i64, t.shape(g)[3] as i64];
    let (x, g) = (t.transpose(x, &[1, 0, 2, 3]), t.transpose(g, &[1, 0, 2, 3]));
    let exchanged =
        Geometry { kernel: places, stride: geometry.dilation, dilation: geometry.stride, group: 1, ..geometry.clone() };
    let taps = t.emit("Conv", &[&x, &g], exchanged.attributes());
    let taps = t.transpose(&taps, &[1, 0, 2, 3]);
    t.slice(&taps, &[2, 3], &[0, 0], &[size[2] as i64, size[3] as i64], &[1, 1])
}
