use super::*;
use crate::onnx::{Dim, GraphBuilder, attribute as a};

fn image() -> [Dim; 4] {
    ["batch".into(), 1.into(), "height".into(), "width".into()]
}

/// `image` to `map` by two convolutions with `weights`, and a resize by a third; the first's values are `conv_1`.
fn network(weights: [f32; 2]) -> Model {
    let mut g = GraphBuilder::new("test");
    let x = g.input("image", ElementType::Float, &image());
    let [first, second] = weights.map(|weight| g.constant(&format!("w{weight}"), &[1, 1, 1, 1], &[weight]));
    let y = g.node("Conv", &[&x, &first], vec![]);
    let y = g.node("Conv", &[&y, &second], vec![]);
    let third = g.constant("thirds", &[4], &[1.0, 1.0, 1.0 / 3.0, 1.0 / 3.0]);
    let y = g.node("Resize", &[&y, "", &third], vec![a::string("mode", "nearest")]);
    g.output(&y, "map", ElementType::Float, &image());
    g.build()
}

fn ranges(value: &str, low: f32, high: f32) -> Ranges {
    let mut ranges = Ranges::default();
    ranges.add(value, low, high);
    ranges
}

fn ops(model: &Model) -> Vec<(&str, ElementType)> {
    let elements = Elements::new(model);
    let of = |node: &NodeProto| elements.get(&node.output[0]).unwrap();
    model.graph().node.iter().map(|node| (node.op_type.as_str(), of(node))).collect()
}

#[test]
fn numbers_are_halves_and_the_ends_are_not() {
    let (model, notes) = half(&network([2.0, 3.0]), &Ranges::default());
    let (half, single) = (ElementType::Half, ElementType::Float);
    let expected =
        [("Cast", half), ("Conv", half), ("Conv", half), ("Resize", half), ("Identity", half), ("Cast", single)];
    assert_eq!(ops(&model), expected);
    assert_eq!((model.inputs()[0].element, model.outputs()[0].element), (Some(single), Some(single)));
    let constants: Vec<_> = model.graph().initializer.iter().map(|it| (it.name.as_str(), it.element())).collect();
    // the scales of `Resize` are 32-bit floats by definition
    assert_eq!(constants, [("thirds", single), ("w2_fp16", half), ("w3_fp16", half)]);
    assert_eq!(model.initializer("w3_fp16").unwrap().floats().unwrap(), [3.0]);
    assert_eq!(notes, []);
}

#[test]
fn what_runs_over_stays_in_single_precision_and_is_told() {
    // (weights, the calibrated magnitude of the first convolution's values, the expected notes and their node)
    let table = [
        ([1e5, 3.0], (0.0, 1.0), "`conv_1` (Conv) stays in single precision: input 1, `w100000`, holds 100000"),
        ([2.0, 1e-7], (0.0, 1.0), "`conv_2` (Conv) stays in single precision: input 1, `w0.0000001`, is too small"),
        ([2.0, 3.0], (-4e4, 1.0), "`conv_1` (Conv) stays in single precision: `conv_1` reaches 40000"),
        ([2.0, 3.0], (0.0, 1e-6), "`conv_1` (Conv) stays in single precision: `conv_1` is 1e-6 at most"),
    ];
    for (weights, (low, high), expected) in table {
        let (model, notes) = half(&network(weights), &ranges("conv_1", low, high));
        assert!(notes[0].to_string().starts_with(expected), "{notes:?}");
        let elements = Elements::new(&model);
        let Note::Single { node, .. } = &notes[0] else { panic!("{notes:?}") };
        let node = model.graph().node.iter().find(|it| it.name == *node).unwrap();
        let taken = node.input.iter().chain(&node.output);
        assert!(taken.clone().all(|value| elements.get(value) == Some(ElementType::Float)), "{node:?}");
    }
}

#[test]
fn sizes_are_counted_exactly() {
    let mut g = GraphBuilder::new("test");
    let x = g.input("image", ElementType::Float, &image());
    let two = g.scalar(2.0);
    let doubled = g.node("Mul", &[&x, &two], vec![]);
    let shape = g.node("Shape", &[&doubled], vec![]);
    let size = g.node("Cast", &[&shape], vec![a::int("to", 1)]);
    let more = g.node("Mul", &[&size, &two], vec![]);
    let back = g.node("Cast", &[&more], vec![a::int("to", 7)]);
    let y = g.node("Resize", &[&doubled, "", "", &back], vec![a::string("mode", "nearest")]);
    g.output(&y, "map", ElementType::Float, &image());
    let (model, notes) = half(&g.build(), &Ranges::default());
    let (half, single, whole) = (ElementType::Half, ElementType::Float, ElementType::Int64);
    let expected = [
        ("Cast", half),
        ("Mul", half),
        ("Shape", whole),
        ("Cast", single),
        ("Mul", single),
        ("Cast", whole),
        ("Resize", half),
        ("Identity", half),
        ("Cast", single),
    ];
    assert_eq!(ops(&model), expected);
    // one factor is needed as a half and as a float: each `Mul` takes its own
    let constants: Vec<_> = model.graph().initializer.iter().map(|it| it.element()).collect();
    assert_eq!(constants, [single, half]);
    assert_eq!(notes, []);
}

#[test]
fn weights_that_lose_digits_are_counted() {
    let mut g = GraphBuilder::new("test");
    let x = g.input("image", ElementType::Float, &image());
    let weights = g.constant("w", &[3, 1, 1, 1], &[1.0, 1e-9, 3e-6]);
    let y = g.node("Conv", &[&x, &weights], vec![]);
    g.output(&y, "map", ElementType::Float, &image());
    let (_, notes) = half(&g.build(), &Ranges::default());
    assert_eq!(notes, [Note::Rounded { numbers: 3, vanished: 1, subnormal: 1 }]);
}

#[test]
fn rounding_rounds_every_value_and_computes_in_single_precision() {
    let (model, _) = half(&network([2.0, 0.1]), &Ranges::default());
    let rounding = rounding(&model);
    let (half, single) = (ElementType::Half, ElementType::Float);
    let round = [("Cast", half), ("Cast", single)];
    let computed = ["Identity", "Conv", "Conv", "Resize", "Identity"].map(|op| [&[(op, single)], &round[..]].concat());
    assert_eq!(ops(&rounding), [computed.concat(), vec![("Identity", single)]].concat());
    let weight = rounding.initializer("w0.1_fp16").unwrap();
    assert_eq!((weight.element(), weight.floats().unwrap()), (single, vec![0.099_975_586]));
}
