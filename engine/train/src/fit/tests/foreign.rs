//! Networks as other tools export them: weights in another file, padding computed from constants; and exports without
//! training.

use pleura::onnx::proto::StringStringEntryProto;
use pleura::onnx::{Dim, ElementType, GraphBuilder, Model, attribute};

use super::*;
use crate::fit::export;

/// A convolution after PyTorch's `ZeroPad2d`, as its exporter writes it: the pads are computed from constants.
fn padded() -> Model {
    let shape = || [Dim::from("batch"), 1.into(), "height".into(), "width".into()];
    let mut g = GraphBuilder::new("padded");
    let image = g.input("image", ElementType::Float, &shape());
    let four = g.integers("four", &[4]);
    let zeros = g.node("ConstantOfShape", &[&four], vec![]);
    let zeros = g.node("Cast", &[&zeros], vec![attribute::int("to", 7)]);
    let ones = g.integers("ones", &[1, 1, 1, 1]);
    let pads = g.node("Concat", &[&ones, &zeros], vec![attribute::int("axis", 0)]);
    let pairs = g.integers("pairs", &[-1, 2]);
    let pads = g.node("Reshape", &[&pads, &pairs], vec![]);
    let (last, before, rows) =
        (g.integers("last", &[-1]), g.integers("before", &[-i64::MAX]), g.integers("rows", &[0]));
    let pads = g.node("Slice", &[&pads, &last, &before, &rows, &last], vec![]);
    let pads = g.node("Transpose", &[&pads], vec![attribute::ints("perm", &[1, 0])]);
    let pads = g.node("Reshape", &[&pads, &last], vec![]);
    let zero = g.scalar(0.0);
    let wide = g.node("Pad", &[&image, &pads, &zero], vec![]);
    let weight = g.constant("weight", &[4, 1, 3, 3], &noise(7, 36));
    let bias = g.constant("bias", &[4], &[0.1; 4]);
    let hidden = g.node("Conv", &[&wide, &weight, &bias], vec![]);
    let hidden = g.node("Relu", &[&hidden], vec![]);
    let weight = g.constant("last.weight", &[1, 4, 1, 1], &noise(8, 4));
    let map = g.node("Conv", &[&hidden, &weight], vec![]);
    g.output(&map, "map", ElementType::Float, &shape());
    g.build()
}

/// Moves the first weight of a model into another file, as `torch.onnx.export` does.
fn write_apart(mut model: Model, folder: &Path) {
    let tensor = model.graph_mut().initializer.iter_mut().find(|tensor| tensor.name == "weight").unwrap();
    let bytes: Vec<u8> = tensor.floats().unwrap().into_iter().flat_map(f32::to_le_bytes).collect();
    fs::write(folder.join("net.onnx.data"), [&[0; 16][..], &bytes].concat()).unwrap();
    let entry = |key: &str, value: String| StringStringEntryProto { key: key.into(), value };
    let (offset, length) = ("16".to_owned(), bytes.len().to_string());
    tensor.external_data =
        vec![entry("location", "net.onnx.data".into()), entry("offset", offset), entry("length", length)];
    tensor.data_location = Some(1);
    (tensor.raw_data, tensor.float_data) = (None, Vec::new());
    model.write(folder.join("net.onnx")).unwrap();
}

const NETWORK: &str = "architecture = { kind = \"onnx\", model = \"net.onnx\", map = \"map\" }";

#[test]
fn weights_in_another_file_are_trained_and_pads_are_computed() {
    let folder = data(12);
    write_apart(padded(), folder.path());
    let out = folder.path().join("out");
    let path = recipe(folder.path(), DICE, NETWORK, &phase(2, ""));
    run(&path, &out);
    let trained = pleura::onnx::read(out.join("discs-fold1.onnx")).unwrap();
    let (before, after) = (padded(), trained);
    let weight = |model: &Model| {
        let tensor = model.graph().initializer.iter().find(|tensor| tensor.name == "weight");
        tensor.unwrap().floats().unwrap()
    };
    let moved = weight(&before).iter().zip(weight(&after)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(moved > 1e-3 && moved < 1.0, "{moved}");
    fs::remove_file(folder.path().join("net.onnx.data")).unwrap();
    let error = train(&path, &options(&folder.path().join("new")), &mut Quiet::new(0)).unwrap_err();
    assert!(message(&error).contains("net.onnx` keeps weights in another file: cannot read `"), "{}", message(&error));
}

#[test]
fn a_network_is_exported_with_the_weights_of_a_file() {
    let folder = data(12);
    let at = |name: &str| folder.path().join(name);
    let seeded = |seed: u64, more: &str| {
        let path = recipe(folder.path(), &format!("seed = {seed}\n{DICE}"), STACK, &phase(1, more));
        super::super::subject::network(&crate::recipe::Recipe::read(&path).unwrap(), folder.path(), seed).unwrap().0
    };
    let first = seeded(1, "");
    first.write(at("first.onnx")).unwrap();
    let other = seeded(2, "");
    let weights = |model: &Model| {
        let floats =
            model.graph().initializer.iter().filter_map(|tensor| Some((tensor.name.clone(), tensor.floats().ok()?)));
        floats.collect::<Vec<_>>()
    };
    assert_ne!(weights(&first), weights(&other));
    let remark = export(&at("recipe.toml"), Some(&at("first.onnx")), &at("out.onnx")).unwrap();
    assert!(remark.contains("0 left at random"), "{remark}");
    assert_eq!(weights(&pleura::onnx::read(at("out.onnx")).unwrap()), weights(&first));
    let error = export(&at("recipe.toml"), None, &at("none.onnx")).unwrap_err();
    assert!(matches!(error, TrainError::NoWeights), "{}", message(&error));
    // part of the weights would be random
    padded().write(at("padded.onnx")).unwrap();
    let error = export(&at("recipe.toml"), Some(&at("padded.onnx")), &at("none.onnx")).unwrap_err();
    assert!(matches!(error, TrainError::Weights(_)) && !at("none.onnx").exists(), "{}", message(&error));
}
