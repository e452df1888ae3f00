//! `pleura predict`, and its outputs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pleura::submission::Submission;
use serde_json::Value;

use crate::SIZE;
use crate::folder::Standin;

/// A run's rows, its messages, and its findings in the images' order.
pub struct Predicted {
    pub csv: Vec<u8>,
    pub submission: Submission,
    pub said: String,
    pub findings: BTreeMap<String, Value>,
}

/// Runs a manifest over a folder of data.
pub fn predict(standin: &Standin, manifest: &Path, images: &str, more: &[&str]) -> Predicted {
    let (out, findings) = (standin.path("submission.csv"), standin.path("findings.jsonl"));
    let mut predict = crate::support::pleura();
    predict.arg("predict").arg(manifest).arg(standin.data(images)).arg("--out").arg(&out).arg("--findings");
    let done = predict.arg(&findings).args(["--device", "cpu"]).args(more).assert().success();
    let lines = fs::read_to_string(findings).unwrap();
    let findings = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    Predicted {
        csv: fs::read(&out).unwrap(),
        submission: Submission::read(&out, SIZE).unwrap(),
        said: String::from_utf8(done.get_output().stderr.clone()).unwrap(),
        findings: findings.map(|finding| (finding["id"].as_str().unwrap().to_owned(), finding)).collect(),
    }
}

/// As [`predict`], on the test images, with a cache.
pub fn cached(standin: &Standin, manifest: &Path, more: &[&str]) -> Predicted {
    let cache = standin.path("cache").display().to_string();
    predict(standin, manifest, "test", &[&["--cache", &cache], more].concat())
}

/// A number of a finding.
pub fn number(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

/// Merged maps, row by row, by image.
pub type Maps = BTreeMap<String, Vec<u16>>;

/// Reads what `--maps` wrote.
pub fn maps(folder: &Path) -> Maps {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let maps = files.map(|path| {
        let id = path.file_stem().unwrap().to_string_lossy().into_owned();
        (id, image::open(&path).unwrap().into_luma16().into_raw())
    });
    maps.collect()
}
