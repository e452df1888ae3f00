//! `pleura predict` and `pleura check`, as a user runs them.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use pleura::Size;
use pleura::manifest::Manifest;
use support::toy::{Toy, noise, png};
use tempfile::TempDir;

/// Toy networks: a classifier that returns an image's mean, a segmenter that returns the image itself.
const MANIFEST: &str = r#"
schema = 1
name = "toy"
postprocess = [
    { plugin = "threshold", params = { above = 0.5 } },
    { plugin = "min-area", params = { area = 4, at = [16, 16] } },
]

[classifier]
gate = { kind = "score", above = 0.4 }

[[classifier.members]]
name = "mean"
model = "toy.onnx"
input = { name = "image", size = [16, 16], channels = 1 }
score = { output = "score", values = "probabilities" }

[[segmenter.members]]
name = "itself"
model = "toy.onnx"
input = { name = "image", size = [16, 16], channels = 1 }
map = { output = "map", values = "probabilities" }
"#;

fn ensemble() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    Toy::default().write(&folder.path().join("toy.onnx"));
    let manifest = folder.path().join("toy.toml");
    fs::write(&manifest, MANIFEST).unwrap();
    (folder, manifest)
}

/// Images from black to white: `image0` to `image9`.
fn images(folder: &Path) -> PathBuf {
    let images = folder.join("images");
    fs::create_dir_all(&images).unwrap();
    for index in 0..10 {
        png(
            &images,
            &format!("image{index}"),
            &noise(index, Size::new(16, 16)).mapv(|v| (u32::from(v) * index / 9) as u8),
        );
    }
    images
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_folder_becomes_a_submission_with_findings_and_maps() {
    let (folder, manifest) = ensemble();
    let at = |name: &str| folder.path().join(name);
    let out = support::pleura()
        .args(["predict", "--device", "cpu", "--out"])
        .arg(at("submission.csv"))
        .arg("--findings")
        .arg(at("findings.jsonl"))
        .arg("--maps")
        .arg(at("maps"))
        .arg(&manifest)
        .arg(images(folder.path()))
        .assert()
        .code(0)
        .get_output()
        .clone();
    let csv = fs::read_to_string(at("submission.csv")).unwrap();
    let rows: Vec<_> = csv.lines().collect();
    assert_eq!(rows[0], "ImageId,EncodedPixels");
    assert_eq!(rows[1], "image0,-1");
    assert_eq!(rows.len(), 11);
    assert!(rows[10].starts_with("image9,") && !rows[10].ends_with("-1"), "{}", rows[10]);
    let findings = fs::read_to_string(at("findings.jsonl")).unwrap();
    let gated = findings.lines().filter(|line| line.contains("classifier-gate")).count();
    assert_eq!(findings.lines().count(), 10);
    assert!(gated > 0 && gated < 10);
    // Segmenters never ran below the gate, and the summary says so.
    assert!(
        text(&out.stderr).contains(&format!("segmenter runs: {} ({gated} saved", 10 - gated)),
        "{}",
        text(&out.stderr)
    );
    assert!(text(&out.stderr).contains("CPUExecutionProvider"), "{}", text(&out.stderr));
    assert_eq!(fs::read_dir(at("maps")).unwrap().count(), 10 - gated);
    // No bar and no colour if the output is not a terminal.
    assert!(!text(&out.stderr).contains('\u{1b}'));
}

#[test]
fn bad_inputs_are_skipped_reported_and_remembered_by_the_exit_code() {
    let (folder, manifest) = ensemble();
    let images = images(folder.path());
    fs::write(images.join("broken.dcm"), b"not DICOM at all").unwrap();
    fs::write(images.join("empty.png"), b"").unwrap();
    let out = folder.path().join("submission.csv");
    let run =
        support::pleura().args(["predict", "--device", "cpu", "--out"]).arg(&out).arg(&manifest).arg(&images).assert();
    let stderr = text(&run.code(1).get_output().stderr);
    assert!(stderr.contains("broken.dcm") && stderr.contains("empty.png"), "{stderr}");
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 11);
}

#[test]
fn rows_come_in_the_samples_order_and_what_is_missing_is_said() {
    let (folder, manifest) = ensemble();
    let images = images(folder.path());
    let sample = folder.path().join("sample.csv");
    fs::write(&sample, "ImageId,EncodedPixels\nimage3,-1\nimage9,-1\nnowhere,-1\n").unwrap();
    let out = folder.path().join("submission.csv");
    let run = support::pleura()
        .args(["predict", "--device", "cpu", "--out"])
        .arg(&out)
        .arg("--sample")
        .arg(&sample)
        .arg(&manifest)
        .args([images.join("image9.png"), images.join("image3.png"), images.join("image1.png")])
        .assert();
    let stderr = text(&run.code(1).get_output().stderr);
    assert!(stderr.contains("`nowhere`") && stderr.contains("`image1` is not in the sample"), "{stderr}");
    let csv = fs::read_to_string(&out).unwrap();
    let ids: Vec<_> = csv.lines().skip(1).map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!(ids, ["image3", "image9"]);
    // Images outside the sample are not read.
    let receipt = fs::read_to_string(folder.path().join("submission.receipt.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!(receipt["inferences"]["run"], 3, "{receipt}");
}

#[test]
fn an_output_that_cannot_be_written_is_said_before_any_work() {
    let (folder, manifest) = ensemble();
    let out = folder.path().join("no/such/folder/submission.csv");
    let run = support::pleura()
        .args(["predict", "--device", "cpu", "--out"])
        .arg(out)
        .arg(manifest)
        .arg(images(folder.path()))
        .assert();
    let output = run.code(2).get_output().clone();
    assert!(text(&output.stderr).contains("no/such/folder"), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("device:"), "{}", text(&output.stderr));
}

#[test]
fn cuda_by_name_is_an_error_that_names_what_is_missing_and_auto_falls_back() {
    let (folder, manifest) = ensemble();
    let run = |device: &str| {
        let out = folder.path().join("submission.csv");
        let mut command = support::pleura();
        command.args(["predict", "--device", device, "--out"]).arg(out).arg(&manifest).arg(images(folder.path()));
        command.output().unwrap()
    };
    let auto = run("auto");
    assert!(auto.status.success(), "{}", text(&auto.stderr));
    assert_eq!(text(&auto.stderr).matches("device: ").count(), 1, "{}", text(&auto.stderr));
    if !text(&auto.stderr).contains("device: cpu (no CUDA: ") {
        support::skipped("this machine has a GPU that works");
        return;
    }
    let cuda = run("cuda");
    assert_eq!(cuda.status.code(), Some(2));
    let stderr = text(&cuda.stderr);
    assert!(stderr.contains("lib") && stderr.contains(".so"), "names no library: {stderr}");
    assert!(stderr.contains("pleura runtime install --cuda") || stderr.contains("NVIDIA driver"), "{stderr}");
    assert_eq!(run("cuda:x").status.code(), Some(2));
}

#[test]
fn outputs_that_would_destroy_something_are_refused_before_any_work() {
    let (folder, manifest) = ensemble();
    let images = images(folder.path());
    let out = folder.path().join("submission.csv");
    let refused = |out: &Path, findings: &Path| {
        let mut command = support::pleura();
        command.args(["predict", "--device", "cpu", "--out"]).arg(out).arg("--findings").arg(findings);
        let run = command.arg(&manifest).arg(&images).assert().code(2);
        text(&run.get_output().stderr)
    };
    assert!(refused(&out, &out).contains("name the same file"));
    assert!(refused(&out, &images).contains("is not a regular file"));
    assert!(refused(&images, &out).contains("is not a regular file"));
    assert!(!out.exists());
}

#[test]
fn check_finds_a_chain_that_no_image_would_survive() {
    let (_folder, manifest) = ensemble();
    let turned = MANIFEST.replace("{ plugin = \"threshold\", params = { above = 0.5 } },", "");
    fs::write(&manifest, turned).unwrap();
    let run = support::pleura().args(["check", "--device", "cpu"]).arg(&manifest).assert().code(2);
    let report = text(&run.get_output().stdout);
    assert!(report.contains("on a ramp") && report.contains("needs a mask"), "{report}");
}

#[test]
fn the_same_csv_whatever_the_batch() {
    let (folder, manifest) = ensemble();
    let images = images(folder.path());
    let csv = |batch: &str| {
        let out = folder.path().join(format!("batch{batch}.csv"));
        support::pleura()
            .args(["predict", "--device", "cpu", "--batch", batch, "--out"])
            .arg(&out)
            .arg(&manifest)
            .arg(&images)
            .assert()
            .success();
        fs::read(out).unwrap()
    };
    assert_eq!(csv("1"), csv("7"));
}

/// Ten faults in one manifest, one of every kind that a check finds.
const FAULTS: &str = r#"
schema = 1
name = "ten faults"
outptu = { size = [16, 16] }
postprocess = [
    { plugin = "threshold", params = { abvoe = 0.5 } },
    { plugin = "thresold" },
    { plugin = "flip", params = { axis = "horizontal" } },
]

[classifier]
gate = { kind = "score", above = 1.5 }

[[classifier.members]]
name = "changed"
model = "toy.onnx"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
input = { name = "picture", size = [16, 16], channels = 1 }
score = { output = "score", values = "probabilities" }

[[segmenter.members]]
name = "missing"
model = "gone.onnx"
input = { name = "image", size = [16, 16], channels = 1 }
map = { output = "map", values = "probabilities" }

[[segmenter.members]]
name = "wide"
model = "toy.onnx"
weight = "much"
input = { name = "image", size = [16, 16], channels = 3 }
map = { output = "map", values = "probabilities" }
"#;

#[test]
fn check_finds_ten_faults_in_one_go_each_with_its_line() {
    let (folder, _) = ensemble();
    let manifest = folder.path().join("faults.toml");
    fs::write(&manifest, FAULTS).unwrap();
    let run = support::pleura().args(["check", "--device", "cpu"]).arg(&manifest).assert().code(2);
    let report = text(&run.get_output().stdout);
    let line = |key: &str| FAULTS.lines().position(|line| line.contains(key)).unwrap() + 1;
    let faults = [
        (line("outptu"), "output"),
        (line("abvoe"), "above"),
        (line("thresold"), "threshold"),
        (line("\"flip\""), "postprocess"),
        (line("above = 1.5"), "1"),
        (line("sha256"), "differs from the declared one"),
        (line("picture"), "no input `picture`"),
        (line("gone.onnx"), "does not exist"),
        (line("\"much\""), "number"),
        (line("channels = 3"), "1 channel,"),
    ];
    for (line, words) in faults {
        let found = report.lines().any(|row| row.contains(&format!("faults.toml:{line}:")) && row.contains(words));
        assert!(found, "line {line}, {words:?}, is missing from:\n{report}");
    }
    // An output without a sigmoid is only a warning.
    assert!(report.contains("warning:") && report.contains("comes from"), "{report}");
}

#[test]
fn check_accepts_what_predict_runs() {
    let (_folder, manifest) = ensemble();
    let run = support::pleura().args(["check", "--device", "cpu"]).arg(&manifest).assert().code(0);
    let report = text(&run.get_output().stdout);
    assert!(report.contains("0 errors") && report.contains("CPUExecutionProvider"), "{report}");
    assert!(Manifest::read(&manifest).is_ok());
}

#[test]
fn a_mask_at_each_images_own_size() {
    let (folder, manifest) = ensemble();
    let images = folder.path().join("own");
    fs::create_dir_all(&images).unwrap();
    png(&images, "wide", &Array2::from_elem((10, 20), 255));
    png(&images, "tall", &Array2::from_elem((20, 10), 255));
    let out = folder.path().join("submission.csv");
    support::pleura()
        .args(["predict", "--device", "cpu", "--out"])
        .arg(&out)
        .arg(&manifest)
        .arg(&images)
        .assert()
        .code(0);
    // Full masks of 200 pixels each, the last pixel included.
    assert_eq!(fs::read_to_string(&out).unwrap(), "ImageId,EncodedPixels\ntall,0 200\nwide,0 200\n");
}
