//! Every operator that training graphs and exports have runs on CUDA, by `tests/gpu/coverage.tsv`, which was asked of
//! ONNX Runtime's CUDA provider.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pleura::onnx::proto::NodeProto;
use pleura::onnx::{ElementType, Model};
use serde_json::Value;

use super::super::{PassOptions, Source, Subject, graph, optimizer, pass, scaler};
use crate::forward::Mode;
use crate::nets;
use crate::recipe::{Heads, Loss, LossTerm, Network, Optimizer, Precision, json_schema};
use crate::trace::{Attributes, Target};

const TABLE: &str = include_str!("../../../../../tests/gpu/coverage.tsv");

/// The operator set of training graphs and exports.
const OPSET: &str = "18";

/// The largest side of a convolution's kernel, unless the network's own are larger.
const LARGEST_KERNEL: i64 = 16;

/// Where each row of the table runs: (operator with its variant, element type) → `cuda`, `CPU`, `folded` or `n/a`.
fn table() -> HashMap<(&'static str, &'static str), &'static str> {
    let row = |line: &'static str| {
        let mut cells = line.split('\t');
        let key = (cells.next()?, cells.next()?);
        let placed = cells.find_map(|cell| cell.strip_prefix(OPSET)?.strip_prefix(':'))?;
        Some((key, placed))
    };
    TABLE.lines().map(|line| row(line).unwrap_or_else(|| panic!("no operator set {OPSET}: {line}"))).collect()
}

/// The element types of a graph's values.
pub fn elements(model: &Model) -> HashMap<String, ElementType> {
    let inputs = model.inputs().into_iter().map(|input| (input.name, input.element.unwrap()));
    let constants = model.graph().initializer.iter();
    let constants = constants.map(|tensor| (tensor.name.clone(), ElementType::from(tensor.data_type)));
    let mut known: HashMap<_, _> = inputs.chain(constants).collect();
    for node in &model.graph().node {
        for (at, output) in node.output.iter().enumerate() {
            known.insert(output.clone(), element(node, at, &known));
        }
    }
    known
}

fn element(node: &NodeProto, output: usize, known: &HashMap<String, ElementType>) -> ElementType {
    match (node.op_type.as_str(), output) {
        ("Cast", _) => ElementType::from(node.int("to").unwrap() as i32),
        ("Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Not", _) => {
            ElementType::Bool
        }
        ("Shape", _) | ("TopK" | "MaxPool", 1) => ElementType::Int64,
        ("ConstantOfShape", _) => ElementType::Float,
        ("Where", _) => known[&node.input[1]],
        _ => known[&node.input[0]],
    }
}

/// A node as the table names it: the operator with its variant, and the type of its numbers.
fn row(node: &NodeProto, known: &HashMap<String, ElementType>) -> (String, String) {
    let op = node.op_type.as_str();
    let text = |name: &str, default: &str| node.text(name).unwrap_or(default).to_owned();
    let name = match op {
        "MaxPool" if node.output.len() > 1 => "MaxPool2".to_owned(),
        "AveragePool" if node.int("ceil_mode") == Some(1) => "AveragePoolCeil".into(),
        "ScatterElements" | "ScatterND" if node.text("reduction").is_some_and(|it| it != "none") => {
            format!("{op}-{}", text("reduction", "none"))
        }
        "Resize" => {
            format!("Resize-{}-{}", text("mode", "nearest"), text("coordinate_transformation_mode", "half_pixel"))
        }
        "Pad" if text("mode", "constant") != "constant" => format!("Pad-{}", text("mode", "constant")),
        _ => op.to_owned(),
    };
    let numbers = match op {
        "Where" => &node.input[1],
        "ConstantOfShape" => &node.output[0],
        _ => &node.input[0],
    };
    let kind = match known[numbers] {
        ElementType::Float => "f32".to_owned(),
        ElementType::Half => "f16".into(),
        ElementType::BFloat16 => "bf16".into(),
        // of comparisons, which have no numbers, and of indices
        other => format!("{other}"),
    };
    (name, kind)
}

/// The rows that a graph needs.
fn rows(model: &Model) -> BTreeSet<(String, String)> {
    let known = elements(model);
    model.graph().node.iter().map(|node| row(node, &known)).collect()
}

/// Those that are not on CUDA.
fn missing(needed: &BTreeSet<(String, String)>) -> Vec<String> {
    let table = table();
    let is_there = |(name, kind): &&(String, String)| {
        matches!(table.get(&(name.as_str(), kind.as_str())), Some(&("cuda" | "folded")))
    };
    needed.iter().filter(|row| !is_there(row)).map(|(name, kind)| format!("{name} of {kind}")).collect()
}

/// The texts of a recipe's enumeration: the values of a key of its variants, or its values themselves.
fn listed(name: &str) -> BTreeSet<String> {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let variants = schema["$defs"][name]["oneOf"].as_array().unwrap_or_else(|| panic!("no `{name}` in the schema"));
    let texts = variants.iter().flat_map(|it| match &it["properties"]["kind"]["const"] {
        Value::Null if it["const"].is_string() => vec![it["const"].clone()],
        Value::Null => it["enum"].as_array().cloned().unwrap_or_default(),
        kind => vec![kind.clone()],
    });
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Every network: the architectures over the smallest encoders, and a U-Net over every encoder.
fn networks() -> Vec<Network> {
    let encoders =
        listed("Encoder").into_iter().map(|encoder| format!(r#"{{"kind": "unet", "encoder": "{encoder}"}}"#));
    let all: Vec<String> = nets::ARCHITECTURES.iter().map(|&text| text.to_owned()).chain(encoders).collect();
    for kind in listed("Architecture").iter().filter(|kind| *kind != "onnx") {
        assert!(all.iter().any(|text| text.contains(&format!(r#""kind": "{kind}""#))), "no network of `{kind}`");
    }
    all.iter()
        .map(|text| serde_json::from_str(&format!(r#"{{"architecture": {text}, "heads": "both"}}"#)).unwrap())
        .collect()
}

fn subject(mut network: Network) -> Subject {
    (network.channels, network.dropout, network.heads) = (3, 0.2, Heads::Both);
    let (map, score) = (Some(Source::logits("map")), Some(Source::logits("score")));
    let model = nets::hollow(&network).unwrap();
    Subject { model, map, score, channels_last: false, freeze_batch_norm: false, frozen_prefix: None }
}

/// Every term, over images and over batches.
fn losses() -> Vec<Loss> {
    let term = |kind: &str, over: &str| -> Option<LossTerm> {
        serde_json::from_str(&format!(r#"{{"kind": "{kind}"{over}}}"#)).ok()
    };
    let kinds = listed("LossTerm");
    let of = |over: &str| -> Vec<LossTerm> { kinds.iter().filter_map(|kind| term(kind, over)).collect() };
    let (map, batch) = (of(""), of(r#", "over": "batch""#));
    assert_eq!(map.len(), kinds.len());
    let focal = serde_json::from_str(r#"{"kind": "focal", "alpha": 0.25}"#).unwrap();
    let tanimoto = serde_json::from_str(r#"{"kind": "dice", "squared": true}"#).unwrap();
    let score = |kinds: &[&str]| kinds.iter().map(|kind| term(kind, "").unwrap()).collect();
    vec![
        Loss { map, score: score(&["bce"]) },
        Loss { map: [batch, vec![focal, tanimoto]].concat(), score: score(&["focal", "cross-entropy"]) },
    ]
}

fn pass_of(subject: &Subject, loss: &Loss, accumulates: bool, precision: Precision) -> Model {
    // the gates of recomputed values are lists of integers, which are the host's work
    let options = PassOptions { shape: [2, 3, 128, 128], loss, accumulates, precision, recompute: false };
    pass::write(Target::Cuda, subject, &options).unwrap().traced.trace.into_model()
}

/// What is not on CUDA, or slow there, with the first graph that has it.
#[derive(Default)]
struct Found(BTreeMap<String, String>);

impl Found {
    fn add(&mut self, what: &str, model: &Model, subject: &Subject) {
        let mut wrong: Vec<_> =
            missing(&rows(model)).into_iter().map(|row| format!("not in the table: {row}")).collect();
        // as large as a plane
        let largest = largest_kernel(model);
        if largest > largest_kernel(&subject.model).max(LARGEST_KERNEL) {
            wrong.push(format!("a kernel of {largest}"));
        }
        for wrong in wrong {
            self.0.entry(wrong).or_insert_with(|| what.to_owned());
        }
    }

    fn is_empty(&self) {
        assert!(self.0.is_empty(), "by tests/gpu/coverage.tsv: {:#?}", self.0);
    }
}

fn largest_kernel(model: &Model) -> i64 {
    let nodes = model.graph().node.iter().filter(|node| node.op_type.starts_with("Conv"));
    nodes.filter_map(|node| node.ints("kernel_shape")).flatten().copied().max().unwrap_or(0)
}

#[test]
fn every_network_s_passes_and_export_run_on_cuda() {
    let bce: Loss = serde_json::from_str(r#"{"map": [{"kind": "bce"}], "score": [{"kind": "bce"}]}"#).unwrap();
    let mut found = Found::default();
    for network in networks() {
        let name = format!("{:?}", network.architecture);
        let subject = subject(network);
        found.add(&format!("{name}, exported"), &subject.model, &subject);
        for precision in [Precision::Fp32, Precision::Fp16] {
            found.add(&format!("{name}, {precision:?}"), &pass_of(&subject, &bce, false, precision), &subject);
        }
        let mut evaluation = graph::trace(Target::Cuda, &subject, [2, 3, 128, 128], &bce, Mode::Inference).unwrap();
        graph::output_losses(&mut evaluation.trace, &evaluation.written);
        found.add(&format!("{name}, evaluation"), &evaluation.trace.into_model(), &subject);
    }
    found.is_empty();
}

#[test]
fn every_loss_and_optimizer_runs_on_cuda() {
    let subject = subject(serde_json::from_str(r#"{"architecture": {"kind": "conv-stack", "widths": [4]}}"#).unwrap());
    let mut found = Found::default();
    for loss in losses() {
        for precision in [Precision::Fp32, Precision::Fp16] {
            found.add("losses", &pass_of(&subject, &loss, true, precision), &subject);
        }
    }
    let clips = ["", r#", "clip": 1.0"#, r#", "weight_decay": 0.1"#, r#", "momentum": 0.9, "nesterov": true"#];
    for (kind, more) in listed("Optimizer").iter().flat_map(|kind| clips.map(|more| (kind, more))) {
        let Ok(optimizer) = serde_json::from_str::<Optimizer>(&format!(r#"{{"kind": "{kind}"{more}}}"#)) else {
            assert!(more.contains("momentum") && kind != "sgd", "{kind}{more}");
            continue;
        };
        found.add(kind, &optimizer::write(Target::Cuda, &[100, 20], &optimizer, Some(0.9)).into_model(), &subject);
    }
    found.add("scaler", &scaler::write(Target::Cuda, &[100, 20]).into_model(), &subject);
    found.is_empty();
}

#[test]
fn an_operator_that_is_not_on_cuda_is_found() {
    let row = |name: &str, kind: &str| BTreeSet::from([(name.to_owned(), kind.to_owned())]);
    assert_eq!(missing(&row("Conv", "f32")), [""; 0]);
    // it has no such kernel, runs on the CPU, or is unknown
    for (name, kind) in [("Conv", "bf16"), ("GroupNormalization", "f16"), ("Bernoulli", "f32")] {
        assert_eq!(missing(&row(name, kind)), [format!("{name} of {kind}")]);
    }
}
