//! `pleura train --fold K`: folds trained separately, in parallel or in sequence, give the same as one training.
#![cfg(unix)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use support::discs::{training, wait_for_lines};

fn command(recipe: &Path, out: &Path, more: &[&str]) -> Command {
    support::runtime();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pleura"));
    command.arg("train").arg(recipe).arg("--out").arg(out).args(["--threads", "1", "--device", "cpu"]).args(more);
    command.env_remove("SLURM_ARRAY_TASK_ID").env_remove("JOB_COMPLETION_INDEX");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a training and expects this exit code; returns standard error.
fn train(recipe: &Path, out: &Path, more: &[&str], code: i32) -> String {
    ended(command(recipe, out, more).output().unwrap(), code)
}

fn ended(output: Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// Ends a training as schedulers do, once its journal has this many lines.
fn stop(child: Child, journal: &Path, lines: usize) {
    wait_for_lines(journal, lines);
    support::signal(&child, libc::SIGTERM);
    ended(child.wait_with_output().unwrap(), 75);
}

/// The metrics of each epoch without its time, fold by fold.
fn epochs(out: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let timeless = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let line = line.as_object_mut().unwrap();
        ["seconds", "images_per_second", "check"].into_iter().for_each(|key| drop(line.remove(key).unwrap()));
        line.clone().into()
    };
    let mut epochs: Vec<serde_json::Value> = text.lines().map(timeless).collect();
    // stable: within a fold, epochs stay in order
    epochs.sort_by_key(|epoch| epoch["fold"].as_u64());
    epochs
}

/// All files of a training are the same in both folders.
fn assert_same(out: &Path, plain: &Path) {
    for name in ["discs-fold0.onnx", "discs-fold1.onnx", "ensemble.toml", "oof.csv", "oof-submission.csv"] {
        let read = |folder: &Path| fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(read(out) == read(plain), "`{name}` differs");
    }
    assert_eq!(epochs(out), epochs(plain));
    assert!(out.join("curves.svg").exists());
    for fold in ["fold0", "fold1"] {
        let records = ["metrics.jsonl", "curves.svg", "oof.csv", "oof-submission.csv"];
        records
            .iter()
            .for_each(|name| assert!(!out.join(fold).join(name).exists(), "{fold}/{name} was not taken over"));
    }
}

#[test]
fn folds_trained_at_once_make_what_one_training_does() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 3);
    let (out, plain) = (folder.path().join("out"), folder.path().join("plain"));
    // both find no `folds.csv`, and write the same
    let first = command(&recipe, &out, &["--fold", "auto"]).env("SLURM_ARRAY_TASK_ID", "0").spawn().unwrap();
    let second = command(&recipe, &out, &["--fold", "auto"]).env("JOB_COMPLETION_INDEX", "1").spawn().unwrap();
    for (child, fold) in [(first, 0), (second, 1)] {
        let said = ended(child.wait_with_output().unwrap(), 0);
        assert!(
            said.contains(&format!("fold {} (`fold{fold}`) of 2", fold + 1))
                && said.contains("without --fold to write the manifest"),
            "{said}"
        );
        assert!(said.contains("out of fold, 8 images: Dice 0."), "{said}");
    }
    assert!(!out.join("ensemble.toml").exists(), "no fold hands over alone");
    let said = train(&recipe, &out, &[], 0);
    assert!(said.contains("fold 1: already trained") && said.contains("fold 2: already trained"), "{said}");
    let said = train(&recipe, &plain, &[], 0);
    assert!(!said.contains("already"), "{said}");
    assert_same(&out, &plain);
    // again, and nothing changes; a finished fold is left alone
    train(&recipe, &out, &["--fold", "1"], 0);
    train(&recipe, &out, &[], 0);
    assert_same(&out, &plain);
}

#[test]
fn alone_goes_on_with_all_and_all_with_alone() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 40);
    let (out, plain) = (folder.path().join("out"), folder.path().join("plain"));
    train(&recipe, &plain, &[], 0);

    // fold 0: by a training of all, alone, and finished by a training of all; fold 1 is finished before it
    stop(command(&recipe, &out, &[]).spawn().unwrap(), &out.join("metrics.jsonl"), 2);
    let alone = out.join("fold0/metrics.jsonl");
    stop(command(&recipe, &out, &["--fold", "0"]).spawn().unwrap(), &alone, 8);
    assert!(epochs(&out).len() < epochs(&out.join("fold0")).len(), "its own records go on from the common ones");
    train(&recipe, &out, &["--fold", "1"], 0);
    let said = train(&recipe, &out, &[], 0);
    assert!(said.contains("fold 1: continuing at") && said.contains("fold 2: already trained"), "{said}");
    assert_same(&out, &plain);

    // `--fresh` for one fold: its old epochs and outputs are removed, and those of the other kept
    stop(command(&recipe, &out, &["--fold", "0", "--fresh"]).spawn().unwrap(), &alone, 2);
    assert!(!out.join("discs-fold0.onnx").exists() && out.join("discs-fold1.onnx").exists());
    let said = train(&recipe, &out, &[], 0);
    assert!(said.contains("fold 1: continuing at") && said.contains("fold 2: already trained"), "{said}");
    assert_same(&out, &plain);
}

#[test]
fn one_at_a_time_has_a_fold_and_none_beside_all() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 4000);
    let out = folder.path().join("out");
    let busy = |more: &[&str]| {
        let said = train(&recipe, &out, more, 75);
        assert!(said.contains("another training is running in"), "{said}");
    };
    let first = command(&recipe, &out, &["--fold", "0"]).spawn().unwrap();
    wait_for_lines(&out.join("fold0/metrics.jsonl"), 1);
    busy(&["--fold", "0"]);
    busy(&[]);
    let second = command(&recipe, &out, &["--fold", "1"]).spawn().unwrap();
    stop(second, &out.join("fold1/metrics.jsonl"), 1);
    stop(first, &out.join("fold0/metrics.jsonl"), 2);
    let all = command(&recipe, &out, &[]).spawn().unwrap();
    wait_for_lines(&out.join("metrics.jsonl"), 3);
    busy(&["--fold", "1"]);
    stop(all, &out.join("metrics.jsonl"), 4);
}

#[test]
fn a_fold_that_there_is_not_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 1);
    let out = folder.path().join("out");
    let cases = [
        ("2", "`--fold 2`: the recipe trains 0, 1; the option counts from 0"),
        ("auto", "neither `SLURM_ARRAY_TASK_ID` nor `JOB_COMPLETION_INDEX` is set"),
        ("-1", "unexpected argument"),
        ("first", "expected a fold number from 0, as in `fold0`, or `auto`"),
    ];
    for (fold, expected) in cases {
        let said = train(&recipe, &out, &["--fold", fold], 2);
        assert!(said.contains(expected), "no `{expected}` in {said}");
    }
    let output = command(&recipe, &out, &["--fold", "auto"]).env("SLURM_ARRAY_TASK_ID", "x").output().unwrap();
    let said = ended(output, 2);
    assert!(said.contains("expected a fold number in `SLURM_ARRAY_TASK_ID`, found \"x\""), "{said}");
    assert!(!out.exists(), "nothing was begun");

    let text = fs::read_to_string(&recipe).unwrap();
    fs::write(&recipe, text.replace("count = 2", "count = 2, train = [1]")).unwrap();
    let said = train(&recipe, &out, &["--fold", "0"], 2);
    assert!(said.contains("`--fold 0`: the recipe trains 1; the option counts from 0"), "{said}");
}
