//! `pleura models show`: what an ONNX file is, and a member to start from that `check` accepts.

mod support;

use std::fs;
use std::path::Path;

use pleura::onnx::{Dim, ElementType, GraphBuilder, attribute};
use support::case::POST;

fn show(path: &Path) -> (Option<i32>, String) {
    let output = support::pleura().args(["models", "show"]).arg(path).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    (output.status.code(), said)
}

/// A network of `ops` from an image of one channel, with further axes for its output.
fn network(path: &Path, channels: i64, ops: &[&str], output: (&str, ElementType, &[Dim])) {
    let mut g = GraphBuilder::new("net");
    g.describe("made by hand");
    let dims = [Dim::from("batch"), 1.into(), "height".into(), 32.into()];
    let image = g.input("image", ElementType::Float, &dims);
    let numbers: Vec<f32> = (0..channels).map(|channel| channel as f32 - 0.5).collect();
    let weight = g.constant("weight", &[channels, 1, 1, 1], &numbers);
    let mut value = g.node("Conv", &[&image, &weight], vec![]);
    for op in ops {
        let attributes = match *op {
            "ArgMax" | "Softmax" | "LogSoftmax" => vec![attribute::int("axis", 1)],
            _ => vec![],
        };
        value = g.node(op, &[&value], attributes);
    }
    g.output(&value, output.0, output.1, output.2);
    g.build().write(path).unwrap();
}

#[test]
fn the_member_that_is_shown_passes_the_check() {
    support::runtime();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    let map = |channels: i64| [Dim::from("batch"), channels.into(), "height".into(), 32.into()];
    let score = |channels: i64| [Dim::from("batch"), channels.into(), 1.into(), 1.into()];
    type Case<'c> = (i64, &'c [&'c str], ElementType, [Dim; 4], &'c [&'c str]);
    let cases: [Case<'_>; 7] = [
        (1, &[], ElementType::Float, map(1), &["map.values = \"logits\"\n"]),
        (1, &["Sigmoid"], ElementType::Float, map(1), &["map.values = \"probabilities\"\n", ", from Sigmoid"]),
        (
            3,
            &["Softmax"],
            ElementType::Float,
            map(3),
            &["map.values = \"probabilities\"\n", "map.channel = 1 # the class"],
        ),
        (3, &["LogSoftmax"], ElementType::Float, map(3), &["map.values = \"softmax\"\n", "map.channel = 1"]),
        (2, &[], ElementType::Float, map(2), &["map.values = \"softmax\" # exclusive classes; \"logits\" if"]),
        (3, &["ArgMax"], ElementType::Int64, map(1), &["map.values = \"labels\"\n", "int64 (batch, 1, height, 32)"]),
        (
            1,
            &["GlobalAveragePool", "Sigmoid"],
            ElementType::Float,
            score(1),
            &["[[classifier.members]]", "score.values = \"probabilities\"\n"],
        ),
    ];
    for (channels, ops, element, dims, expected) in cases {
        network(&path, channels, ops, ("out", element, &dims));
        let (code, said) = show(&path);
        assert_eq!(code, Some(0), "{said}");
        let head = format!("`{}`: opset ", path.display());
        assert!(said.starts_with(&head) && said.contains(&format!(", {channels} parameters\n")), "{said}");
        assert!(said.contains("input `image`: float32 (batch, 1, height, 32)\n"), "{said}");
        assert!(said.contains("input.size = [512, 32] # the model takes others"), "{said}");
        expected.iter().for_each(|line| assert!(said.contains(line), "{line}: {said}"));
        let member = &said[said.find("\n\n").unwrap()..];
        let rest = if member.contains("[[segmenter") {
            String::new()
        } else {
            let map = "map.output = \"out\"\nmap.values = \"probabilities\"\n";
            format!("{}{map}", member.replace("classifier", "segmenter").split("score.").next().unwrap())
        };
        let manifest = folder.path().join("ensemble.toml");
        fs::write(&manifest, format!("schema = 1\nname = \"shown\"\n{POST}\n{member}\n{rest}")).unwrap();
        let checked = support::pleura().arg("check").arg(&manifest).output().unwrap();
        let told = String::from_utf8(checked.stdout).unwrap();
        if rest.is_empty() {
            assert!(checked.status.success() && told.contains("0 errors, 0 warnings"), "{ops:?}: {told}\n{said}");
        } else {
            // a score alone marks nothing: the classifier's part is sound
            assert!(!told.contains("classifier.members[0].score"), "{told}");
        }
    }
}

#[test]
fn what_is_no_network_for_an_image_has_no_member() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.onnx");
    let mut g = GraphBuilder::new("text");
    let text = g.input("tokens", ElementType::Int64, &[Dim::from("batch"), "length".into()]);
    let output = g.node("Identity", &[&text], vec![]);
    g.output(&output, "same", ElementType::Int64, &[Dim::from("batch"), "length".into()]);
    g.build().write(&path).unwrap();
    let (code, said) = show(&path);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("input `tokens`: int64 (batch, length)") && said.contains("no member to start from"),
        "{said}"
    );
    fs::write(&path, "no model").unwrap();
    let (code, said) = show(&path);
    assert!(code == Some(2) && said.contains("text.onnx"), "{said}");
    let (code, said) = show(&folder.path().join("nowhere.onnx"));
    assert!(code == Some(2) && said.contains("nowhere.onnx"), "{said}");
}
