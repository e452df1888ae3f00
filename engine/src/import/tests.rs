//! What a network sees of an image is what its source makes of it: timm, torchxrayvision.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array3, Array4, Axis, s};

use super::encoder::{self, Options};
use super::torchxrayvision::{self, LABELS};
use super::{ImportError, Imported};
use crate::Radiograph;
use crate::ensemble::member::part::Part;
use crate::ensemble::member::prepare::Recipe;
use crate::ensemble::member::tensor::{self, Plane};
use crate::manifest;
use crate::onnx::{Dim, ElementType, GraphBuilder, attribute};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/import").join(name)
}

/// A classifier of images of any size.
fn classifier(folder: &Path, channels: i64, classes: i64, end: &str) -> PathBuf {
    let mut g = GraphBuilder::new("net");
    let image = g.input("image", ElementType::Float, &["batch".into(), channels.into(), "h".into(), "w".into()]);
    let mean = g.node("GlobalAveragePool", &[&image], vec![]);
    let flat = g.node("Flatten", &[&mean], vec![attribute::int("axis", 1)]);
    let weight = g.constant("weight", &[channels, classes], &vec![0.5; (channels * classes) as usize]);
    let mut numbers = g.node("MatMul", &[&flat, &weight], vec![]);
    if !end.is_empty() {
        numbers = g.node(end, &[&numbers], vec![]);
    }
    g.output(&numbers, "numbers", ElementType::Float, &[Dim::from("batch"), classes.into()]);
    let path = folder.join("net.onnx");
    g.build().write(&path).unwrap();
    path
}

/// The tensor that a member's network gets of an image.
fn tensor(member: &str, image: &Path) -> Array4<f32> {
    let member: manifest::Member = toml::from_str(member.split_once('\n').unwrap().1).unwrap();
    let part = Part::of(&member);
    let input = member.input.clone();
    let recipe = Recipe { intensity: member.intensity, input, plugins: Vec::new(), part };
    let radiograph = Radiograph::open(image).unwrap();
    let seen = recipe.apply(&radiograph, None).unwrap();
    let plane = Plane { pixels: seen.window(0), range: radiograph.range(), own: seen.own };
    tensor::batch_of(&[plane], 1, &member.input)
}

fn timm(case: &str, change: impl Fn(&mut serde_json::Value)) -> Result<encoder::Imported, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let cases: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(golden("timm/cases.json")).unwrap()).unwrap();
    let mut about = cases[case].clone();
    change(&mut about);
    let path = folder.path().join("config.json");
    fs::write(&path, about.to_string()).unwrap();
    let model = classifier(folder.path(), 3, 2, "");
    encoder::import(&model, &path, &Options { size: None, channel: Some(1) })
}

#[test]
fn timm_s_images_are_those_of_its_transform() {
    for case in ["resnet18", "tf_efficientnet_b0", "convnext_tiny", "vit_base_patch16_224", "bilinear-squash"] {
        let member = timm(case, |_| {}).unwrap().member;
        assert!(member.starts_with("[[classifier.members]]") && member.contains("score.channel = 1\n"), "{member}");
        let found = tensor(&member, &golden("timm/image.png"));
        let expected: Array3<f32> = ndarray_npy::read_npy(golden(&format!("timm/{case}.npy"))).unwrap();
        let far = found.index_axis(Axis(0), 0).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // timm rounds to 8 bits, after each of two passes; the least standard deviation is 0.224
        assert!(far < 1.1 / 255.0 / 0.224, "{case}: {far}");
    }
}

#[test]
fn what_cannot_be_said_of_timm_is_refused() {
    type Change = fn(&mut serde_json::Value);
    let none: Change = |_| {};
    let cases: [(&str, Change, &str); 6] = [
        ("border", none, "`crop_pct`: expected 1 with the mode border, found 0.9"),
        ("border", |about| about["crop_pct"] = 1.0.into(), "timm's border has a colour"),
        ("oblong", none, "an input that is not square"),
        ("resnet18", |about| about["interpolation"] = "lanczos".into(), "expected bicubic or bilinear, found lanczos"),
        ("resnet18", |about| about["crop_mode"] = "middle".into(), "the mode middle"),
        (
            "resnet18",
            |about| *about = serde_json::json!({ "std": [1.0] }),
            "neither `mean`, `input_range` nor `crop_pct`",
        ),
    ];
    for (case, change, expected) in cases {
        let message = timm(case, change).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn torchxrayvision_sees_its_range() {
    let folder = tempfile::tempdir().unwrap();
    let model = classifier(folder.path(), 1, 18, "");
    let logits = torchxrayvision::import(&model, "pneumothorax").unwrap().member;
    assert!(logits.contains("score.values = \"logits\"") && logits.contains("score.channel = 3\n"), "{logits}");
    let found = tensor(&logits, &golden("xrv/image.png"));
    let found = found.slice(s![0, 0, ..;7, ..;7]);
    let expected: Array3<f32> = ndarray_npy::read_npy(golden("xrv/224-every-7th.npy")).unwrap();
    let expected = expected.index_axis(Axis(0), 0);
    assert_eq!(found.dim(), expected.dim());
    // enlarged, both are linear; at the edge, scikit-image mixes with grey
    let inside = s![1..31, 1..31];
    let far = found.slice(inside).iter().zip(expected.slice(inside)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far < 0.01, "{far}");
    let about: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(golden("xrv/outputs.json")).unwrap()).unwrap();
    assert_eq!(about["labels"], serde_json::json!(LABELS));

    let model = classifier(folder.path(), 1, 18, "Sigmoid");
    let moved = torchxrayvision::import(&model, "Effusion").unwrap().member;
    assert!(moved.contains("score.values = \"probabilities\"") && moved.contains("score.channel = 7\n"), "{moved}");
    let unknown = torchxrayvision::import(&model, "Gout").unwrap_err().to_string();
    assert!(unknown.contains("has no label `Gout`; expected one of `Atelectasis`"), "{unknown}");
    let other = classifier(folder.path(), 1, 14, "");
    assert!(torchxrayvision::import(&other, "Edema").unwrap_err().to_string().contains("(batch, 18)"));
}

#[test]
fn an_import_overwrites_no_manifest() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ensemble.toml"), "mine").unwrap();
    let model = classifier(folder.path(), 1, 1, "");
    let about = folder.path().join("a.json");
    fs::write(&about, r#"{ "mean": [0.5], "std": [0.25], "input_range": [0, 255] }"#).unwrap();
    let member = encoder::import(&model, &about, &Options::default()).unwrap();
    assert!(member.member.contains("input.scale = 255\ninput.mean = [0.5]\ninput.std = [0.25]"), "{}", member.member);
    assert_eq!(member.ensemble(&model), None);
    let (manifest, models, remarks) = ("schema = 1".to_owned(), vec![model], Vec::new());
    let broken = Imported { manifest, models, remarks }.write(&folder.path().join("new"));
    assert!(matches!(broken, Err(ImportError::Manifest(_))), "{broken:?}");
    assert_eq!(fs::read_to_string(folder.path().join("ensemble.toml")).unwrap(), "mine");
}
