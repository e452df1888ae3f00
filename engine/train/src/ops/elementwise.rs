//! Elementwise operators.

use pleura::onnx::ElementType;
use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::{Op, broadcast, first, like, optional};
use crate::backward::Backward;
use crate::trace::{Attributes, Constant, Trace, Typed};

type Gradients<'g> = &'g [Option<String>];
type Done = Result<(), String>;

pub const OPS: &[Op] = &[
    Op::new("Add", both, add),
    Op::new("Sub", both, sub),
    Op::new("Mul", both, mul),
    Op::new("Div", both, div),
    Op::new("Pow", both, pow),
    Op::new("Identity", same, pass),
    Op::new("Cast", cast_type, pass),
    Op::new("Dropout", same, pass),
    Op::new("Neg", same, neg),
    Op::new("Abs", same, abs),
    Op::new("Exp", same, exp),
    Op::new("Log", same, log),
    Op::new("Sqrt", same, sqrt),
    Op::new("Reciprocal", same, reciprocal),
    Op::new("Relu", same, relu),
    Op::new("LeakyRelu", same, leaky_relu),
    Op::new("PRelu", same, prelu),
    Op::new("Elu", same, elu),
    Op::new("Clip", same, clip),
    Op::new("Sigmoid", same, sigmoid),
    Op::new("HardSigmoid", same, hard_sigmoid),
    Op::new("Tanh", same, tanh),
    Op::new("Softplus", same, softplus),
    Op::new("Erf", same, erf),
    Op::new("Sin", same, sin),
    Op::new("Cos", same, cos),
];

fn same(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    Ok(vec![like(trace, node, 0)])
}

fn both(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let (x, y) = (trace.typed(&node.input[0]), trace.typed(&node.input[1]));
    Ok(vec![Typed { element: x.element, shape: broadcast(&x.shape, &y.shape)? }])
}

fn cast_type(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let element = ElementType::from(node.int("to").unwrap_or(0) as i32);
    Ok(vec![Typed { element, shape: trace.shape(&node.input[0]).to_vec() }])
}

fn add(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    let g = first(gradients)?;
    b.give(&node.input[0], g);
    b.give(&node.input[1], g);
    Ok(())
}

fn sub(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    let g = first(gradients)?;
    b.give(&node.input[0], g);
    if b.wants(&node.input[1]) {
        let g = b.trace.unary("Neg", g);
        b.give(&node.input[1], &g);
    }
    Ok(())
}

fn mul(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    let g = first(gradients)?;
    for (this, other) in [(0, 1), (1, 0)] {
        if b.wants(&node.input[this]) {
            let g = b.trace.mul(g, &node.input[other]);
            b.give(&node.input[this], &g);
        }
    }
    Ok(())
}

fn div(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    let (g, y) = (first(gradients)?, &node.input[1]);
    let by_y = b.trace.div(g, y);
    b.give(&node.input[0], &by_y);
    if b.wants(y) {
        // d(x/y)/dy = -(x/y)/y
        let g = b.trace.mul(&by_y, &node.output[0]);
        let g = b.trace.unary("Neg", &g);
        b.give(y, &g);
    }
    Ok(())
}

fn pow(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    let (g, x) = (first(gradients)?, &node.input[0]);
    let exponent = match b.trace.known(&node.input[1]) {
        Some(Constant::Floats(numbers)) if numbers.len() == 1 => numbers[0],
        Some(Constant::Ints(numbers)) if numbers.len() == 1 => numbers[0] as f32,
        _ => return Err("only powers with a constant exponent have a gradient".into()),
    };
    let less = b.trace.scalar(exponent - 1.0);
    let slope = b.trace.emit("Pow", &[x, &less], vec![]);
    let slope = b.trace.scale(&slope, exponent);
    let g = b.trace.mul(g, &slope);
    b.give(x, &g);
    Ok(())
}

fn pass(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    b.give(&node.input[0], first(gradients)?);
    Ok(())
}

/// Passes on `g · slope`, where `write` computes the slope.
fn times(
    b: &mut Backward<'_>,
    node: &NodeProto,
    gradients: Gradients<'_>,
    write: impl FnOnce(&mut Trace) -> String,
) -> Done {
    let g = first(gradients)?;
    let slope = write(b.trace);
    let g = b.trace.mul(g, &slope);
    b.give(&node.input[0], &g);
    Ok(())
}

fn neg(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    let g = b.trace.unary("Neg", first(gradients)?);
    b.give(&node.input[0], &g);
    Ok(())
}

fn abs(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| t.unary("Sign", &node.input[0]))
}

fn exp(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |_| node.output[0].clone())
}

fn log(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    let g = b.trace.div(first(gradients)?, &node.input[0]);
    b.give(&node.input[0], &g);
    Ok(())
}

fn sqrt(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    let g = b.trace.scale(first(gradients)?, 0.5);
    let g = b.trace.div(&g, &node.output[0]);
    b.give(&node.input[0], &g);
    Ok(())
}

fn reciprocal(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| {
        let square = t.mul(&node.output[0], &node.output[0]);
        t.unary("Neg", &square)
    })
}

/// Computed from the output alone, so that the input need not be kept. A steep `HardSigmoid` is 1 for positive numbers
/// and 0 otherwise, and takes a quarter of the time of `Sign` or a comparison.
fn relu(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| {
        t.emit("HardSigmoid", &[&node.output[0]], vec![a::float("alpha", 3e38), a::float("beta", 0.0)])
    })
}

/// `yes` where `x` is positive, `no` otherwise.
fn where_positive(t: &mut Trace, x: &str, yes: &str, no: &str) -> String {
    let zero = t.scalar(0.0);
    let positive = t.emit("Greater", &[x, &zero], vec![]);
    t.emit("Where", &[&positive, yes, no], vec![])
}

fn leaky_relu(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| {
        let (one, alpha) = (t.scalar(1.0), t.scalar(node.float("alpha").unwrap_or(0.01)));
        where_positive(t, &node.input[0], &one, &alpha)
    })
}

fn prelu(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    let (g, x, slope) = (first(gradients)?, &node.input[0], &node.input[1]);
    if b.wants(slope) {
        let zero = b.trace.scalar(0.0);
        let below = b.trace.emit("Min", &[x, &zero], vec![]);
        let g = b.trace.mul(g, &below);
        b.give(slope, &g);
    }
    times(b, node, gradients, |t| {
        let one = t.scalar(1.0);
        where_positive(t, x, &one, slope)
    })
}

fn elu(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| {
        let one = t.scalar(1.0);
        let below = t.shift(&node.output[0], node.float("alpha").unwrap_or(1.0));
        where_positive(t, &node.input[0], &one, &below)
    })
}

/// 1 where a value is strictly between two others, 0 otherwise.
fn between(t: &mut Trace, x: &str, low: Option<&str>, high: Option<&str>) -> String {
    let above = low.map(|low| t.emit("Greater", &[x, low], vec![]));
    let below = high.map(|high| t.emit("Less", &[x, high], vec![]));
    let inside = match (above, below) {
        (Some(above), Some(below)) => t.emit("And", &[&above, &below], vec![]),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return t.scalar(1.0),
    };
    t.emit("Cast", &[&inside], vec![a::int("to", i32::from(ElementType::Float).into())])
}

fn clip(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| between(t, &node.input[0], optional(node, 1), optional(node, 2)))
}

fn sigmoid(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| {
        let one = t.scalar(1.0);
        let rest = t.sub(&one, &node.output[0]);
        t.mul(&node.output[0], &rest)
    })
}

fn hard_sigmoid(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| {
        let (zero, one) = (t.scalar(0.0), t.scalar(1.0));
        let inside = between(t, &node.output[0], Some(&zero), Some(&one));
        t.scale(&inside, node.float("alpha").unwrap_or(0.2))
    })
}

fn tanh(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| {
        let (one, square) = (t.scalar(1.0), t.mul(&node.output[0], &node.output[0]));
        t.sub(&one, &square)
    })
}

fn softplus(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| t.unary("Sigmoid", &node.input[0]))
}

fn erf(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| {
        let square = t.mul(&node.input[0], &node.input[0]);
        let bell = t.unary("Neg", &square);
        let bell = t.unary("Exp", &bell);
        t.scale(&bell, std::f32::consts::FRAC_2_SQRT_PI)
    })
}

fn sin(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| t.unary("Cos", &node.input[0]))
}

fn cos(b: &mut Backward<'_>, node: &NodeProto, gradients: Gradients<'_>) -> Done {
    times(b, node, gradients, |t| {
        let sine = t.unary("Sin", &node.input[0]);
        t.unary("Neg", &sine)
    })
}
