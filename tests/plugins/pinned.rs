//! `sha256` of a step: a library with another digest is never loaded, as loading runs its code.

use std::fs;
use std::path::Path;

use pleura::manifest::{Isolation, Step};
use pleura::plugin::{Plugin, PluginError};
use pleura_files::digest;

use crate::support;
use crate::{above_half, build, context, error, map, step};

fn pinned(library: &str, sha256: &str, isolation: Isolation) -> Step {
    Step { sha256: Some(sha256.to_owned()), ..step(library, "{}", isolation) }
}

#[test]
fn the_library_declared_is_loaded_and_keeps_its_hash_for_the_receipt() {
    let sum = digest::file(&build::fixtures().join("libgood.so")).unwrap();
    for isolation in [Isolation::None, Isolation::Process] {
        let step = pinned("./libgood.so", &sum.to_uppercase(), isolation);
        let plugin = Plugin::open(&step, build::fixtures()).unwrap();
        assert_eq!(plugin.sha256().unwrap(), sum);
        assert_eq!(plugin.postprocess(&context("a"), map().view(), None).unwrap(), above_half());
    }
}

#[test]
fn a_child_that_is_started_again_loads_the_library_declared_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libsegfaults.so");
    fs::copy(build::fixtures().join("libsegfaults.so"), &library).unwrap();
    let step = pinned("./libsegfaults.so", &digest::file(&library).unwrap(), Isolation::Process);
    let plugin = Plugin::open(&step, folder.path()).unwrap();
    let apply = |image: &str| plugin.postprocess(&context(image), map().view(), None);
    assert!(apply("crash").is_err());
    assert_eq!(apply("fine").unwrap(), above_half());
    assert!(apply("crash").is_err());
    // The file is replaced, not overwritten: no process has the new one mapped.
    fs::remove_file(&library).unwrap();
    fs::copy(build::fixtures().join("libgood.so"), &library).unwrap();
    let text = error(apply("fine"));
    assert!(text.contains("cannot be restarted: plugin library"), "{text}");
    assert!(text.contains("has changed: expected sha256 "), "{text}");
}

#[test]
fn another_library_is_refused_before_anything_of_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    fs::copy(build::fixtures().join("libleaves_a_trace.so"), folder.path().join("libmine.so")).unwrap();
    support::toy::Toy::default().write(&folder.path().join("toy.onnx"));
    let check = |sha256: &str, isolation: &str| {
        let manifest = manifest(folder.path(), sha256, isolation);
        let mut command = support::pleura();
        command.args(["check", "--device", "cpu"]).arg(manifest).env("LEAVES_A_TRACE", &trace);
        let output = command.output().unwrap();
        let _ = fs::metadata(&trace).map(|_| assert!(sha256.is_empty(), "the library was loaded"));
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let wrong = format!("sha256 = \"{}\", ", "0".repeat(64));
    for isolation in ["none", "process"] {
        let (code, said) = check(&wrong, isolation);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("postprocess[0].sha256: plugin library"), "{said}");
        assert!(said.contains("if the change is wanted, declare sha256 = \""), "{said}");
    }
    let (_, said) = check("", "none");
    assert!(trace.exists(), "the fixture leaves no trace, so that the checks above say nothing");
    let sum = digest::file(&folder.path().join("libmine.so")).unwrap();
    let warning = said.lines().find(|line| line.contains("postprocess[0].plugin")).unwrap_or_default();
    assert!(warning.contains(&format!("add sha256 = \"{sum}\"")), "{said}");
}

fn manifest(folder: &Path, sha256: &str, isolation: &str) -> std::path::PathBuf {
    let path = folder.join("ensemble.toml");
    let toml = format!(
        r#"
schema = 1
name = "pinned"
postprocess = [{{ plugin = "./libmine.so", {sha256}isolation = "{isolation}" }}]

[[segmenter.members]]
name = "itself"
model = "toy.onnx"
input = {{ name = "image", size = [16, 16], channels = 1 }}
map = {{ output = "map", values = "probabilities" }}
"#
    );
    fs::write(&path, toml).unwrap();
    path
}

#[test]
fn a_library_that_is_not_there_is_told_as_missing() {
    let step = pinned("./libnone.so", &"0".repeat(64), Isolation::None);
    assert!(matches!(Plugin::open(&step, build::fixtures()), Err(PluginError::Load { .. })));
}
