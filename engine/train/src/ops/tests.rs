//! Every operator's gradient against finite differences.

use pleura::onnx::Model;
use pleura::onnx::attribute as a;
use pleura::onnx::proto::{AttributeProto, NodeProto};
use proptest::prelude::*;

use super::{OPS, broadcast, by_batch, without_ceil};
use crate::testing::{check_gradients, differentiate, named, noise, run};
use crate::trace::{Attributes, Constant, Target, Trace, node};

type Shape = Vec<usize>;

fn value(seed: u64, shape: &[usize]) -> (Shape, Vec<f32>) {
    (shape.to_vec(), noise(seed, shape.iter().product()))
}

/// Numbers that differ from 0 and from each other by more than a step: for operators with kinks.
fn apart(seed: u64, shape: &[usize]) -> (Shape, Vec<f32>) {
    let count: usize = shape.iter().product();
    let mut order: Vec<usize> = (0..count).collect();
    let keys = noise(seed, count);
    order.sort_by(|&x, &y| keys[x].total_cmp(&keys[y]));
    let mut numbers = vec![0.0; count];
    for (rank, place) in order.into_iter().enumerate() {
        numbers[place] = (rank as f32 + 0.5) * 4.0 / count as f32 - 2.0 + 0.003;
    }
    (shape.to_vec(), numbers)
}

/// Numbers that differ from 0.
fn away(seed: u64, shape: &[usize]) -> (Shape, Vec<f32>) {
    let (shape, numbers) = value(seed, shape);
    (shape, numbers.into_iter().map(|number| number + number.signum() * 0.1).collect())
}

fn positive(seed: u64, shape: &[usize]) -> (Shape, Vec<f32>) {
    let (shape, numbers) = value(seed, shape);
    (shape, numbers.into_iter().map(|number| number.abs() + 0.5).collect())
}

#[test]
fn elementwise() {
    let unary = |op: &str, attributes: Vec<AttributeProto>, input: (Shape, Vec<f32>)| {
        check_gradients(op, &[input], |t, v| t.emit(op, &[&v[0]], attributes.clone()));
    };
    for op in ["Neg", "Exp", "Sigmoid", "Tanh", "Softplus", "Erf", "Identity", "Softmax", "LogSoftmax"] {
        unary(op, vec![], value(1, &[2, 3, 4]));
    }
    for op in ["Relu", "Abs", "LeakyRelu", "Elu", "HardSigmoid"] {
        unary(op, vec![], apart(2, &[2, 3, 4]));
    }
    for op in ["Log", "Sqrt", "Reciprocal"] {
        unary(op, vec![], positive(3, &[2, 3, 4]));
    }
    unary("Softmax", vec![a::int("axis", 1)], value(1, &[2, 3, 4]));
    unary("LeakyRelu", vec![a::float("alpha", 0.3)], apart(2, &[5, 5]));
    unary("Cast", vec![a::int("to", 1)], value(4, &[3]));
    for (low, high) in [(Some(-0.7), Some(0.9)), (None, Some(0.4)), (Some(0.1), None)] {
        check_gradients("Clip", &[apart(5, &[4, 6])], |t, v| {
            let bounds = [low, high].map(|bound: Option<f32>| bound.map_or_else(String::new, |it| t.scalar(it)));
            t.emit("Clip", &[&v[0], &bounds[0], &bounds[1]], vec![])
        });
    }
    for exponent in [2.0, 3.0, 0.5, -1.0] {
        check_gradients("Pow", &[positive(6, &[3, 4])], |t, v| {
            let exponent = t.scalar(exponent);
            t.emit("Pow", &[&v[0], &exponent], vec![])
        });
    }
    for op in ["Sin", "Cos"] {
        unary(op, vec![], value(9, &[2, 3, 4]));
    }
    check_gradients("PRelu", &[apart(7, &[2, 3, 4, 5]), value(8, &[3, 1, 1])], |t, v| {
        t.emit("PRelu", &[&v[0], &v[1]], vec![])
    });
}

#[test]
fn pairs_broadcast() {
    let shapes: [(&[usize], &[usize]); 6] = [
        (&[2, 3, 4], &[2, 3, 4]),
        (&[2, 3, 4], &[3, 1]),
        (&[4], &[2, 3, 4]),
        (&[2, 1, 4], &[1, 3, 1]),
        (&[], &[2, 2]),
        (&[1], &[]),
    ];
    for (x, y) in shapes {
        for op in ["Add", "Sub", "Mul", "Div"] {
            check_gradients(op, &[value(1, x), positive(2, y)], |t, v| t.emit(op, &[&v[0], &v[1]], vec![]));
        }
        for op in ["Max", "Min"] {
            let far = (y.to_vec(), noise(9, y.iter().product()).iter().map(|n| n.signum() * 5.0).collect());
            check_gradients(op, &[value(1, x), far], |t, v| t.emit(op, &[&v[0], &v[1]], vec![]));
        }
        check_gradients("Where", &[value(3, x), value(4, y), away(5, &broadcast(x, y).unwrap())], |t, v| {
            let zero = t.scalar(0.0);
            let condition = t.emit("Greater", &[&v[2], &zero], vec![]);
            let chosen = t.emit("Where", &[&condition, &v[0], &v[1]], vec![]);
            t.add(&chosen, &v[2])
        });
    }
}

#[test]
fn reductions() {
    for op in ["ReduceSum", "ReduceMean", "ReduceMax"] {
        for axes in [vec![0], vec![1, 2], vec![-1], vec![0, 1, 2]] {
            for keep in [true, false] {
                check_gradients(op, &[apart(1, &[2, 3, 4])], |t, v| t.reduce(op, &v[0], &axes, keep));
            }
        }
    }
    for op in ["GlobalAveragePool", "GlobalMaxPool"] {
        check_gradients(op, &[apart(1, &[2, 3, 4, 5])], |t, v| t.unary(op, &v[0]));
    }
}

#[test]
fn layout() {
    let image = || vec![value(1, &[2, 3, 4, 5])];
    check_gradients("Reshape", &image(), |t, v| {
        let shape = t.ints(&[0, -1, 10]);
        t.emit("Reshape", &[&v[0], &shape], vec![])
    });
    check_gradients("Flatten", &image(), |t, v| t.emit("Flatten", &[&v[0]], vec![a::int("axis", 2)]));
    check_gradients("Transpose", &image(), |t, v| t.transpose(&v[0], &[3, 1, 0, 2]));
    check_gradients("Squeeze", &[value(1, &[2, 1, 3])], |t, v| {
        let axes = t.ints(&[1]);
        t.emit("Squeeze", &[&v[0], &axes], vec![])
    });
    check_gradients("Unsqueeze", &[value(1, &[2, 3])], |t, v| {
        let axes = t.ints(&[0, -1]);
        t.emit("Unsqueeze", &[&v[0], &axes], vec![])
    });
    check_gradients("Concat", &[value(1, &[2, 3, 4]), value(2, &[2, 1, 4]), value(3, &[2, 5, 4])], |t, v| {
        t.emit("Concat", &[&v[0], &v[1], &v[2]], vec![a::int("axis", -2)])
    });
    check_gradients("Split", &[value(1, &[2, 7, 3])], |t, v| {
        let lengths = t.ints(&[2, 4, 1]);
        let parts = t.emit_all("Split", &[&v[0], &lengths], 3, vec![a::int("axis", 1)]);
        t.mul(&parts[0], &parts[2]) // the middle part has no gradient
    });
    check_gradients("Expand", &[value(1, &[3, 1])], |t, v| {
        let shape = t.ints(&[2, 3, 4]);
        t.emit("Expand", &[&v[0], &shape], vec![])
    });
    check_gradients("Tile", &[value(1, &[2, 1, 3])], |t, v| {
        let repeats = t.ints(&[1, 3, 2]);
        t.emit("Tile", &[&v[0], &repeats], vec![])
    });
    check_gradients("Slice", &image(), |t, v| t.slice(&v[0], &[-1, 2], &[1, 0], &[-1, 3], &[1, 1]));
    check_gradients("Pad", &image(), |t, v| t.pad(&v[0], &[0, 1, 2, 0], &[0, 0, 1, 3]));
    check_gradients("Gather", &image(), |t, v| {
        let index = t.constant_axis(-2);
        t.emit("Gather", &[&v[0], &index], vec![a::int("axis", 1)])
    });
    check_gradients("Gather", &image(), |t, v| {
        let indices = t.constant("several", &[2, 2], Constant::Ints(vec![0, -1, 0, 1]));
        t.emit("Gather", &[&v[0], &indices], vec![a::int("axis", 1)])
    });
    check_gradients("Gather", &[value(1, &[5])], |t, v| {
        let indices = t.constant("several", &[2, 2], Constant::Ints(vec![0, -1, 0, 3]));
        t.emit("Gather", &[&v[0], &indices], vec![])
    });
    check_gradients("Slice", &image(), |t, v| t.slice(&v[0], &[-1, 2], &[-1, 0], &[i64::MIN, 3], &[-2, 2]));
    for (mode, pads) in [
        ("edge", [0, 0, 2, 1, 0, 0, 0, 3]),
        ("reflect", [0, 0, 1, 2, 0, 0, 1, 0]),
        ("wrap", [0, 0, 1, 0, 0, 0, 0, 2]),
        ("constant", [0, 0, -1, 2, 0, 0, 1, -1]),
    ] {
        check_gradients("Pad", &image(), |t, v| {
            let pads = t.ints(&pads);
            t.emit("Pad", &[&v[0], &pads], vec![a::string("mode", mode)])
        });
    }
    picking_and_placing();
    check_gradients("TopK", &[apart(1, &[3, 8])], |t, v| {
        let k = t.ints(&[5]);
        t.emit_all("TopK", &[&v[0], &k], 2, vec![a::int("axis", 1)]).swap_remove(0)
    });
}

fn picking_and_placing() {
    let data = || value(1, &[3, 4]);
    for (shape, indices) in [(&[2, 3][..], vec![0, 2, 0, 1, 0, 2]), (&[3, 4], vec![2; 12])] {
        let indices = Constant::Ints(indices);
        check_gradients("GatherElements", &[data()], |t, v| {
            let indices = t.constant("indices", shape, indices.clone());
            t.emit("GatherElements", &[&v[0], &indices], vec![])
        });
    }
    let places = Constant::Ints(vec![0, 3, 1, 0]);
    for reduction in ["none", "add"] {
        check_gradients("ScatterElements", &[data(), value(2, &[2, 2])], |t, v| {
            let places = t.constant("places", &[2, 2], places.clone());
            let attributes = vec![a::int("axis", 1), a::string("reduction", reduction)];
            t.emit("ScatterElements", &[&v[0], &places, &v[1]], attributes)
        });
        // two single numbers, and a row
        for (shape, updates) in [(&[2, 2][..], &[2][..]), (&[1, 1], &[1, 4])] {
            let at = Constant::Ints(vec![0, 3, 1, 0][..shape.iter().product()].to_vec());
            check_gradients("ScatterND", &[data(), value(2, updates)], |t, v| {
                let places = t.constant("places", shape, at.clone());
                t.emit("ScatterND", &[&v[0], &places, &v[1]], vec![a::string("reduction", reduction)])
            });
        }
    }
    for (shape, at) in [(&[3, 2][..], vec![0, 3, 1, 0, 0, 3]), (&[2, 2, 1], vec![2, 0, 2, 1])] {
        check_gradients("GatherND", &[data()], |t, v| {
            let places = t.constant("places", shape, Constant::Ints(at.clone()));
            t.emit("GatherND", &[&v[0], &places], vec![])
        });
    }
}

#[test]
fn products_over_named_axes() {
    for (equation, x, y) in [
        ("bhid,bhjd->bhij", &[2, 3, 4, 5][..], &[2, 3, 6, 5][..]),
        ("blxy,byd->bxld", &[2, 3, 4, 5], &[2, 5, 6]),
        ("ij , jk -> ik", &[2, 3], &[3, 4]),
    ] {
        check_gradients("Einsum", &[value(1, x), value(2, y)], |t, v| {
            t.emit("Einsum", &[&v[0], &v[1]], vec![a::string("equation", equation)])
        });
    }
}

#[test]
fn products() {
    check_gradients("MatMul", &[value(1, &[2, 3, 4, 5]), value(2, &[3, 5, 6])], |t, v| t.matmul(&v[0], &v[1]));
    check_gradients("MatMul", &[value(1, &[4, 5]), value(2, &[2, 5, 3])], |t, v| t.matmul(&v[0], &v[1]));
    for (flip_x, flip_y) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let x = if flip_x == 1 { [4, 3] } else { [3, 4] };
        let y = if flip_y == 1 { [5, 4] } else { [4, 5] };
        check_gradients("Gemm", &[value(1, &x), value(2, &y), value(3, &[5])], |t, v| {
            let attributes =
                vec![a::int("transA", flip_x), a::int("transB", flip_y), a::float("alpha", 0.7), a::float("beta", 1.3)];
            t.emit("Gemm", &[&v[0], &v[1], &v[2]], attributes)
        });
    }
}

fn batch_norm(t: &mut Trace, v: &[String], training: bool) -> String {
    let output = t.fresh("normal");
    let normalize =
        node("BatchNormalization", &[&v[0], &v[1], &v[2], &v[3], &v[4]], &[&output], vec![a::float("epsilon", 1e-3)]);
    if training {
        by_batch(t, &normalize).unwrap();
        // the running statistics have no gradient
        let rest = t.mul(&v[3], &v[4]);
        let wide = t.reshape(&rest, &[1, 3, 1, 1]);
        return t.add(&output, &wide);
    }
    t.take(normalize).unwrap();
    output
}

#[test]
fn batch_norms() {
    let values = [value(1, &[2, 3, 4, 5]), positive(2, &[3]), value(3, &[3]), value(4, &[3]), positive(5, &[3])];
    check_gradients("BatchNormalization", &values, |t, v| batch_norm(t, v, true));
    // with running statistics, which have no gradient themselves
    check_gradients("BatchNormalization", &values[..3], |t, v| {
        let (mean, variance) = (t.floats(&[3], vec![0.1, -0.2, 0.3]), t.floats(&[3], vec![0.5, 1.5, 2.0]));
        let output = t.fresh("normal");
        t.take(node("BatchNormalization", &[&v[0], &v[1], &v[2], &mean, &variance], &[&output], vec![])).unwrap();
        output
    });
    check_gradients("BatchNormalization of lists", &[value(1, &[6, 3]), positive(2, &[3]), value(3, &[3])], |t, v| {
        let (mean, variance) = (t.floats(&[3], vec![0.0; 3]), t.floats(&[3], vec![1.0; 3]));
        let output = t.fresh("normal");
        by_batch(t, &node("BatchNormalization", &[&v[0], &v[1], &v[2], &mean, &variance], &[&output], vec![])).unwrap();
        output
    });
}

fn conv_attributes(
    kernel: [usize; 2],
    stride: [i64; 2],
    dilation: [i64; 2],
    pads: [i64; 4],
    group: usize,
) -> Vec<AttributeProto> {
    vec![
        a::ints("kernel_shape", &kernel.map(|length| length as i64)),
        a::ints("strides", &stride),
        a::ints("dilations", &dilation),
        a::ints("pads", &pads),
        a::int("group", group as i64),
    ]
}

/// Each of the ways in which the gradient with respect to the weights is written.
#[test]
fn convolutions_of_each_kind() {
    // name; images, channels, height and width; channels out; kernel, stride, dilation, padding, groups
    let cases = [
        ("rows and columns, joined", [2, 5, 18, 17], 6, 3, 1, 1, 1, 1),
        ("rows and columns, by image", [2, 2, 19, 24], 2, 3, 1, 1, 0, 1),
        ("in groups", [2, 6, 16, 11], 4, 3, 1, 1, 1, 2),
        ("dilated", [1, 2, 33, 34], 3, 3, 1, 2, 2, 1),
        ("depthwise, large", [2, 2, 40, 33], 2, 5, 1, 1, 2, 2),
        ("depthwise, small", [2, 3, 9, 8], 3, 3, 1, 1, 1, 3),
        ("depthwise, strided", [2, 3, 13, 12], 3, 5, 2, 1, 2, 3),
        ("one channel to many", [2, 2, 16, 17], 6, 3, 1, 1, 1, 2),
        ("all taps at once", [2, 9, 5, 4], 8, 3, 1, 1, 1, 1),
        ("all taps at once, strided", [2, 8, 9, 8], 9, 3, 2, 1, 1, 1),
        ("within the plane", [2, 3, 8, 9], 4, 3, 1, 5, 5, 1),
        ("within the plane, but for one tap", [1, 3, 6, 6], 4, 3, 1, 7, 7, 1),
        ("as a convolution", [2, 3, 15, 16], 4, 7, 2, 1, 3, 1),
        ("points", [2, 4, 6, 5], 3, 1, 1, 1, 0, 1),
    ];
    for (name, size, out, kernel, stride, dilation, pad, group) in cases {
        let attributes = conv_attributes([kernel; 2], [stride; 2], [dilation; 2], [pad; 4], group);
        let w = value(2, &[out, size[1] / group, kernel, kernel]);
        check_gradients(name, &[value(1, &size), w], |t, v| t.emit("Conv", &[&v[0], &v[1]], attributes.clone()));
    }
}

/// The largest side of a kernel of a graph's convolutions.
fn largest_kernel(model: &Model) -> i64 {
    let sides = model.graph().node.iter().filter(|node| node.op_type == "Conv");
    sides.flat_map(|node| node.ints("kernel_shape").unwrap().to_vec()).max().unwrap_or(0)
}

#[test]
fn a_stem_s_weight_gradient_on_cuda_has_no_kernel_as_large_as_the_plane() {
    // channels; kernel, stride, dilation, padding
    for (channels, kernel, stride, dilation, pad) in
        [(1, 7, 2, 1, 3), (3, 7, 2, 1, 3), (3, 11, 4, 1, 2), (4, 5, 1, 1, 2), (2, 7, 1, 1, 3), (3, 4, 2, 2, 3)]
    {
        let name = format!("{channels} channels, kernel {kernel}, stride {stride}, dilation {dilation}");
        let values = [value(1, &[2, channels, 72, 80]), value(2, &[8, channels, kernel, kernel])];
        let attributes = conv_attributes([kernel; 2], [stride; 2], [dilation; 2], [pad; 4], 1);
        let [cpu, cuda] = [Target::Cpu, Target::Cuda].map(|target| {
            differentiate(target, &name, &values, |t, v| t.emit("Conv", &[&v[0], &v[1]], attributes.clone()))
        });
        assert!(largest_kernel(&cpu) > 16 && largest_kernel(&cuda) <= 16, "{name}");
        let [expected, found] = [cpu, cuda].map(|model| run(&model, &named(&values)).swap_remove(2));
        let most = expected.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
        let worst = expected.iter().zip(&found).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5 * most, "{name}: {worst} of {most}");
    }
}

#[test]
fn batch_norms_of_large_planes() {
    let values = [value(1, &[2, 3, 17, 16]), positive(2, &[3]), value(3, &[3]), value(4, &[3]), positive(5, &[3])];
    check_gradients("BatchNormalization", &values, |t, v| batch_norm(t, v, true));
}

/// A pool as a network's forward pass writes it.
fn pool(t: &mut Trace, node: NodeProto) -> String {
    let node = without_ceil(t, &node).unwrap().unwrap_or(node);
    let output = node.output[0].clone();
    t.take(node).unwrap();
    output
}

fn pair(range: std::ops::RangeInclusive<i64>) -> impl Strategy<Value = [i64; 2]> {
    [range.clone(), range]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions(
        count in 1usize..3, group in 1usize..4, each in 1usize..4, out in 1usize..4,
        kernel in pair(1..=4), stride in pair(1..=3), dilation in pair(1..=2), before in pair(0..=2), after in pair(0..=2),
        more in pair(0..=5),
    ) {
        let size: Vec<usize> = (0..2)
            .map(|axis| ((dilation[axis] * (kernel[axis] - 1) + 1 - before[axis] - after[axis]).max(1) + more[axis]) as usize)
            .collect();
        let kernel = kernel.map(|length| length as usize);
        let attributes = conv_attributes(kernel, stride, dilation, [before[0], before[1], after[0], after[1]], group);
        let x = value(1, &[count, group * each, size[0], size[1]]);
        let w = value(2, &[group * out, each, kernel[0], kernel[1]]);
        check_gradients("Conv", &[x, w, value(3, &[group * out])], |t, v| {
            t.emit("Conv", &[&v[0], &v[1], &v[2]], attributes.clone())
        });
    }

    #[test]
    fn transposed_convolutions(
        count in 1usize..3, group in 1usize..3, each in 1usize..3, out in 1usize..3,
        kernel in pair(2..=4), stride in pair(1..=3), pad in pair(0..=1), size in pair(2..=4),
    ) {
        let kernel = kernel.map(|length| length as usize);
        let mut attributes = conv_attributes(kernel, stride, [1, 1], [pad[0], pad[1], pad[0], pad[1]], group);
        attributes.push(a::ints("output_padding", &stride.map(|stride| stride - 1)));
        let x = value(1, &[count, group * each, size[0] as usize, size[1] as usize]);
        let w = value(2, &[group * each, out, kernel[0], kernel[1]]);
        check_gradients("ConvTranspose", &[x, w, value(3, &[group * out])], |t, v| {
            t.emit("ConvTranspose", &[&v[0], &v[1], &v[2]], attributes.clone())
        });
    }

    #[test]
    fn pools(
        kernel in pair(1..=3), stride in pair(1..=3), pad in 0i64..=1, size in pair(3..=7), counts_pads in 0i64..=1, ceil in 0i64..=1,
    ) {
        let pad = [kernel[0] - 1, kernel[1] - 1].map(|most| most.min(pad));
        let mut attributes =
            vec![a::ints("kernel_shape", &kernel), a::ints("strides", &stride), a::ints("pads", &[pad[0], pad[1], pad[0], pad[1]])];
        let x = apart(1, &[2, 2, size[0] as usize, size[1] as usize]);
        attributes.push(a::int("ceil_mode", ceil));
        check_gradients("MaxPool", std::slice::from_ref(&x), |t, v| pool(t, node("MaxPool", &[&v[0]], &["max", "places"], attributes.clone())));
        attributes.push(a::int("count_include_pad", counts_pads * (1 - ceil)));
        check_gradients("AveragePool", &[x], |t, v| pool(t, node("AveragePool", &[&v[0]], &["mean"], attributes.clone())));
    }

    #[test]
    fn resizes(
        size in pair(1..=5), to in pair(1..=9), mode in prop::sample::select(vec!["nearest", "linear", "cubic"]),
        leaves_out in 0i64..=1,
        coordinates in prop::sample::select(vec!["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"]),
        nearest in prop::sample::select(vec!["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"]), whole in any::<bool>(),
    ) {
        let to = if whole { [size[0] * 2, size[1] * 3] } else { to };
        let attributes = vec![
            a::string("mode", mode),
            a::int("exclude_outside", if mode == "cubic" { leaves_out } else { 0 }),
            a::float("cubic_coeff_a", -0.5),
            a::string("coordinate_transformation_mode", coordinates),
            a::string("nearest_mode", nearest),
        ];
        check_gradients("Resize", &[value(1, &[2, 2, size[0] as usize, size[1] as usize])], |t, v| {
            let sizes = t.ints(&[2, 2, to[0], to[1]]);
            t.emit("Resize", &[&v[0], "", "", &sizes], attributes.clone())
        });
    }
}

#[test]
fn the_special_ways_of_weight_gradients() {
    // few channels and many taps; many channels side by side; depthwise with a multiplier
    for (channels, out, kernel, stride, group) in
        [(3, 4, 7, 2, 1), (48, 2, 3, 1, 1), (48, 2, 3, 2, 1), (4, 8, 5, 1, 4), (1, 2, 11, 4, 1)]
    {
        let x = value(1, &[2, channels, 13, 12]);
        let w = value(2, &[out, channels / group, kernel, kernel]);
        let pad = kernel as i64 / 2;
        let attributes = conv_attributes([kernel, kernel], [stride, stride], [1, 1], [pad; 4], group);
        check_gradients("Conv", &[x, w], |t, v| t.emit("Conv", &[&v[0], &v[1]], attributes.clone()));
    }
}

#[test]
fn every_operator_with_a_gradient_is_checked() {
    let text = include_str!("tests.rs");
    let unchecked: Vec<&str> = OPS
        .values()
        .filter(|op| op.gradient.is_some())
        .map(|op| op.name)
        .filter(|name| !text.contains(&format!("\"{name}\"")))
        .collect();
    let known = ["Dropout"]; // written as a product with noise, in `forward`
    assert!(unchecked.iter().all(|name| known.contains(name)), "{unchecked:?}");
}
