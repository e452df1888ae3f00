//! Gates and thresholds: networks of two epochs give much the same output for all images, so thresholds are moved into
//! its range.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pleura::submission::Runs;
use serde_json::Value;

use crate::folder::{Standin, read};
use crate::run::{Maps, Predicted, cached, maps, number, predict};
use crate::{IMAGES, SIZE};

/// Every member's output for every image, with a gate that passes any score.
pub fn everything(standin: &Standin) -> (Predicted, Maps) {
    let open = standin.rewrite("open.toml", |manifest| {
        manifest.insert("exit".into(), "full".into());
        let gate = manifest["classifier"]["gate"].as_table_mut().unwrap();
        assert_eq!(gate["kind"].as_str(), Some("score"));
        gate.remove("above");
        gate.insert("at_least".into(), 0.0.into());
    });
    let folder = standin.path("maps");
    let predicted = cached(standin, &open, &["--maps", folder.to_str().unwrap()]);
    assert_eq!((predicted.findings.len(), predicted.said.contains("inferences: ")), (IMAGES, true));
    (predicted, maps(&folder))
}

/// The merged score of each image, a single number if every member has run.
pub fn scores(predicted: &Predicted) -> BTreeMap<&str, f32> {
    let score = |finding: &Value| {
        let (low, high) = (number(&finding["score"][0]), number(&finding["score"][1]));
        assert!(low == high && (0.0..=1.0).contains(&low), "{finding}");
        low
    };
    predicted.findings.iter().map(|(id, finding)| (id.as_str(), score(finding))).collect()
}

/// The ensemble with thresholds that suit networks of two epochs, as the shipped ones suit trained networks: half of
/// the images pass the gate, and a quarter of their pixels is marked.
pub fn tuned(standin: &Standin, scores: &BTreeMap<&str, f32>, maps: &Maps) -> (PathBuf, f32) {
    let mut sorted: Vec<f32> = scores.values().copied().collect();
    sorted.sort_by(f32::total_cmp);
    let gate = (sorted[IMAGES / 2 - 1] + sorted[IMAGES / 2]) / 2.0;
    let passing = maps.iter().filter(|(id, _)| scores[id.as_str()] > gate);
    let mut pixels: Vec<u16> = passing.flat_map(|(_, map)| map).copied().collect();
    assert_eq!(pixels.len(), IMAGES / 2 * SIZE.area(), "scores differ: {scores:?}");
    pixels.sort_unstable();
    let above = f64::from(pixels[pixels.len() * 3 / 4]) / 65535.0;
    let manifest = standin.rewrite("tuned.toml", |manifest| {
        manifest["classifier"]["gate"].as_table_mut().unwrap().insert("above".into(), f64::from(gate).into());
        let step = manifest["postprocess"][0].as_table_mut().unwrap();
        assert_eq!(step["plugin"].as_str(), Some("threshold"));
        step["params"].as_table_mut().unwrap().insert("above".into(), above.into());
    });
    (manifest, gate)
}

/// Thresholds change without inference; with or without a cache or early exit, the results are the same.
pub fn runs(standin: &Standin, tuned: &Path, gate: f32, scores: &BTreeMap<&str, f32>) -> Predicted {
    let shipped = cached(standin, &standin.manifest(), &[]);
    assert!(shipped.said.contains("inferences: none; all "), "{}", shipped.said);
    assert_eq!(shipped.submission.len(), IMAGES);
    let plain = predict(standin, tuned, "test", &[]);
    let [replayed, again] = [0; 2].map(|_| cached(standin, tuned, &[]));
    let full = standin.rewrite("full.toml", |manifest| {
        *manifest = read(tuned);
        manifest.insert("exit".into(), "full".into());
    });
    let full = predict(standin, &full, "test", &[]);
    for other in [&replayed, &again, &full] {
        assert!(other.csv == plain.csv);
    }
    assert!(replayed.said.contains("inferences: none; all ") && again.said.contains("inferences: none; all "));
    for (id, finding) in &plain.findings {
        let passes = scores[id.as_str()] > gate;
        assert_eq!(finding["decision"], if passes { "postprocess" } else { "classifier-gate" }, "{finding}");
        assert_eq!(finding["runs"]["segmenters"] == 0, !passes, "{finding}");
        let area = plain.submission.runs(id).unwrap().area();
        assert!(area < SIZE.area() && (passes || area == 0), "{id}: {area}");
    }
    assert!(plain.submission.positives() > 0);
    plain
}

/// Explains an image; returns the output after the comparison with the run.
pub fn explain(standin: &Standin, manifest: &Path, predicted: &Predicted, passes: bool) -> String {
    let is_wanted = |runs: &Runs| runs.is_empty() != passes;
    let (id, runs) = predicted.submission.iter().find(|(_, runs)| is_wanted(runs)).unwrap();
    let picture = standin.path("strip.png");
    let mut explain = crate::support::pleura();
    explain.arg("explain").arg(manifest).arg(standin.data("test").join(format!("{id}.dcm"))).arg("--picture");
    let done = explain.arg(&picture).args(["--device", "cpu"]).assert().success();
    let said = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    assert!(said.contains(&format!("answer: {} pixels marked", runs.area())), "{said}");
    assert_eq!(said.contains("does not pass: the mask is empty"), !passes, "{said}");
    assert!(image::open(&picture).unwrap().width() > 0);
    said
}

/// `pleura score` accepts the submission.
pub fn is_scored(standin: &Standin) {
    let files = [standin.path("submission.csv"), standin.data("test-rle.csv")];
    let scored = crate::support::pleura().args(["score", "--json"]).args(files).assert().success();
    let score: Value = serde_json::from_slice(&scored.get_output().stdout).unwrap();
    let count = |key: &str| score[key].as_u64().unwrap() as usize;
    let positives = count("true_positives") + count("false_negatives");
    assert_eq!((count("images"), positives), (IMAGES, IMAGES / 2), "{score}");
}
