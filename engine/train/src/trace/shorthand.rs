//! Shorthands for the nodes of gradients and losses.

use pleura::onnx::attribute as a;

use super::{Constant, Shape, Trace};

impl Trace {
    /// A scalar.
    pub fn scalar(&mut self, number: f32) -> String {
        let name = format!("number:{}", number.to_bits());
        if self.has(&name) { name } else { self.constant(&name, &[], Constant::Floats(vec![number])) }
    }

    /// A list of integers.
    pub fn ints(&mut self, numbers: &[i64]) -> String {
        let name = format!("integers:{numbers:?}");
        if self.has(&name) { name } else { self.constant(&name, &[numbers.len()], Constant::Ints(numbers.to_vec())) }
    }

    /// A single integer that denotes an axis.
    pub fn constant_axis(&mut self, axis: i64) -> String {
        let name = format!("axis:{axis}");
        if self.has(&name) { name } else { self.constant(&name, &[], Constant::Ints(vec![axis])) }
    }

    /// Floats of a shape, row-major.
    pub fn floats(&mut self, shape: &[usize], numbers: Vec<f32>) -> String {
        let name = self.fresh("const");
        self.constant(&name, shape, Constant::Floats(numbers))
    }

    /// `x + y`, with broadcasting, like all of these.
    pub fn add(&mut self, x: &str, y: &str) -> String {
        self.emit("Add", &[x, y], vec![])
    }

    /// `x - y`.
    pub fn sub(&mut self, x: &str, y: &str) -> String {
        self.emit("Sub", &[x, y], vec![])
    }

    /// `x · y`.
    pub fn mul(&mut self, x: &str, y: &str) -> String {
        self.emit("Mul", &[x, y], vec![])
    }

    /// `x / y`.
    pub fn div(&mut self, x: &str, y: &str) -> String {
        self.emit("Div", &[x, y], vec![])
    }

    /// `x · number`.
    pub fn scale(&mut self, x: &str, number: f32) -> String {
        let number = self.scalar(number);
        self.mul(x, &number)
    }

    /// `x + number`.
    pub fn shift(&mut self, x: &str, number: f32) -> String {
        let number = self.scalar(number);
        self.add(x, &number)
    }

    /// An operator of one input and no attributes.
    pub fn unary(&mut self, op: &str, x: &str) -> String {
        self.emit(op, &[x], vec![])
    }

    /// The same numbers, row-major, in another shape.
    pub fn reshape(&mut self, x: &str, shape: &[usize]) -> String {
        if self.shape(x) == shape {
            return x.to_owned();
        }
        let shape: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
        let shape = self.ints(&shape);
        self.emit("Reshape", &[x, &shape], vec![])
    }

    /// Permutes the axes.
    pub fn transpose(&mut self, x: &str, order: &[i64]) -> String {
        self.emit("Transpose", &[x], vec![a::ints("perm", order)])
    }

    /// `ReduceSum` or another reduction over axes, which are kept with length 1 if `keep`.
    pub fn reduce(&mut self, op: &str, x: &str, axes: &[i64], keep: bool) -> String {
        let axes = self.ints(axes);
        self.emit(op, &[x, &axes], vec![a::int("keepdims", i64::from(keep))])
    }

    /// The sum over all numbers, a scalar.
    pub fn total(&mut self, x: &str) -> String {
        let axes: Vec<i64> = (0..self.shape(x).len() as i64).collect();
        if axes.is_empty() { x.to_owned() } else { self.reduce("ReduceSum", x, &axes, false) }
    }

    /// `x · y` of matrices; the axes before the last two are a batch.
    pub fn matmul(&mut self, x: &str, y: &str) -> String {
        self.emit("MatMul", &[x, y], vec![])
    }

    /// From each of `axes`, the range from `starts` to `ends`, excluded, in `steps`.
    pub fn slice(&mut self, x: &str, axes: &[i64], starts: &[i64], ends: &[i64], steps: &[i64]) -> String {
        let (starts, ends, axes, steps) = (self.ints(starts), self.ints(ends), self.ints(axes), self.ints(steps));
        self.emit("Slice", &[x, &starts, &ends, &axes, &steps], vec![])
    }

    /// Pads with zeros: `before` and `after` each axis.
    pub fn pad(&mut self, x: &str, before: &[i64], after: &[i64]) -> String {
        let pads: Vec<i64> = before.iter().chain(after).copied().collect();
        if pads.iter().all(|&pad| pad == 0) {
            return x.to_owned();
        }
        let pads = self.ints(&pads);
        self.emit("Pad", &[x, &pads], vec![])
    }

    /// Sums over broadcast axes: from the shape of `x` back to `shape`.
    pub fn sum_to(&mut self, x: &str, shape: &[usize]) -> String {
        let from: Shape = self.shape(x).to_vec();
        if from == shape {
            return x.to_owned();
        }
        let extra = from.len() - shape.len();
        let stretched = |axis: usize| axis < extra || (shape[axis - extra] == 1 && from[axis] != 1);
        let axes: Vec<i64> = (0..from.len()).filter(|&axis| stretched(axis)).map(|axis| axis as i64).collect();
        let summed = if axes.is_empty() { x.to_owned() } else { self.reduce("ReduceSum", x, &axes, true) };
        self.reshape(&summed, shape)
    }
}
