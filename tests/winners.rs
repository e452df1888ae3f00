//! The winners' ensembles decide as their reference does, pixel for pixel.
//!
//! `tests/reference/winners.py` computes the masks in NumPy from synthetic outputs of each network for each case. Here
//! the manifests of `ensembles/siim-*` are run unchanged, with players in place of their models: small ONNX models that
//! recognize the case by its image, and return the same outputs. (The thresholds of the 9th place, which are unknown,
//! are replaced by distinct values.)

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pleura::manifest;
use support::golden::{self, Ensemble};
use support::player::{self, Shape};
use tempfile::TempDir;
use toml::{Table, Value};

#[test]
fn first_place() {
    agree("siim-1st/ensemble.toml");
}

#[test]
fn first_place_the_other_submission() {
    agree("siim-1st/ensemble-v2.toml");
}

#[test]
fn second_place() {
    agree("siim-2nd/ensemble.toml");
}

#[test]
fn third_place() {
    agree("siim-3rd/ensemble.toml");
}

#[test]
fn fourth_place() {
    agree("siim-4th/ensemble.toml");
}

#[test]
fn fifth_place() {
    agree("siim-5th/ensemble.toml");
}

#[test]
fn sixth_place() {
    agree("siim-6th/ensemble.toml");
}

#[test]
fn seventh_place() {
    agree("siim-7th/ensemble.toml");
}

#[test]
fn eighth_place() {
    agree("siim-8th/ensemble.toml");
}

#[test]
fn ninth_place() {
    agree("siim-9th/ensemble.toml");
}

#[test]
fn eleventh_place() {
    agree("siim-11th/ensemble.toml");
}

/// Runs an ensemble over its cases and compares every mask.
fn agree(manifest: &str) {
    let table = golden::table();
    let cases = &table[manifest];
    let folder = staged(manifest, cases);
    let (images, csv) = (folder.path().join("images"), folder.path().join("submission.csv"));
    let run = support::pleura()
        .args(["predict", "--device", "cpu", "--batch", "1", "--threads", "1", "--out"])
        .arg(&csv)
        .arg(folder.path().join(manifest))
        .arg(&images)
        .assert();
    let output = run.get_output().clone();
    assert!(output.status.success(), "{manifest}: {}", String::from_utf8_lossy(&output.stderr));
    let csv = fs::read_to_string(csv).unwrap();
    let found = |name: &str| csv.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(','));
    let mut wrong = Vec::new();
    for case in &cases.cases {
        let (expected, found) = (case.encoded(), found(&case.name).unwrap_or("no row"));
        if expected != found {
            wrong.push(format!("{}: {} pixels, expected {}", case.name, area(found), area(&expected)));
        }
    }
    assert!(wrong.is_empty(), "{manifest}: {} of {} differ:\n{}", wrong.len(), cases.cases.len(), wrong.join("\n"));
}

/// The pixels of runs `offset length`.
fn area(runs: &str) -> usize {
    runs.split(' ').skip(1).step_by(2).filter_map(|length| length.parse::<usize>().ok()).sum()
}

/// A folder with the ensemble's manifest, a player for every model, and an image for every case.
fn staged(path: &str, cases: &Ensemble) -> TempDir {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("ensembles").join(path);
    let mut document: Table = manifest::written_out(&shipped).unwrap_or_else(|e| panic!("{e}")).text.parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join(path);
    let home = manifest.parent().expect("a file is in a folder");
    fs::create_dir_all(home).unwrap();
    let mut parts = BTreeMap::new();
    for stage in ["crop", "classifier", "segmenter"] {
        let Some(stage) = document.get_mut(stage) else { continue };
        for member in stage["members"].as_array_mut().unwrap() {
            move_thresholds(member, cases);
            cast(member, cases, &mut parts);
        }
        if let Some(model) = stage.get("merge").and_then(|merge| merge.get("model")) {
            let stack = cases.stack.as_ref().expect("the reference knows of a stacker");
            player::write_stack(&made(home, model.as_str().unwrap()), stage["merge"].as_table().unwrap(), stack);
        }
    }
    let names: BTreeSet<&String> = parts.values().map(|(name, ..)| name).collect();
    assert_eq!(names, cases.networks.keys().collect(), "{path}: not the networks that the reference knows");
    for (model, (name, snapshot, shape)) in &parts {
        let replies: Vec<_> = cases.cases.iter().map(|case| case.replies(cases, name, *snapshot)).collect();
        player::write(&made(home, model), shape, &replies);
    }
    fs::write(&manifest, document.to_string()).unwrap();
    fs::create_dir(folder.path().join("images")).unwrap();
    for (index, case) in cases.cases.iter().enumerate() {
        let pixels = player::image(index, cases.cases.len(), cases.image);
        support::toy::png(&folder.path().join("images"), &case.name, &pixels);
    }
    folder
}

/// The network and snapshot that plays for each model file, with the model's inputs and outputs.
type Parts = BTreeMap<String, (String, usize, Shape)>;

/// The path of a model, whose folder is created.
fn made(home: &Path, model: &str) -> PathBuf {
    let path = home.join(model);
    fs::create_dir_all(path.parent().expect("a file is in a folder")).unwrap();
    path
}

/// Replaces a member's own thresholds by the reference's.
fn move_thresholds(member: &mut Value, cases: &Ensemble) {
    let Some(thresholds) = cases.thresholds.get(member["name"].as_str().unwrap()) else { return };
    let snapshots = member["snapshots"].as_array_mut().unwrap();
    assert_eq!(snapshots.len(), thresholds.len());
    for (snapshot, threshold) in snapshots.iter_mut().zip(thresholds) {
        snapshot["threshold"] = Value::Float(*threshold);
    }
}

/// Assigns a part to every model of a member.
fn cast(member: &Value, cases: &Ensemble, parts: &mut Parts) {
    let name = member["name"].as_str().unwrap();
    let known = cases.networks.get(name).unwrap_or_else(|| panic!("the reference knows no `{name}`"));
    let models: Vec<&str> = match member.get("snapshots") {
        Some(snapshots) => snapshots.as_array().unwrap().iter().map(|it| it["model"].as_str().unwrap()).collect(),
        None => vec![member["model"].as_str().unwrap()],
    };
    let shape = shape(member);
    assert_eq!((known.size, known.snapshots), (shape.size, models.len()), "`{name}`: not as the reference knows it");
    for (snapshot, model) in models.into_iter().enumerate() {
        let part = parts.entry(model.to_owned()).or_insert_with(|| (name.to_owned(), snapshot, shape.clone()));
        // A network in both stages is one model with two outputs.
        assert_eq!((part.0.as_str(), part.1), (name, snapshot), "two networks of one file, `{model}`");
        part.2.map = part.2.map.take().or_else(|| shape.map.clone());
        part.2.score = part.2.score.take().or_else(|| shape.score.clone());
    }
}

/// The inputs and outputs that a member's model must have.
fn shape(member: &Value) -> Shape {
    let input = &member["input"];
    let number = |value: &Value| value.as_float().or_else(|| value.as_integer().map(|v| v as f64)).unwrap() as f32;
    let first = |key: &str, default: f32| input.get(key).map_or(default, |values| number(&values[0]));
    let size = |axis: usize| input["size"][axis].as_integer().unwrap();
    // The reference assumes logits.
    let output = |key: &str| {
        let output = member.get(key)?;
        assert_eq!(output["values"].as_str(), Some("logits"), "{key} of {}", member["name"]);
        Some(output["output"].as_str().unwrap().to_owned())
    };
    Shape {
        input: input["name"].as_str().unwrap().to_owned(),
        size: (size(0), size(1)),
        channels: input["channels"].as_integer().unwrap(),
        scale: input.get("scale").map_or(1.0, number),
        mean: first("mean", 0.0),
        std: first("std", 1.0),
        map: output("map"),
        score: output("score"),
    }
}
