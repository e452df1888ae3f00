use super::super::{fold, tidy};
use super::*;
use crate::onnx::{Dim, GraphBuilder};

fn image(channels: i64) -> [Dim; 4] {
    ["batch".into(), channels.into(), "height".into(), "width".into()]
}

/// Convolution, normalisation, ReLU, pooling, and the last layer.
fn network() -> Model {
    let mut g = GraphBuilder::new("test");
    let x = g.input("image", ElementType::Float, &image(1));
    let first = g.constant("first", &[2, 1, 1, 1], &[1.27, -2.0]);
    let y = g.node("Conv", &[&x, &first], vec![]);
    let norm = [("scale", [2.0, 1.0]), ("shift", [0.5, 0.0]), ("mean", [0.25, 0.0]), ("variance", [3.0, 0.0])];
    let norm = norm.map(|(name, numbers)| g.constant(name, &[2], &numbers));
    let norm: Vec<&str> = std::iter::once(y.as_str()).chain(norm.iter().map(String::as_str)).collect();
    let y = g.node("BatchNormalization", &norm, vec![crate::onnx::attribute::float("epsilon", 1.0)]);
    let y = g.node("Relu", &[&y], vec![]);
    let y = g.node("MaxPool", &[&y], vec![crate::onnx::attribute::ints("kernel_shape", &[1, 1])]);
    let second = g.constant("second", &[2, 2, 1, 1], &[0.0, 0.0, 1.0, 2.0]);
    let bias = g.constant("bias", &[2], &[0.0, 4.0]);
    let y = g.node("Conv", &[&y, &second, &bias], vec![]);
    let last = g.constant("last", &[1, 2, 1, 1], &[1.0, 1.0]);
    let y = g.node("Conv", &[&y, &last], vec![]);
    g.output(&y, "map", ElementType::Float, &image(1));
    g.build()
}

fn tidied() -> Model {
    let mut model = tidy::tidied(&network());
    assert_eq!(fold::fold(&mut model), 1);
    model
}

fn ranges(model: &Model) -> Ranges {
    let mut ranges = Ranges::default();
    ranges.add("image", -1.28, 1.27);
    for value in model.graph().node.iter().flat_map(|node| &node.output) {
        ranges.add(value, 0.0, 2.55);
    }
    ranges
}

/// The constant behind a node's input, through its `DequantizeLinear`: the numbers' bytes, and the steps.
fn constant(model: &Model, value: &str) -> (Vec<u8>, Vec<f32>) {
    let back = model.producer_of(value).unwrap();
    assert_eq!(back.op_type, "DequantizeLinear");
    let tensor = |place: usize| model.initializer(&back.input[place]).unwrap();
    (tensor(0).raw_data.clone().unwrap(), tensor(1).floats().unwrap())
}

fn convolutions(model: &Model) -> Vec<&NodeProto> {
    model.graph().node.iter().filter(|node| node.op_type == "Conv").collect()
}

fn near(found: &[f32], expected: &[f32]) {
    let close =
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs());
    assert!(close, "{found:?} is not {expected:?}");
}

#[test]
fn a_normalisation_goes_into_the_convolution_before_it() {
    let model = tidied();
    let conv = convolutions(&model)[0];
    // (scale / sqrt(variance + 1)): 2 / 2 and 1 / 1
    let numbers = |place: usize| model.initializer(&conv.input[place]).unwrap().floats().unwrap();
    assert_eq!((numbers(1), numbers(2)), (vec![1.27, -2.0], vec![0.25, 0.0]));
    assert!(model.graph().node.iter().all(|node| node.op_type != "BatchNormalization"));
}

#[test]
fn weights_have_steps_a_channel_and_biases_those_of_both() {
    let model = tidied();
    let (quantized, notes) = int8(&model, &ranges(&model)).unwrap();
    assert_eq!(notes, []);
    let [first, second, last] = convolutions(&quantized)[..] else { panic!("three convolutions") };
    let (numbers, steps) = constant(&quantized, &first.input[1]);
    assert_eq!(numbers, [127, (-127_i8) as u8]);
    near(&steps, &[0.01, 2.0 / 127.0]);
    // the image's steps are 0.01: 0.25 is 2500 of 0.01 × 0.01
    let (numbers, steps) = constant(&quantized, &first.input[2]);
    assert_eq!(numbers, [2500_i32, 0].map(i32::to_le_bytes).concat());
    near(&steps, &[0.0001, 0.01 * (2.0 / 127.0)]);
    let (numbers, _) = constant(&quantized, &second.input[1]);
    assert_eq!(numbers, [0, 0, 64, 127]);
    // the last layer is unchanged
    assert_eq!(last.input[1], "last");
}

#[test]
fn values_have_steps_between_their_bounds() {
    let model = tidied();
    let (quantized, _) = int8(&model, &ranges(&model)).unwrap();
    let steps: Vec<(&str, f32, u8)> = (quantized.graph().node.iter())
        .filter(|node| node.op_type == "QuantizeLinear")
        .map(|node| {
            let constant = |place: usize| quantized.initializer(&node.input[place]).unwrap();
            (node.input[0].as_str(), constant(1).floats().unwrap()[0], constant(2).raw_data.as_ref().unwrap()[0])
        })
        .collect();
    // between convolution and ReLU nothing is rounded: ONNX Runtime fuses the two nodes
    let expected = [("image", 0.01, 128), ("relu_3", 0.01, 0), ("maxpool_4", 0.01, 0), ("conv_5", 0.01, 0)];
    assert_eq!(steps.len(), expected.len(), "{steps:?}");
    for ((value, step, zero), expected) in steps.iter().zip(expected) {
        assert!(*value == expected.0 && (step - expected.1).abs() < 1e-8 && *zero == expected.2, "{steps:?}");
    }
    let pool = quantized.graph().node.iter().find(|node| node.op_type == "MaxPool").unwrap();
    assert_eq!(pool.input, ["relu_3_dequantized"]);
}

#[test]
fn transposed_convolutions_keep_their_weights_in_8_bits() {
    let mut g = GraphBuilder::new("test");
    let x = g.input("image", ElementType::Float, &image(1));
    // (in, out, height, width)
    let up = g.constant("up", &[1, 2, 1, 2], &[1.27, 0.1, -12.7, 1.0]);
    let y = g.node("ConvTranspose", &[&x, &up], vec![]);
    let last = g.constant("last", &[1, 2, 1, 1], &[1.0, 1.0]);
    let y = g.node("Conv", &[&y, &last], vec![]);
    g.output(&y, "map", ElementType::Float, &image(1));
    let model = tidy::tidied(&g.build());
    let (quantized, notes) = int8(&model, &ranges(&model)).unwrap();
    assert!(matches!(&notes[..], [Note::WeightsAlone { node, .. }] if node == "convtranspose_1"), "{notes:?}");
    let node = quantized.graph().node.iter().find(|node| node.op_type == "ConvTranspose").unwrap();
    let (numbers, steps) = constant(&quantized, &node.input[1]);
    assert_eq!(numbers, [127, 10, (-127_i8) as u8, 10]);
    near(&steps, &[0.01, 0.1]);
    assert_eq!(node.input[0], "image");
}

#[test]
fn a_network_without_such_layers_has_no_such_form() {
    let mut g = GraphBuilder::new("test");
    let x = g.input("image", ElementType::Float, &image(1));
    let y = g.node("Relu", &[&x], vec![]);
    g.output(&y, "map", ElementType::Float, &image(1));
    let model = tidy::tidied(&g.build());
    assert!(int8(&model, &ranges(&model)).is_none());
}
