//! Matrix products.

use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::{Op, broadcast, first, optional};
use crate::backward::Backward;
use crate::trace::{Attributes, Trace, Typed};

pub const OPS: &[Op] = &[Op::new("MatMul", multiplied, matmul), Op::new("Gemm", combined, gemm)];

fn multiplied(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let (x, y) = (trace.typed(&node.input[0]), trace.shape(&node.input[1]));
    let ([front_x @ .., rows, inner], [front_y @ .., other, columns]) = (x.shape.as_slice(), y) else {
        return Err("training supports products of matrices only".into());
    };
    if inner != other {
        return Err(format!("shapes {:?} and {y:?} have no product", x.shape));
    }
    let mut shape = broadcast(front_x, front_y)?;
    shape.extend([*rows, *columns]);
    Ok(vec![Typed { element: x.element, shape }])
}

/// The last two axes exchanged.
fn turned(t: &mut Trace, value: &str) -> String {
    let rank = t.shape(value).len() as i64;
    let mut order: Vec<i64> = (0..rank).collect();
    order.swap(rank as usize - 1, rank as usize - 2);
    t.transpose(value, &order)
}

fn matmul(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let (g, (x, y)) = (first(gradients)?, (&node.input[0], &node.input[1]));
    if b.wants(x) {
        let y = turned(b.trace, y);
        let g = b.trace.matmul(g, &y);
        b.give(x, &g);
    }
    if b.wants(y) {
        let x = turned(b.trace, x);
        let g = b.trace.matmul(&x, g);
        b.give(y, &g);
    }
    Ok(())
}

/// Whether a `Gemm` transposes each of its factors.
fn flips(node: &NodeProto) -> (bool, bool) {
    (node.int("transA") == Some(1), node.int("transB") == Some(1))
}

fn combined(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let (x, y) = (trace.typed(&node.input[0]), trace.shape(&node.input[1]));
    let ([a, b], [c, d]) = (x.shape.as_slice(), y) else { return Err("expected two matrices".into()) };
    let (flip_x, flip_y) = flips(node);
    let ((rows, inner), (other, columns)) =
        (if flip_x { (*b, *a) } else { (*a, *b) }, if flip_y { (*d, *c) } else { (*c, *d) });
    if inner != other {
        return Err(format!("shapes {:?} and {y:?} have no product", x.shape));
    }
    Ok(vec![Typed { element: x.element, shape: vec![rows, columns] }])
}

fn gemm(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let (flip_x, flip_y) = flips(node);
    let (g, (x, y)) = (first(gradients)?, (&node.input[0], &node.input[1]));
    if let Some(bias) = optional(node, 2).filter(|bias| b.wants(bias)) {
        let g = scaled(b.trace, g, node.float("beta"));
        b.give(bias, &g);
    }
    let g = scaled(b.trace, g, node.float("alpha"));
    let product = |t: &mut Trace, x: &str, y: &str, flips: (bool, bool)| {
        let flips = vec![a::int("transA", flips.0.into()), a::int("transB", flips.1.into())];
        t.emit("Gemm", &[x, y], flips)
    };
    if b.wants(x) {
        let g =
            if flip_x { product(b.trace, y, &g, (flip_y, true)) } else { product(b.trace, &g, y, (false, !flip_y)) };
        b.give(x, &g);
    }
    if b.wants(y) {
        let g =
            if flip_y { product(b.trace, &g, x, (true, flip_x)) } else { product(b.trace, x, &g, (!flip_x, false)) };
        b.give(y, &g);
    }
    Ok(())
}

fn scaled(t: &mut Trace, g: &str, factor: Option<f32>) -> String {
    match factor {
        Some(factor) if factor != 1.0 => t.scale(g, factor),
        _ => g.to_owned(),
    }
}
