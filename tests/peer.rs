//! The Python script that benches compare the engine with gives the same results: engine/benches/peer.

mod support;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use pleura::Size;
use pleura::submission::Submission;
use serde_json::Value;

/// A Python with the script's packages. Tests that need it are ignored `cfg_attr(no_peer_python)`.
fn python() -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peer-python/bin/python"); // by the bench, or by CI
    let found = if made.exists() { made } else { "python3".into() };
    let python = std::env::var_os("PLEURA_PEER_PYTHON").map_or(found, PathBuf::from);
    let packages = "import cv2, numpy, onnxruntime, PIL, pydicom, tomllib";
    let has = Command::new(&python).args(["-c", packages]).output().is_ok_and(|output| output.status.success());
    assert!(has, "`{}` lacks the packages of engine/benches/peer/requirements.txt", python.display());
    python
}

/// Each image's id and score.
fn scores(path: &Path) -> HashMap<String, f64> {
    let finding = |line: &str| {
        let finding: Value = serde_json::from_str(line).unwrap();
        let score = finding["score"].as_f64().or(finding["score"][0].as_f64()).unwrap();
        (finding["id"].as_str().unwrap().to_owned(), score)
    };
    std::fs::read_to_string(path).unwrap().lines().map(finding).collect()
}

#[test]
#[cfg_attr(no_peer_python, ignore = "no packages of the peer: set PLEURA_PEER_PYTHON")]
fn the_peer_answers_as_the_engine_does_with_either_gate() {
    let python = python();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    support::pleura().args(["demo", "--out"]).arg(at("demo")).assert().success();
    let engine = Submission::read(at("demo/submission.csv"), Size::new(1024, 1024)).unwrap();
    let expected = scores(&at("demo/findings.jsonl"));
    for gate in ["none", "stage"] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/benches/peer/peer.py");
        let mut command = Command::new(&python);
        command.arg("-B").arg(script).args(["--gate", gate]).arg(at("demo/ensemble/demo.toml"));
        command.arg(at("peer.csv")).arg(at("peer.jsonl"));
        command.args(pleura::radiograph::find(&[at("demo/radiographs")]).unwrap());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{gate}: {}", String::from_utf8_lossy(&output.stderr));
        // Sums and resizes are in another order: rounding moves a mask's edge by a pixel here and there.
        let peer = Submission::read(at("peer.csv"), Size::new(1024, 1024)).unwrap();
        let compared = peer.scores(&engine).unwrap();
        let positives = compared.summary(false).unwrap().positives;
        assert!(positives > 0 && compared.images.iter().all(|image| image.dice > 0.999), "{gate}: {compared:?}");
        let found = scores(&at("peer.jsonl"));
        assert_eq!(found.len(), expected.len(), "{gate}");
        for (id, score) in &expected {
            assert!((found[id] - score).abs() < 1e-3, "{gate}: {id} has {}, the engine says {score}", found[id]);
        }
    }
}
