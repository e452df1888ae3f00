//! Rewritten networks give the same outputs.

use pleura::onnx::attribute as a;
use pleura::onnx::{Dim, ElementType, GraphBuilder, Model};

use super::{Mode, Network, forward};
use crate::testing::{noise, run};
use crate::trace::Trace;

/// A network of one convolution of 3 × 3, over the value that `before` makes of the image.
fn network(
    shape: [usize; 4],
    channels: usize,
    dilation: i64,
    before: impl FnOnce(&mut GraphBuilder, &str) -> String,
) -> Model {
    let mut graph = GraphBuilder::new("network");
    let image = graph.input("image", ElementType::Float, &shape.map(|length| Dim::Fixed(length as i64)));
    let x = before(&mut graph, &image);
    let (w, bias) = (noise(1, 4 * channels * 9), noise(2, 4));
    let w = graph.constant("w", &[4, channels as i64, 3, 3], &w);
    let bias = graph.constant("bias", &[4], &bias);
    let around = [dilation; 4];
    let attributes =
        vec![a::ints("kernel_shape", &[3, 3]), a::ints("pads", &around), a::ints("dilations", &around[..2])];
    let y = graph.node("Conv", &[&x, &w, &bias], attributes);
    graph.output(&y, "y", ElementType::Float, &["n".into(), 4.into(), "h".into(), "w".into()]);
    graph.build()
}

/// The network, nothing of which is frozen.
fn whole(model: &Model) -> Network<'_> {
    Network { model, channels_last: false, freeze_batch_norm: false, is_frozen: Box::new(|_| false) }
}

fn doubled(graph: &mut GraphBuilder, x: &str) -> String {
    let scales = graph.constant("const.scales", &[4], &[1.0, 1.0, 2.0, 2.0]);
    let ways = [("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")];
    graph.node("Resize", &[x, "", &scales], ways.map(|(name, way)| a::string(name, way)).to_vec())
}

/// Runs a network in its original and its training form, and returns the sizes of the latter's kernels.
fn kernels(name: &str, model: &Model, shape: [usize; 4]) -> Vec<Vec<i64>> {
    let image = (shape.to_vec(), noise(3, shape.iter().product()));
    let expected = run(model, &[("image".into(), image.clone())]).swap_remove(0);
    let mut trace = Trace::new("pass");
    forward(&mut trace, &whole(model), shape, Mode::Training).unwrap();
    trace.output("y", "answer");
    let inputs = [("image", image), ("w", weight(model, "w")), ("bias", weight(model, "bias"))];
    let traced = trace.into_model();
    let found = run(&traced, &inputs.map(|(name, numbers)| (name.to_owned(), numbers))).swap_remove(0);
    let worst = found.iter().zip(&expected).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
    assert!(found.len() == expected.len() && worst < 1e-4, "{name}: {worst}");
    let convolutions = traced.graph().node.iter().filter(|node| node.op_type == "Conv");
    convolutions.map(|node| crate::trace::Attributes::ints(node, "kernel_shape").unwrap().to_vec()).collect()
}

fn weight(model: &Model, name: &str) -> crate::testing::Numbers {
    let tensor = model.graph().initializer.iter().find(|tensor| tensor.name == name).unwrap();
    match crate::trace::read(tensor).unwrap() {
        (typed, crate::trace::Constant::Floats(numbers)) => (typed.shape, numbers),
        (typed, constant) => panic!("{typed:?} {constant:?}"),
    }
}

#[test]
fn a_kernel_over_doubled_pixels_sees_them_once() {
    let shape = [2, 3, 16, 18];
    let model = network(shape, 3, 1, doubled);
    assert_eq!(kernels("alone", &model, shape), [[2, 2]]);
    let model = network(shape, 8, 1, |graph, image| {
        let large = doubled(graph, image);
        let wide = graph.node("Concat", &[image, image], vec![a::int("axis", 1)]);
        let wide = graph.node("Slice", &[&wide, "const.from", "const.to", "const.axis"], vec![]);
        for (name, number) in [("const.from", 1), ("const.to", 6), ("const.axis", 1)] {
            graph.integers(name, &[number]);
        }
        let scales = "const.scales";
        let beside = graph.node("Resize", &[&wide, "", scales], vec![a::string("mode", "linear")]);
        graph.node("Concat", &[&large, &beside], vec![a::int("axis", 1)])
    });
    assert_eq!(kernels("beside others", &model, shape), [[2, 2], [3, 3]]);
    let small = [1, 3, 8, 8];
    assert_eq!(kernels("too small", &network(small, 3, 1, doubled), small), [[3, 3]]);
}

#[test]
fn rows_and_columns_that_only_see_the_frame_are_left_out() {
    for (dilation, expected) in [(1, [3, 3]), (5, [3, 3]), (6, [1, 3]), (8, [1, 1])] {
        let shape = [2, 3, 6, 8];
        let model = network(shape, 3, dilation, |_, image| image.to_owned());
        assert_eq!(kernels(&format!("dilation {dilation}"), &model, shape), [expected]);
    }
}

#[test]
fn names_of_the_network_s_own_are_not_taken() {
    let shape = [2, 3, 6, 6];
    let mut model = network(shape, 3, 1, |graph, image| {
        let ones = graph.constant("ones", &[3], &[1.0; 3]);
        let normal = graph.node("BatchNormalization", &[image, &ones, &ones, &ones, &ones], vec![]);
        let (low, high) = (graph.constant("const.1", &[], &[-0.5]), graph.constant("const.2", &[], &[1.5]));
        graph.node("Clip", &[&normal, &low, &high], vec![])
    });
    // with the names that the batch norm's nodes would get
    for node in &mut model.graph_mut().node {
        let names = node.input.iter_mut().chain(&mut node.output);
        names.filter(|name| *name == "clip_2").for_each(|name| *name = "const.3".into());
    }
    let mut trace = Trace::new("pass");
    forward(&mut trace, &whole(&model), shape, Mode::Training).unwrap();
    assert_eq!(trace.shape("const.3"), shape);
    assert_eq!(trace.known("const.1"), Some(&crate::trace::Constant::Floats(vec![-0.5])));
    assert_eq!(trace.known("const.2"), Some(&crate::trace::Constant::Floats(vec![1.5])));
}

#[test]
fn constants_keep_their_element_type() {
    let mut graph = GraphBuilder::new("masked");
    let shape = [1.into(), 1.into(), 2.into(), 2.into()];
    let image = graph.input("image", ElementType::Float, &shape);
    let zero = graph.scalar(0.0);
    let map = graph.node("Where", &["mask", &image, &zero], vec![]);
    graph.output(&map, "map", ElementType::Float, &shape);
    let mut model = graph.build();
    model.graph_mut().initializer.push(pleura::onnx::proto::TensorProto {
        name: "mask".into(),
        dims: vec![1, 1, 2, 2],
        data_type: ElementType::Bool.into(),
        raw_data: Some(vec![1, 0, 0, 1]),
        ..Default::default()
    });
    let mut trace = Trace::new("pass");
    forward(&mut trace, &whole(&model), [1, 1, 2, 2], Mode::Inference).unwrap();
    trace.output("map", "answer");
    let image = ("image".to_owned(), (vec![1, 1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]));
    assert_eq!(run(&trace.into_model(), &[image]).swap_remove(0)[0..], [1.0, 0.0, 0.0, 4.0]);
}
