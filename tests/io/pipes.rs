//! Pipes in place of files: nothing waits for them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Bench, contents, said};

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_at_once() {
    let bench = Bench::new();
    mkfifo(&bench.at("pipe"));
    mkfifo(&bench.at("busy.csv.journal"));
    mkfifo(&bench.at("pipe.receipt.json"));
    let with = "ensemble.toml images --device cpu";
    for words in [
        "check pipe".to_owned(),
        "predict pipe images --out s.csv".into(),
        format!("predict {with} --sample pipe --out s.csv"),
        format!("predict {with} --folds pipe --out s.csv"),
        format!("predict {with} --out busy.csv"),
        format!("tune {with} --truth pipe --cache c"),
        format!("optimize {with} --truth pipe --out small"),
        "explain ensemble.toml images/image1.png --device cpu --truth pipe".into(),
        "score pipe truth.csv".into(),
        "score truth.csv pipe".into(),
        "submission check pipe".into(),
        "submission check truth.csv --size 8x8 --sample pipe".into(),
        "submission diff pipe truth.csv".into(),
        "submission merge pipe --out s.csv".into(),
        "report pipe --out r.html".into(),
        "data inspect --truth pipe --out look".into(),
        "data split pipe --out folds.csv".into(),
        "data split truth.csv --size 8x8 --patients pipe --out folds.csv".into(),
        "data convert masks pipe --out masks".into(),
        "data convert rle images --sample pipe --out s.csv".into(),
        "train pipe".into(),
        "train --check pipe".into(),
    ] {
        let output = bench.expect(2, &words);
        assert!(said(&output).contains("expected a regular file, found a pipe"), "{words}: {}", said(&output));
    }
    assert!(!bench.at("s.csv").exists());
}

#[test]
fn a_cache_s_entry_that_is_a_pipe_is_computed_again() {
    let bench = Bench::new();
    let predict = "predict ensemble.toml images --device cpu --cache c --out s.csv";
    bench.expect(0, predict);
    let before = bench.read("s.csv");
    let entries: Vec<_> = contents(&bench.at("c")).into_keys().collect();
    assert_eq!(entries.len(), 4);
    fs::remove_file(&entries[0]).unwrap();
    mkfifo(&entries[0]);
    let output = bench.expect(0, predict);
    assert!(said(&output).contains("inferences: 1; 3 outputs came from the cache"), "{}", said(&output));
    assert_eq!(bench.read("s.csv"), before);
}
