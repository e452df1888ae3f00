//! Files in every format, damaged ones, and files of other networks.

mod packages;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use pleura::chain;
use pleura::onnx::{ElementType, GraphBuilder, Model, attribute};
use proptest::prelude::*;

use super::{Numbers, Report, Tensor, WeightsError, apply, read};
use crate::recipe::{Rename, Weights};

/// Made by tests/reference/weights.py.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/weights").join(name)
}

/// The script's keys and shapes.
const SHAPES: [(&str, &[usize]); 6] = [
    ("conv1.weight", &[2, 3, 3, 3]),
    ("bn1.weight", &[2]),
    ("bn1.bias", &[2]),
    ("bn1.running_mean", &[2]),
    ("bn1.running_var", &[2]),
    ("fc.weight", &[1, 2]),
];

fn tensor(k: usize, shape: &[usize]) -> Tensor {
    let numbers = (0..shape.iter().product()).map(|i: usize| k as f32 + i as f32 / 8.0).collect();
    Tensor { shape: shape.to_vec(), numbers: Numbers::Floats(numbers) }
}

fn tensors() -> IndexMap<String, Tensor> {
    SHAPES.iter().enumerate().map(|(k, (name, shape))| ((*name).to_owned(), tensor(k, shape))).collect()
}

#[test]
fn every_form_of_file_holds_the_same_numbers() {
    let files = [
        "zip.pth",
        "legacy.pth",
        "mixed.pth",
        "strided.pth",
        "state_dict.pth",
        "model_state_dict.pth",
        "model.pth",
        "module.pth",
        "plain.safetensors",
        "mixed.safetensors",
    ];
    for name in files {
        let mut found = read(&golden(name)).unwrap();
        let counter = found.shift_remove("bn1.num_batches_tracked");
        assert_eq!(counter, Some(Tensor { shape: vec![], numbers: Numbers::Other("I64".into()) }), "{name}");
        assert_eq!(found, tensors(), "{name}");
    }
}

#[test]
fn an_onnx_model_gives_what_may_be_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    let mut model = network(1);
    model.write(&path).unwrap();
    let found = read(&path).unwrap();
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var", "fc.weight"]);
    assert_eq!(found["fc.weight"], Tensor { shape: vec![1, 2], numbers: Numbers::Floats(vec![0.0; 2]) });

    model.graph_mut().initializer[0].data_location = Some(1);
    model.write(&path).unwrap();
    let error = read(&path).unwrap_err();
    assert!(chain(&error).contains("keeps weights in another file: tensor `conv1.weight` names no file"), "{error}");
}

#[test]
fn what_holds_no_weights_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let python = "`torch.save(model.state_dict(), file)`";
    let table = [
        (golden("code.pth"), vec![python, "print"]),
        (golden("other.pth"), vec![python, "data.pkl"]),
        (golden("no-tensors.pth"), vec!["no-tensors.pth` holds no tensors"]),
        (made("empty.pth", b""), vec![python, "empty.pth"]),
        (made("text.pt", b"version https://git-lfs.github.com/spec/v1"), vec!["text.pt", python]),
        (made("short.safetensors", b"\x08\0\0"), vec!["short.safetensors` cannot be read as safetensors"]),
        (made("empty.safetensors", b"\x02\0\0\0\0\0\0\0{}"), vec!["holds no tensors"]),
        (made("x.onnx", b"?"), vec!["x.onnx` cannot be read as an ONNX model"]),
        (made("x.h5", b""), vec!["unknown file name extension", ".safetensors"]),
        (folder.path().join("nowhere.pth"), vec!["cannot read weights", "nowhere.pth"]),
    ];
    for (path, expected) in table {
        let told = chain(&read(&path).unwrap_err());
        assert!(expected.iter().all(|it| told.contains(it)), "{expected:?}: {told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Damage is an error, or goes undetected; it is never a panic, and never gives tensors whose length contradicts
    /// their shape.
    #[test]
    fn damaged_files_are_no_panic(
        name in prop::sample::select(vec!["zip.pth", "legacy.pth", "state_dict.pth", "module.pth", "mixed.safetensors"]),
        keep in 0.0..=1.0_f64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = std::fs::read(golden(name)).unwrap();
        if changes.is_empty() {
            bytes.truncate((bytes.len() as f64 * keep) as usize);
        }
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        for (name, tensor) in read(&path).unwrap_or_default() {
            if let Numbers::Floats(floats) = tensor.numbers {
                prop_assert_eq!(floats.len(), tensor.shape.iter().product::<usize>(), "{}", name);
            }
        }
    }
}

/// A network with the script's keys, all of them 0, and its own constants.
fn network(channels: usize) -> Model {
    let mut graph = GraphBuilder::new("net");
    let batch = ["batch".into(), (channels as i64).into(), 8.into(), 8.into()];
    let image = graph.input("image", ElementType::Float, &batch);
    let mut weights = Vec::new();
    for (name, shape) in SHAPES {
        let mut shape: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
        if name == "conv1.weight" {
            shape[1] = channels as i64;
        }
        let zeros = vec![0.0; shape.iter().product::<i64>() as usize];
        weights.push(graph.constant(name, &shape, &zeros));
    }
    let scale = graph.constant("const.scale", &[1], &[2.0]);
    let scaled = graph.node("Mul", &[&image, &scale], vec![]);
    let half = graph.scalar(0.5);
    let shifted = graph.node("Sub", &[&scaled, &half], vec![]);
    let x = graph.node("Conv", &[&shifted, &weights[0]], vec![attribute::int("group", 1)]);
    let norm: Vec<_> = std::iter::once(&x).chain(&weights[1..5]).map(String::as_str).collect();
    let x = graph.node("BatchNormalization", &norm, vec![]);
    let axes = graph.integers("axes", &[2, 3]);
    let x = graph.node("ReduceMean", &[&x, &axes], vec![attribute::int("keepdims", 0)]);
    let score = graph.node("Gemm", &[&x, &weights[5]], vec![attribute::int("transB", 1)]);
    graph.output(&score, "score", ElementType::Float, &["batch".into(), 1.into()]);
    graph.build()
}

fn weights() -> Weights {
    let (strip_prefix, add_prefix) = (String::new(), String::new());
    Weights { file: "net.pth".into(), strip_prefix, add_prefix, ..Weights::default() }
}

fn floats(model: &Model, name: &str) -> Vec<f32> {
    model.initializer(name).unwrap().floats().unwrap()
}

#[test]
fn a_file_of_the_network_is_loaded_whole() {
    let mut model = network(3);
    let report = apply(&mut model, &weights(), read(&golden("zip.pth")).unwrap()).unwrap();
    let mut loaded = report.loaded.clone();
    loaded.sort_unstable();
    assert_eq!(loaded, ["bn1.bias", "bn1.running_mean", "bn1.running_var", "bn1.weight", "conv1.weight", "fc.weight"]);
    assert_eq!(
        report,
        Report {
            loaded: report.loaded.clone(),
            passed_over: vec!["bn1.num_batches_tracked".into()],
            ..Report::default()
        }
    );
    for (name, tensor) in tensors() {
        assert_eq!(Numbers::Floats(floats(&model, &name)), tensor.numbers, "{name}");
    }
    assert_eq!(floats(&model, "const.scale"), [2.0]);
}

#[test]
fn the_first_convolution_fits_other_channels() {
    let mut grey = network(1);
    let report = apply(&mut grey, &weights(), tensors()).unwrap();
    assert_eq!((report.summed, report.loaded.len()), (vec!["conv1.weight".to_owned()], 5));
    // Of kernel o, pixel i: the sum over c of (27 o + 9 c + i) / 8.
    let sum = |o: usize, i: usize| (3 * (27 * o + i) + 27) as f32 / 8.0;
    let expected: Vec<_> = (0..2).flat_map(|o| (0..9).map(move |i| sum(o, i))).collect();
    assert_eq!(floats(&grey, "conv1.weight"), expected);

    let mut colour = network(3);
    let mut file = tensors();
    file["conv1.weight"] = tensor(3, &[2, 1, 3, 3]);
    let report = apply(&mut colour, &weights(), file).unwrap();
    assert_eq!(report.spread, ["conv1.weight"]);
    let third = |o: usize, i: usize| (3.0 + (9 * o + i) as f32 / 8.0) / 3.0;
    let expected: Vec<_> = (0..2).flat_map(|o| (0..3).flat_map(move |_| (0..9).map(move |i| third(o, i)))).collect();
    assert_eq!(floats(&colour, "conv1.weight"), expected);
}

#[test]
fn only_the_first_convolution_of_all_channels_fits_others() {
    // Its kernel is like that of a first convolution for grey; but it is the second, or is one of three groups.
    for (name, group, before) in [("second", 1, "Conv"), ("grouped", 3, "Relu")] {
        let mut graph = GraphBuilder::new(name);
        let image = graph.input("image", ElementType::Float, &["batch".into(), 1.into(), 8.into(), 8.into()]);
        let x = match before {
            "Conv" => {
                let kernel = graph.constant("conv0.weight", &[1, 1, 1, 1], &[1.0]);
                graph.node("Conv", &[&image, &kernel], vec![])
            }
            other => graph.node(other, &[&image], vec![]),
        };
        let kernel = graph.constant("conv1.weight", &[2, 1, 3, 3], &[0.0; 18]);
        let map = graph.node("Conv", &[&x, &kernel], vec![attribute::int("group", group)]);
        graph.output(&map, "map", ElementType::Float, &["batch".into(), 2.into(), 6.into(), 6.into()]);
        let mut model = graph.build();
        let file = IndexMap::from([
            ("conv1.weight".to_owned(), tensor(0, &[2, 3, 3, 3])),
            ("conv0.weight".to_owned(), tensor(0, &[1, 1, 1, 1])),
        ]);
        let allowed = Weights { unused: vec!["conv0".into()], ..weights() };
        let told = apply(&mut model, &allowed, file).unwrap_err().to_string();
        assert!(told.contains("`conv1.weight` is [2, 1, 3, 3] in the network, but [2, 3, 3, 3] in the file"), "{told}");
    }
}

#[test]
fn everything_that_does_not_fit_is_told_at_once() {
    let mut file = tensors();
    file.swap_remove("bn1.bias");
    file.insert("bn1.bais".into(), tensor(0, &[2]));
    file.insert("layer9.weight".into(), tensor(0, &[2]));
    file["fc.weight"] = tensor(0, &[5, 2]);
    file["bn1.weight"].numbers = Numbers::Other("I64".into());
    file["bn1.running_var"].numbers = Numbers::Floats(vec![1.0, f32::NAN]);
    let mut model = network(3);
    let before = model.clone();
    let told = apply(&mut model, &weights(), file.clone()).unwrap_err().to_string();
    let expected = "the weights of `net.pth` do not match the network:\n\
        1 of the network's 6 weights are not in the file:\n  \
          `bn1.bias` (the file has `bn1.bais`)\n\
        2 of the file's 7 tensors are not in the network:\n  \
          `bn1.bais`\n  \
          `layer9.weight`\n\
        3 do not match:\n  \
          `bn1.weight` is of element type I64 in the file, expected floats\n  \
          `fc.weight` is [1, 2] in the network, but [5, 2] in the file\n  \
          `bn1.running_var` holds infinite or NaN values in the file\n\
        list weights that may start at random in `weights.missing`\n\
        list keys to ignore in `weights.unused`\n\
        list a name in `weights.missing` and its key in `weights.unused` to leave out a mismatch";
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&told), sorted(expected), "{told}");
    assert_eq!(model, before, "a model that is refused is left as it was");

    // All of it allowed.
    let prefixes = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    let missing = prefixes(&["bn1.", "fc."]);
    let unused = prefixes(&["bn1.", "fc.", "layer9"]);
    let report = apply(&mut model, &Weights { missing, unused, ..weights() }, file).unwrap();
    assert_eq!(report.loaded.len(), 2);
    assert_eq!((report.as_drawn.len(), report.passed_over.len()), (4, 5));
    assert_eq!(floats(&model, "fc.weight"), [0.0, 0.0]);
}

#[test]
fn prefixes_are_taken_off_and_put_before() {
    let file: IndexMap<_, _> = tensors().into_iter().map(|(key, tensor)| (format!("module.{key}"), tensor)).collect();
    let mut model = network(3);
    let told = apply(&mut model, &weights(), file.clone()).unwrap_err().to_string();
    assert!(told.contains("\nadd `strip_prefix = \"module.\"` to the recipe's `weights` to find 6 more"), "{told}");
    let stripped = Weights { strip_prefix: "module.".into(), ..weights() };
    assert_eq!(apply(&mut model, &stripped, file.clone()).unwrap().loaded.len(), 6);
    // A key without the prefix keeps its name.
    assert_eq!(apply(&mut model, &stripped, tensors()).unwrap().loaded.len(), 6);
    let both: IndexMap<_, _> = file.into_iter().chain(tensors()).collect();
    let told = apply(&mut model, &stripped, both).unwrap_err().to_string();
    assert!(
        told.contains("6 appear twice") && told.contains("`fc.weight` ← `module.fc.weight` and `fc.weight`"),
        "{told}"
    );

    let inner = tensors().into_iter().filter_map(|(key, tensor)| Some((key.strip_prefix("bn1.")?.to_owned(), tensor)));
    let (add_prefix, missing) = ("bn1.".into(), vec!["conv1.".into(), "fc.".into()]);
    let report = apply(&mut model, &Weights { add_prefix, missing, ..weights() }, inner.collect()).unwrap();
    assert_eq!((report.loaded.len(), report.as_drawn.len()), (4, 2));
}

#[test]
fn long_lists_are_cut_and_nothing_loaded_is_an_error() {
    let file: IndexMap<_, _> = (0..30).map(|i| (format!("x{i}.y"), tensor(0, &[1]))).collect();
    let mut model = network(1);
    let told = apply(&mut model, &weights(), file.clone()).unwrap_err().to_string();
    assert!(told.contains("30 of the file's 30 tensors") && told.contains("`x19.y`\n  … and 10 more"), "{told}");
    let everything = Weights { missing: vec![String::new()], unused: vec![String::new()], ..weights() };
    let error = apply(&mut model, &everything, file).unwrap_err();
    assert!(matches!(error, WeightsError::Nothing { .. }), "{error}");
}

#[test]
fn keys_are_replaced_by_rules() {
    let renamed =
        tensors().into_iter().map(|(key, tensor)| (key.replace("bn1", "norms.0").replace("conv1", "layers.1"), tensor));
    let rule = |from: &str, to: &str| Rename { from: from.into(), to: to.into() };
    let rules = vec![rule(r"^norms\.0\.", "bn1."), rule(r"^layers\.(\d)\.", "conv$1.")];
    let mut model = network(3);
    let report = apply(&mut model, &Weights { rename: rules, ..weights() }, renamed.collect()).unwrap();
    assert_eq!(report.loaded.len(), 6);
    let wrong = Weights { rename: vec![rule("(", "")], ..weights() };
    let told = chain(&apply(&mut model, &wrong, tensors()).unwrap_err());
    assert!(told.contains("weights.rename") && told.contains("unclosed group"), "{told}");
}

#[test]
fn a_linear_layer_is_a_convolution_of_one_pixel() {
    let mut file = tensors();
    file["fc.weight"].shape = vec![1, 2, 1, 1];
    assert_eq!(apply(&mut network(3), &weights(), file).unwrap().loaded.len(), 6);
}
