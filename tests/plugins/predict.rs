//! Plugins in a manifest, run by `pleura predict`: the image that a plugin fails on is skipped and reported.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use tempfile::TempDir;

use crate::build;
use crate::support::{self, toy};

/// An ensemble whose map is the image itself, with a second postprocessing step; and three white images, one of them
/// named `crash`.
fn ensemble(step: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    toy::Toy::default().write(&folder.path().join("toy.onnx"));
    let manifest = folder.path().join("ensemble.toml");
    let toml = r#"
schema = 1
name = "plugins"
postprocess = [{ plugin = "threshold", params = { above = 0.5 } }, STEP]

[[segmenter.members]]
name = "itself"
model = "toy.onnx"
input = { name = "image", size = [16, 16], channels = 1 }
map = { output = "map", values = "probabilities" }
"#;
    fs::write(&manifest, toml.replace("STEP", step)).unwrap();
    if let Some((library, _)) = step.split_once("./").and_then(|(_, rest)| rest.split_once('"')) {
        fs::copy(build::fixtures().join(library), folder.path().join(library)).unwrap();
    }
    for name in ["after", "before", "crash"] {
        toy::png(folder.path(), name, &Array2::from_elem((16, 16), 255));
    }
    (folder, manifest)
}

/// Returns the exit code, standard error, and the CSV.
fn predict(folder: &Path, manifest: &Path, bad: &str) -> (Option<i32>, String, String) {
    let out = folder.join("submission.csv");
    let mut command = support::pleura();
    let images = ["before", bad, "after"].map(|name| folder.join(format!("{name}.png")));
    let run =
        command.args(["predict", "--device", "cpu", "--out"]).arg(&out).arg(manifest).args(images).output().unwrap();
    let csv = fs::read_to_string(&out).unwrap_or_default();
    (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned(), csv)
}

fn fixture(name: &str, isolation: &str) -> String {
    format!("{{ plugin = \"./lib{name}.so\", isolation = \"{isolation}\" }}")
}

#[test]
fn a_segfault_in_isolation_costs_one_image_and_names_plugin_image_and_step() {
    let (folder, manifest) = ensemble(&fixture("segfaults", "process"));
    let (code, stderr, csv) = predict(folder.path(), &manifest, "crash");
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(csv, "ImageId,EncodedPixels\nafter,0 256\nbefore,0 256\n");
    let line = stderr.lines().find(|line| line.contains("skipped")).unwrap_or_default();
    for words in ["crash.png", "postprocess step 2", "plugin `segfaults`", "SIGSEGV"] {
        assert!(line.contains(words), "{words:?} is missing from {stderr}");
    }
}

#[test]
fn a_plugin_that_hangs_costs_one_image_and_names_plugin_seconds_and_key() {
    let (folder, manifest) = ensemble(&fixture("hangs", "process").replace(" }", ", timeout = 3 }"));
    fs::rename(folder.path().join("crash.png"), folder.path().join("hang.png")).unwrap();
    let (code, stderr, csv) = predict(folder.path(), &manifest, "hang");
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(csv, "ImageId,EncodedPixels\nafter,0 256\nbefore,0 256\n");
    let line = stderr.lines().find(|line| line.contains("skipped")).unwrap_or_default();
    for words in ["hang.png", "postprocess step 2", "plugin `hangs`", "within 3 s", "increase its step's `timeout`"] {
        assert!(line.contains(words), "{words:?} is missing from {stderr}");
    }
}

#[test]
fn without_isolation_a_segfault_leaves_no_submission() {
    let (folder, manifest) = ensemble(&fixture("segfaults", "none"));
    let (code, _, csv) = predict(folder.path(), &manifest, "crash");
    assert_eq!(code, None, "the run was to end by a signal");
    assert_eq!(csv, "");
}

/// However a plugin ends the process, the run does not report success.
#[test]
fn a_plugin_that_ends_the_process_is_named_and_the_exit_code_says_so() {
    let called = "error: plugin `quits` (postprocess) called `exit`";
    let ends = [
        ("exit-3", called),
        ("exit-0", called),
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        ("quick-exit-0", called),
        ("thread", "error: a library in this process called `exit`, perhaps a plugin's thread"),
        ("abort", "error: a library in this process aborted it"),
    ];
    for (image, says) in ends {
        let (folder, manifest) = ensemble(&fixture("quits", "none"));
        fs::rename(folder.path().join("crash.png"), folder.path().join(format!("{image}.png"))).unwrap();
        let (code, stderr, csv) = predict(folder.path(), &manifest, image);
        assert_eq!((code, csv.as_str()), (Some(2), ""), "{image}: {stderr}");
        assert!(stderr.contains(says), "{image}: {stderr}");
    }
    let (folder, manifest) = ensemble(&fixture("quits_at_load", "none"));
    let (code, stderr, csv) = predict(folder.path(), &manifest, "crash");
    assert_eq!((code, csv.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("libquits_at_load.so` (loading) called `exit`"), "{stderr}");
}

#[test]
fn garbage_in_a_mask_never_reaches_the_submission() {
    for name in ["garbage", "writes_past", "silent"] {
        let (folder, manifest) = ensemble(&fixture(name, "none"));
        let (code, stderr, csv) = predict(folder.path(), &manifest, "crash");
        assert_eq!(code, Some(2), "{name}: {stderr}");
        assert!(stderr.contains(&format!("plugin `{name}`").replace('_', "-")), "{name}: {stderr}");
        assert_eq!(csv, "", "{name}");
    }
}

#[test]
fn a_plugin_of_ones_own_is_used_by_name_from_the_manifests_folder() {
    let (folder, manifest) = ensemble("{ plugin = \"good\" }");
    fs::copy(build::fixtures().join("libgood.so"), folder.path().join("libgood.so")).unwrap();
    let (code, stderr, csv) = predict(folder.path(), &manifest, "crash");
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(csv.lines().count(), 4);
}

#[test]
fn a_plugin_that_reads_the_score_gets_it_to_the_end() {
    let (folder, manifest) = ensemble(&fixture("scores", "none"));
    let classifier = |name: &str| {
        format!(
            "[[classifier.members]]\nname = {name:?}\nmodel = \"toy.onnx\"\n\
             input = {{ name = \"image\", size = [16, 16], channels = 1 }}\n\
             score = {{ output = \"score\", values = \"probabilities\" }}\n"
        )
    };
    // The first member alone determines that white images pass: without the plugin, the second would not run.
    let gate = "[classifier]\ngate = { kind = \"score\", above = 0.4 }\n";
    let toml = fs::read_to_string(&manifest).unwrap() + gate + &classifier("one") + &classifier("two");
    fs::write(&manifest, toml).unwrap();
    let (code, stderr, csv) = predict(folder.path(), &manifest, "crash");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("classifier runs: 6 (0 saved"), "{stderr}");
    // No pixel of a white image is above its mean.
    assert_eq!(csv, "ImageId,EncodedPixels\nafter,-1\nbefore,-1\ncrash,-1\n");
}

#[test]
fn what_a_plugin_logs_is_printed_with_its_name_and_image_isolated_or_not() {
    let warning = |id: &str| format!("warning: plugin `talks`: nothing is above 0.99 (image id=\"{id}\")");
    for isolation in ["none", "process"] {
        let (folder, manifest) = ensemble(&fixture("talks", isolation));
        let (code, stderr, _) = predict(folder.path(), &manifest, "crash");
        assert_eq!(code, Some(0), "{isolation}: {stderr}");
        let count = |words: &str| stderr.lines().filter(|line| *line == words).count();
        let counts = ["after", "before", "crash"].map(|id| count(&warning(id)));
        assert_eq!(counts, [1; 3], "{isolation}: {stderr}");
        assert!(!stderr.contains("a detail") && !stderr.contains("created"), "{isolation}: {stderr}");
        let image = folder.path().join("before.png");
        let out = folder.path().join("loud.csv");
        let mut command = support::pleura();
        let run = command.args(["predict", "-vv", "--device", "cpu", "--out"]).args([&out, &manifest, &image]).output();
        let loud = String::from_utf8_lossy(&run.unwrap().stderr).into_owned();
        assert!(loud.contains("info: plugin `talks`: created"), "{isolation}: {loud}");
        // a child passes on a hundred a call
        let details = loud.lines().filter(|line| line.contains("plugin `talks`: a detail")).count();
        assert_eq!(details, if isolation == "none" { 1000 } else { 99 }, "{isolation}");
    }
}

#[test]
fn a_plugin_of_the_first_abi_works_and_nothing_behind_its_table_is_called() {
    let (folder, manifest) = ensemble(&fixture("first_abi", "none"));
    let (code, stderr, csv) = predict(folder.path(), &manifest, "crash");
    assert_eq!((code, csv.lines().count()), (Some(0), 4), "{stderr}");
}
