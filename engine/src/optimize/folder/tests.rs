use super::*;

const TEXT: &str = r#"# kept
schema = 1

[[classifier.members]]
model = "nets/a.onnx" # a
sha256 = "00"
recipe = "a.toml"
prepare = [{ plugin = "./own/libx.so", params = { model = "untouched.onnx" } }]

[[classifier.members]]
snapshots = [ { model = "../b.onnx", fold = 0 }, { model = "/far/b.onnx", fold = 1 } ]

[segmenter]
merge = { kind = "stack", model = "stack.onnx", recipe = "s.toml", input = "x" }

[[postprocess]]
plugin = "threshold"
"#;

fn layout(document: &DocumentMut) -> Layout {
    Layout::plan(document, Path::new("nowhere"))
}

#[test]
fn what_lies_outside_the_folder_comes_to_lie_in_it() {
    let document: DocumentMut = TEXT.parse().unwrap();
    let layout = layout(&document);
    let models: Vec<_> = layout.models.iter().map(|(named, to)| (named.as_str(), slashed(to))).collect();
    let expected = [
        ("../b.onnx", "models/b.onnx"),
        ("/far/b.onnx", "models/b-2.onnx"),
        ("nets/a.onnx", "nets/a.onnx"),
        ("stack.onnx", "stack.onnx"),
    ];
    assert_eq!(models, expected.map(|(named, to)| (named, to.to_owned())));
    // a plugin that is found by name elsewhere is not copied
    let plugins: Vec<_> = layout.plugins.iter().map(|(named, (_, to))| (named.as_str(), slashed(to))).collect();
    assert_eq!(plugins, [("./own/libx.so", "own/libx.so".to_owned())]);
}

#[test]
fn only_places_and_hashes_change_and_recipes_go() {
    let mut document: DocumentMut = TEXT.parse().unwrap();
    let sums = [("nets/a.onnx", "aa"), ("../b.onnx", "bb"), ("stack.onnx", "cc")];
    let sums = sums.map(|(named, sum)| (named.to_owned(), sum.to_owned())).into();
    layout(&document).rewrite(&mut document, &sums);
    let table = [
        ("sha256 = \"00\"\nrecipe = \"a.toml\"\n", "sha256 = \"aa\"\n"),
        ("\"../b.onnx\", fold = 0 }", "\"models/b.onnx\", fold = 0, sha256 = \"bb\" }"),
        ("\"/far/b.onnx\"", "\"models/b-2.onnx\""),
        ("\"stack.onnx\", recipe = \"s.toml\", input = \"x\" }", "\"stack.onnx\", input = \"x\", sha256 = \"cc\" }"),
    ];
    let expected = table.iter().fold(TEXT.to_owned(), |text, (before, after)| text.replace(before, after));
    assert_eq!(document.to_string(), expected);
}

#[test]
fn a_model_brings_the_files_in_which_it_keeps_weights() {
    use prost::Message;

    use crate::onnx::proto::{GraphProto, ModelProto, StringStringEntryProto, TensorProto};

    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let entry = StringStringEntryProto { key: "location".into(), value: "parts/weights.bin".into() };
    let tensor = TensorProto { external_data: vec![entry], ..TensorProto::default() };
    let graph = GraphProto { initializer: vec![tensor], ..GraphProto::default() };
    let model = ModelProto { graph: Some(graph), ..ModelProto::default() };
    fs::create_dir(from.path().join("parts")).unwrap();
    fs::write(from.path().join("a.onnx"), model.encode_to_vec()).unwrap();
    fs::write(from.path().join("parts/weights.bin"), b"weights").unwrap();
    copy_model(&from.path().join("a.onnx"), &to.path().join("a.onnx")).unwrap();
    assert_eq!(fs::read(to.path().join("a.onnx")).unwrap(), model.encode_to_vec());
    assert_eq!(fs::read(to.path().join("parts/weights.bin")).unwrap(), b"weights");
    // a file that is named but missing is an error, not half a model
    fs::remove_file(from.path().join("parts/weights.bin")).unwrap();
    let error = copy_model(&from.path().join("a.onnx"), &to.path().join("b.onnx")).unwrap_err().to_string();
    assert!(error.contains("weights.bin") && !to.path().join("b.onnx").exists(), "{error}");
}
