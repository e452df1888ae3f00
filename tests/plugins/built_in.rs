//! The built-in plugins twice: linked into the program, and as libraries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pleura::Size;
use pleura::manifest::{Isolation, Step};
use pleura::plugin::{Origin, Plugin, PluginError};
use pleura_files::digest;
use serde_json::Value;

use crate::{error, step, support};

/// The folder of libraries that were built with this test.
fn libraries() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_pleura")).parent().unwrap().join("deps")
}

fn library(name: &str) -> PathBuf {
    libraries().join(format!("libplugin_{}.so", name.replace('-', "_")))
}

fn threshold() -> Step {
    step("threshold", r#"{"above": 0.5}"#, Isolation::None)
}

/// A folder with the program and nothing else.
fn bare_program() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = folder.path().join("pleura");
    let built = Path::new(env!("CARGO_BIN_EXE_pleura"));
    fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(|_| ())).unwrap();
    (folder, program)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out.into_owned()
}

/// The plugins of a run from its receipt: paths and digests.
fn plugins(csv: &Path) -> Vec<(String, String)> {
    let receipt = fs::read_to_string(csv.with_extension("receipt.json")).unwrap();
    let receipt: Value = serde_json::from_str(&receipt).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let plugins = receipt["plugins"].as_array().unwrap().iter();
    plugins.map(|plugin| (text(&plugin["path"]), text(&plugin["sha256"]))).collect()
}

#[test]
fn a_program_by_itself_gives_what_the_libraries_give() {
    support::runtime();
    let (folder, program) = bare_program();
    let pleura = || {
        let mut command = Command::new(&program);
        command.current_dir(folder.path()).env_remove("PLEURA_PLUGINS").env("PLEURA_OFFLINE", "1");
        command
    };
    let list = run(pleura().args(["plugins", "list"]));
    let rows: Vec<_> = list.lines().skip(1).collect();
    assert!(rows.len() == 13 && rows.iter().all(|row| row.ends_with("  built-in")), "{list}");

    run(pleura().args(["demo", "--images", "4", "--device", "cpu", "--out", "demo"]));
    let predict = |csv: &str, libraries: &Path| {
        let args = ["predict", "demo/ensemble/demo.toml", "demo/radiographs", "--device", "cpu", "--out", csv];
        run(pleura().args(args).args(["--findings", "findings.jsonl"]).env("PLEURA_PLUGINS", libraries));
        let csv = folder.path().join(csv);
        (fs::read_to_string(&csv).unwrap(), plugins(&csv))
    };
    let (csv, linked) = predict("linked.csv", Path::new(""));
    let (same, loaded) = predict("loaded.csv", &libraries());
    assert_eq!(csv, same);
    assert!(csv.lines().any(|row| !row.ends_with("-1")), "some lesion is found: {csv}");
    let own = digest::file(&program).unwrap();
    assert!(!linked.is_empty() && linked.iter().all(|plugin| *plugin == ("built-in".to_owned(), own.clone())));
    assert_eq!(loaded.len(), linked.len());
    for (path, sha256) in loaded {
        assert_eq!(Path::new(&path).parent(), Some(libraries().as_path()));
        assert_eq!(sha256, digest::file(Path::new(&path)).unwrap());
    }
}

#[test]
fn what_people_put_somewhere_wins_over_what_is_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let open = |step: &Step| Plugin::open(step, folder.path()).unwrap().origin().clone();
    assert_eq!(open(&threshold()), Origin::BuiltIn("threshold"), "and not the library beside the program");

    let sha256 = digest::file(&library("threshold")).unwrap();
    let pinned = Step { sha256: Some(sha256), ..threshold() };
    assert_eq!(open(&pinned), Origin::Library(library("threshold")), "a hash is a library's");
    let other = Step { sha256: Some("0".repeat(64)), ..threshold() };
    assert!(matches!(Plugin::open(&other, folder.path()), Err(PluginError::Changed { .. })));

    let mine = folder.path().join("libthreshold.so");
    fs::copy(library("threshold"), &mine).unwrap();
    assert_eq!(open(&threshold()), Origin::Library(mine), "the manifest's folder comes first");
    let path = Step { plugin: "./libthreshold.so".into(), ..threshold() };
    assert!(open(&path).library().is_some());
}

#[test]
fn a_hash_without_a_library_is_said_to_be_one() {
    let (folder, program) = bare_program();
    let step = format!(
        "[[postprocess]]\nplugin = \"threshold\"\nsha256 = \"{}\"\nparams = {{ above = 0.5 }}\n",
        "0".repeat(64)
    );
    let toy = support::case::Case::new(
        &[("s", support::toy::Toy::default())],
        &(step + &support::case::member("segmenter", "s", "")),
    );
    let output = Command::new(&program).arg("check").arg(&toy.manifest).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no library for plugin `threshold`, whose sha256 the manifest declares"), "{said}");
}

#[test]
fn a_built_in_plugin_runs_in_a_child_process_too() {
    let alone = Step { isolation: Isolation::Process, ..threshold() };
    let plugin = Plugin::open(&alone, Path::new(".")).unwrap();
    let map = ndarray::array![[0.4_f32, 0.6]];
    let context = pleura::plugin::Context::new("x", Size::new(1, 2));
    let mask = plugin.postprocess(&context, map.view(), None).unwrap();
    assert_eq!(mask.pixels(), ndarray::array![[false, true]]);
    let refused = Step { params: serde_json::Map::new(), ..alone };
    assert!(error(Plugin::open(&refused, Path::new("."))).contains("give `above`"));
}

#[test]
fn the_libraries_keep_the_contract_too() {
    for name in ["flip", "clahe", "min-area"] {
        let params = match name {
            "flip" => r#"{"axis": "both"}"#,
            "min-area" => r#"{"area": 3, "at": [4, 4]}"#,
            _ => "{}",
        };
        let said = run(Command::new(env!("CARGO_BIN_EXE_pleura"))
            .args(["plugins", "test"])
            .arg(library(name))
            .args(["--params", params]));
        assert!(said.starts_with(&format!("ok    loads: `{name}` ")) && !said.contains("FAIL"), "{said}");
    }
}
