//! Running sums of counts.

use crate::trace::{Constant, Target, Trace};

/// The length of the rows that are summed by one matrix product.
const ROW: usize = 256;

/// Running sums of each row of zeros and ones, (groups, numbers): exact up to 2^24, as single precision is.
pub fn running_sums(t: &mut Trace, value: &str) -> String {
    match t.target() {
        Target::Cpu => {
            let axis = t.constant_axis(1);
            t.emit("CumSum", &[value, &axis], vec![])
        }
        // CumSum takes quadratic time there
        Target::Cuda => by_rows(t, value, product),
    }
}

/// Running sums within rows of [`ROW`] numbers, plus the sum of all rows before.
fn by_rows(t: &mut Trace, value: &str, within: impl Fn(&mut Trace, &str) -> String) -> String {
    let [groups, count] = [t.shape(value)[0], t.shape(value)[1]];
    if count <= ROW {
        return within(t, value);
    }
    let rows = count.div_ceil(ROW);
    let padded = t.pad(value, &[0, 0], &[0, (rows * ROW - count) as i64]);
    let table = t.reshape(&padded, &[groups * rows, ROW]);
    let sums = within(t, &table);
    let totals = t.slice(&sums, &[1], &[ROW as i64 - 1], &[ROW as i64], &[1]);
    let totals = t.reshape(&totals, &[groups, rows]);
    let up_to = by_rows(t, &totals, sum);
    let before = t.sub(&up_to, &totals);
    let before = t.reshape(&before, &[groups * rows, 1]);
    let all = t.add(&sums, &before);
    let all = t.reshape(&all, &[groups, rows * ROW]);
    t.slice(&all, &[1], &[0], &[count as i64], &[1])
}

/// Running sums along rows of zeros and ones, which are exact as factors of any precision.
fn product(t: &mut Trace, rows: &str) -> String {
    let triangle = triangle(t, t.shape(rows)[1]);
    let triangle = t.transpose(&triangle, &[1, 0]);
    t.matmul(rows, &triangle)
}

/// Running sums along rows of counts: as factors, TensorFloat-32 would round them.
fn sum(t: &mut Trace, rows: &str) -> String {
    let [count, length] = [t.shape(rows)[0], t.shape(rows)[1]];
    let triangle = triangle(t, length);
    let apart = t.reshape(rows, &[count, 1, length]);
    let terms = t.mul(&apart, &triangle);
    t.reduce("ReduceSum", &terms, &[2], false)
}

/// A square whose row holds ones up to the diagonal, and zeros after it.
fn triangle(t: &mut Trace, side: usize) -> String {
    let name = format!("triangle:{side}");
    if t.has(&name) {
        return name;
    }
    let ones = (0..side * side).map(|at| f32::from(u8::from(at % side <= at / side))).collect();
    t.constant(&name, &[side, side], Constant::Floats(ones))
}
