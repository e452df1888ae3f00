//! The scripts of `ensembles/cluster`, on a real Slurm.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pleura::Size;
use support::slurm::{Cluster, wait_until};

/// Number of radiographs that are predicted.
const IMAGES: usize = 32;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ensembles/cluster").join(name)
}

/// Runs one of the scripts; returns the jobs that it submitted.
fn submit(cluster: &Cluster, folder: &Path, name: &str, arguments: &[&str]) -> Vec<String> {
    let output = cluster.command(script(name), folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

/// The logs of all jobs.
fn logs(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let logs = entries.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.map(|path| format!("{}:\n{}", path.display(), fs::read_to_string(&path).unwrap())).collect()
}

/// Runs the command without Slurm.
fn plain(folder: &Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_pleura")).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[cfg_attr(any(no_real_data, no_slurm), ignore = "no real data or no Slurm: set PLEURA_DATA, install Slurm")]
fn a_killed_task_goes_on_and_the_merge_is_the_whole() {
    let (data, cluster) = (support::data(), Cluster::start());
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    fs::create_dir(&images).unwrap();
    let mut radiographs: Vec<_> =
        fs::read_dir(data.join("siim/stage2_dicom")).unwrap().map(|entry| entry.unwrap().path()).collect();
    radiographs.sort();
    for path in &radiographs[..IMAGES] {
        std::os::unix::fs::symlink(path.canonicalize().unwrap(), images.join(path.file_name().unwrap())).unwrap();
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("ensembles/demo.toml");
    let predict = |out: &'static str, findings: &'static str| {
        let manifest = manifest.to_str().unwrap();
        [manifest, "images", "--out", out, "--findings", findings, "--device", "cpu", "--threads", "1", "--batch", "1"]
    };
    plain(folder.path(), &[&["predict"], &predict("whole.csv", "whole.jsonl")[..]].concat());

    let arguments = [&["2"], &predict("submission.csv", "findings.jsonl")[..]].concat();
    let jobs = submit(&cluster, folder.path(), "predict.sh", &arguments);
    let (array, merge) = (&jobs[0], &jobs[1]);
    let journal = folder.path().join("submission.shard-1-of-2.csv.journal");
    let lines = || fs::read_to_string(&journal).unwrap_or_default().lines().count();
    // the run's identity and three images
    wait_until("the second task has done something", || lines() >= 4);
    let process = cluster.process(array, "1").expect("the task runs");
    // SAFETY: a signal to a process, which may have ended already.
    assert_eq!(unsafe { libc::kill(process, libc::SIGKILL) }, 0);
    let mut states = cluster.ended(array);
    states.sort();
    assert_eq!(states, ["COMPLETED", "FAILED"], "{}", logs(folder.path()));
    assert_eq!(cluster.ended(merge), ["CANCELLED"], "what cannot be merged is not waited for");
    let done = lines();
    assert!(journal.exists() && done < IMAGES && !folder.path().join("submission.csv").exists());

    let jobs = submit(&cluster, folder.path(), "predict.sh", &arguments);
    let (array, merge) = (&jobs[0], &jobs[1]);
    let states = [cluster.ended(array), cluster.ended(merge)].concat();
    let said = logs(folder.path());
    assert_eq!(states, ["COMPLETED"; 3], "{said}");
    assert!(said.contains("already finished"), "the first shard is not done again: {said}");
    assert!(!journal.exists(), "a journal goes once its shard is written");
    for (merged, whole) in [("submission.csv", "whole.csv"), ("findings.jsonl", "whole.jsonl")] {
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        assert!(read(merged) == read(whole), "`{merged}` differs from what one run wrote: {said}");
    }
}

#[test]
#[cfg_attr(no_slurm, ignore = "no Slurm: apt-get install slurm-wlm munge iproute2")]
fn folds_of_an_array_hand_over_what_one_training_does() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    support::discs::training(folder.path(), 3);
    let train = |out: &'static str| ["recipe.toml", "--out", out, "--device", "cpu", "--threads", "1"];
    let jobs = submit(&cluster, folder.path(), "train.sh", &[&["0-1"], &train("out")[..]].concat());
    let (folds, last) = (cluster.ended(&jobs[0]), cluster.ended(&jobs[1]));
    let said = logs(folder.path());
    assert_eq!([folds, last].concat(), ["COMPLETED"; 3], "{said}");
    assert!(said.contains("fold 1: already trained") && said.contains("fold 2: already trained"), "{said}");

    plain(folder.path(), &[&["train"], &train("plain")[..]].concat());
    for name in ["discs-fold0.onnx", "discs-fold1.onnx", "ensemble.toml", "oof.csv", "oof-submission.csv"] {
        let read = |out: &str| fs::read(folder.path().join(out).join(name)).unwrap();
        assert!(read("out") == read("plain"), "`{name}` differs");
    }
}

#[test]
#[cfg_attr(no_slurm, ignore = "no Slurm: apt-get install slurm-wlm munge iproute2")]
fn a_task_that_meets_passing_trouble_is_queued_again() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    // enough epochs to outlast the first task's start
    support::discs::training(folder.path(), 400);
    let arguments = ["0", "recipe.toml", "--out", "out", "--device", "cpu", "--threads", "1"];
    let first = submit(&cluster, folder.path(), "train.sh", &arguments);
    support::discs::wait_for_lines(&folder.path().join("out/fold0/metrics.jsonl"), 2);
    // as at the time limit: it leaves a checkpoint, is queued again, and continues
    cluster.ask(&["scancel", "--batch", "--signal=TERM", &format!("{}_0", first[0])]);
    assert_eq!(cluster.ended(&first[0]), ["COMPLETED"], "{}", logs(folder.path()));
    let said = logs(folder.path());
    assert!(said.contains("queued again") && said.contains("fold 1: continuing at phase 1"), "{said}");
}

/// Phantoms in a folder, with one invalid file, and the options to predict them.
fn phantoms(folder: &Path, out: &'static str) -> [String; 8] {
    let images = folder.join("images");
    fs::create_dir_all(&images).unwrap();
    for seed in 0..6 {
        support::toy::png(&images, &format!("image{seed}"), &support::toy::noise(seed, Size::new(64, 64)));
    }
    fs::write(images.join("broken.png"), "no picture").unwrap();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("ensembles/demo.toml");
    [manifest.to_str().unwrap(), "images", "--out", out, "--device", "cpu", "--threads", "1"].map(str::to_owned)
}

#[test]
#[cfg_attr(no_slurm, ignore = "no Slurm: apt-get install slurm-wlm munge iproute2")]
fn skipped_inputs_count_as_done_and_what_no_retry_helps_ends_the_job() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let submit = |options: &[String]| {
        let options: Vec<&str> = std::iter::once("2").chain(options.iter().map(String::as_str)).collect();
        submit(&cluster, folder.path(), "predict.sh", &options)
    };
    let jobs = submit(&phantoms(folder.path(), "submission.csv"));
    let states = [cluster.ended(&jobs[0]), cluster.ended(&jobs[1])].concat();
    assert_eq!(states, ["COMPLETED"; 3], "{}", logs(folder.path()));
    assert!(logs(folder.path()).contains("broken.png"), "what was skipped is named");
    let plain = Command::new(env!("CARGO_BIN_EXE_pleura"))
        .arg("predict")
        .args(phantoms(folder.path(), "whole.csv"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(plain.status.code(), Some(1));
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert!(read("submission.csv") == read("whole.csv"));

    let mut options = phantoms(folder.path(), "other.csv");
    options[0] = "none.toml".to_owned();
    let jobs = submit(&options);
    assert_eq!(cluster.ended(&jobs[0]), ["FAILED"; 2], "{}", logs(folder.path()));
    assert_eq!(cluster.ended(&jobs[1]), ["CANCELLED"], "what cannot be merged is not waited for");
}

#[test]
#[cfg_attr(no_slurm, ignore = "no Slurm: apt-get install slurm-wlm munge iproute2")]
fn a_task_whose_output_is_in_use_waits_for_its_turn() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let options = phantoms(folder.path(), "submission.csv");
    let options: Vec<&str> = std::iter::once("1").chain(options.iter().map(String::as_str)).collect();
    let other = fs::File::create(folder.path().join("submission.csv.journal")).unwrap();
    other.lock().unwrap();
    let jobs = submit(&cluster, folder.path(), "predict.sh", &options);
    wait_until("the task is queued again", || logs(folder.path()).contains("a passing trouble; queued again"));
    drop(other);
    assert_eq!(cluster.ended(&jobs[0]), ["COMPLETED"], "{}", logs(folder.path()));
    assert_eq!(fs::read_to_string(folder.path().join("submission.csv")).unwrap().lines().count(), 1 + 6);
}
