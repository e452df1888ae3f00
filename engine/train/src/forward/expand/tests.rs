//! Composite operators in their own form and in the trace's give the same numbers.

use pleura::onnx::attribute as a;
use pleura::onnx::proto::{AttributeProto, OperatorSetIdProto};
use pleura::onnx::{ElementType, GraphBuilder, Model};

use super::super::{Mode, Network, forward};
use crate::testing::{noise, run};
use crate::trace::Trace;

/// One operator of an operator set over an image of this shape, and over constants.
struct Case {
    op: &'static str,
    opset: i64,
    shape: [i64; 4],
    /// What follows the image: shapes, whose numbers are noise.
    inputs: &'static [&'static [i64]],
    attributes: Vec<AttributeProto>,
}

fn case(op: &'static str, attributes: Vec<AttributeProto>) -> Case {
    Case { op, opset: 18, shape: [2, 8, 4, 6], inputs: &[], attributes }
}

fn model(case: &Case) -> Model {
    let mut graph = GraphBuilder::new("network");
    let dims: Vec<_> = case.shape.iter().map(|&length| length.into()).collect();
    let mut inputs = vec![graph.input("image", ElementType::Float, &dims)];
    for (at, shape) in case.inputs.iter().enumerate() {
        let numbers = noise(at as u64 + 1, shape.iter().product::<i64>() as usize);
        inputs.push(graph.constant(&format!("input{at}"), shape, &numbers));
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let y = graph.node(case.op, &inputs, case.attributes.clone());
    graph.output(&y, "y", ElementType::Float, &[]);
    let model = graph.build();
    let mut header = model.header().clone();
    header.opset_import = vec![OperatorSetIdProto { domain: String::new(), version: case.opset }];
    // an output of any rank
    let mut graph = model.graph().clone();
    graph.output[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().shape = None;
    Model::new(header, graph)
}

fn agrees(case: &Case) {
    let model = model(case);
    let shape = case.shape.map(|length| length as usize);
    let image = (shape.to_vec(), noise(9, shape.iter().product()));
    let expected = run(&model, &[("image".into(), image.clone())]).swap_remove(0);
    let mut trace = Trace::new("pass");
    let network =
        Network { model: &model, channels_last: false, freeze_batch_norm: false, is_frozen: Box::new(|_| false) };
    forward(&mut trace, &network, shape, Mode::Inference).unwrap_or_else(|error| panic!("{}: {error}", case.op));
    trace.output("y", "answer");
    let traced = trace.into_model();
    let mut fed = vec![("image".to_owned(), image)];
    let weights = traced.inputs().into_iter().filter(|input| input.name != "image");
    fed.extend(weights.map(|input| {
        let tensor = model.initializer(&input.name).unwrap();
        let shape = tensor.dims.iter().map(|&length| length as usize).collect();
        (input.name.clone(), (shape, tensor.floats().unwrap()))
    }));
    let found = run(&traced, &fed).swap_remove(0);
    let worst = found.iter().zip(&expected).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
    assert!(found.len() == expected.len() && worst < 2e-5, "{} of {}: {worst}", case.op, case.opset);
}

#[test]
fn activations() {
    for op in ["HardSwish", "Mish", "Selu", "Celu", "ThresholdedRelu"] {
        agrees(&case(op, vec![]));
    }
    agrees(&Case { opset: 24, ..case("Swish", vec![a::float("alpha", 0.7)]) });
    agrees(&case("Celu", vec![a::float("alpha", 0.4)]));
    for approximate in ["none", "tanh"] {
        agrees(&Case { opset: 20, ..case("Gelu", vec![a::string("approximate", approximate)]) });
    }
}

#[test]
fn sums_and_reductions() {
    for op in ["Sum", "Mean", "Max", "Min"] {
        agrees(&Case { inputs: &[&[8, 1, 1], &[2, 8, 4, 6]], ..case(op, vec![]) });
    }
    for op in ["ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "ReduceMean"] {
        for keep in [0, 1] {
            let attributes = vec![a::ints("axes", &[1, -1]), a::int("keepdims", keep)];
            agrees(&Case { opset: 13, ..case(op, attributes) });
        }
    }
    agrees(&Case { opset: 11, ..case("ReduceSum", vec![a::ints("axes", &[2])]) });
}

#[test]
fn norms() {
    let over = |inputs| Case { inputs, ..case("LayerNormalization", vec![a::int("axis", 2)]) };
    agrees(&over(&[&[4, 6], &[4, 6]]));
    agrees(&over(&[&[4, 6]]));
    agrees(&Case { inputs: &[&[8], &[8]], ..case("InstanceNormalization", vec![]) });
    let groups = || vec![a::int("num_groups", 4)];
    agrees(&Case { inputs: &[&[4], &[4]], ..case("GroupNormalization", groups()) });
    agrees(&Case { opset: 21, inputs: &[&[8], &[8]], ..case("GroupNormalization", groups()) });
    agrees(&Case { opset: 23, inputs: &[&[6]], ..case("RMSNormalization", vec![]) });
}

#[test]
fn blocks_of_pixels() {
    for mode in ["DCR", "CRD"] {
        agrees(&case("DepthToSpace", vec![a::int("blocksize", 2), a::string("mode", mode)]));
    }
    agrees(&case("SpaceToDepth", vec![a::int("blocksize", 2)]));
}

#[test]
fn attention() {
    let all: &[&[i64]] = &[&[2, 8, 5, 6], &[2, 8, 5, 3]];
    agrees(&Case { opset: 23, inputs: all, ..case("Attention", vec![]) });
    agrees(&Case { opset: 23, inputs: &[&[2, 8, 5, 6], &[2, 8, 5, 3], &[4, 5]], ..case("Attention", vec![]) });
    agrees(&Case { opset: 23, inputs: all, ..case("Attention", vec![a::float("scale", 0.3)]) });
}

#[test]
fn forms_of_older_operator_sets() {
    agrees(&Case { opset: 11, shape: [2, 8, 1, 1], ..case("Softmax", vec![]) });
    agrees(&Case { opset: 11, shape: [1, 1, 4, 1], ..case("LogSoftmax", vec![]) });
    agrees(&Case { opset: 11, ..case("Softmax", vec![a::int("axis", -1)]) });
    agrees(&Case { opset: 11, shape: [2, 8, 1, 1], ..case("Squeeze", vec![a::ints("axes", &[2, 3])]) });
    agrees(&Case { opset: 11, ..case("Unsqueeze", vec![a::ints("axes", &[0, 5])]) });
    agrees(&Case { opset: 11, ..case("Split", vec![a::int("axis", 1), a::ints("split", &[8])]) });
    agrees(&Case { opset: 11, ..case("Dropout", vec![a::float("ratio", 0.5)]) });
    for (op, shape) in [("MaxPool", [1, 2, 5, 7]), ("AveragePool", [1, 2, 8, 6]), ("MaxPool", [1, 2, 4, 3])] {
        let attributes = vec![a::ints("kernel_shape", &[3, 3]), a::ints("strides", &[2, 2]), a::int("ceil_mode", 1)];
        agrees(&Case { shape, ..case(op, attributes) });
    }
}

#[test]
fn several_axes_at_once_are_refused() {
    let model = model(&Case { opset: 11, ..case("Softmax", vec![]) });
    let network =
        Network { model: &model, channels_last: false, freeze_batch_norm: false, is_frozen: Box::new(|_| false) };
    let error = forward(&mut Trace::new("pass"), &network, [2, 8, 4, 6], Mode::Inference).unwrap_err().to_string();
    assert!(error.contains("(Softmax): in operator sets before 13 it is over 3 axes at once"), "{error}");
}

#[test]
fn every_composite_operator_is_compared() {
    let text = include_str!("tests.rs");
    let missing: Vec<_> = super::EXPANDED.iter().filter(|op| !text.contains(&format!("\"{op}\""))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
