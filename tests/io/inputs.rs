//! Outputs that are inputs are refused before anything is written. The program's own tests cover every option of every
//! verb; these are cases that lost data.

use std::fs;
use std::os::unix::fs::symlink;

use crate::{Bench, contents, said};

#[test]
fn no_command_replaces_its_input() {
    let bench = Bench::new();
    bench.expect(0, "predict ensemble.toml images --out s.csv --findings f.jsonl --device cpu");
    bench.expect(0, "data convert images images --out p");
    fs::copy(bench.at("truth.csv"), bench.at("t.csv")).unwrap();
    fs::hard_link(bench.at("t.csv"), bench.at("hard.csv")).unwrap();
    symlink("t.csv", bench.at("soft.csv")).unwrap();
    symlink("images", bench.at("way")).unwrap();
    let before = contents(bench.folder());
    let cases = [
        ("predict ensemble.toml images --sample t.csv --out t.csv", ["--sample", "--out"]),
        ("predict ensemble.toml images --sample t.csv --out ./t.csv", ["--sample", "--out"]),
        ("predict ensemble.toml images --sample t.csv --out soft.csv", ["--sample", "--out"]),
        ("predict ensemble.toml images --sample soft.csv --out t.csv", ["--sample", "--out"]),
        ("predict ensemble.toml images --sample t.csv --out hard.csv", ["--sample", "--out"]),
        ("predict ensemble.toml images --out images/image2.png", ["INPUTS", "--out"]),
        ("predict ensemble.toml way --out images/image2.png", ["INPUTS", "--out"]),
        ("predict ensemble.toml images/image*.png --maps images --out x.csv", ["INPUTS", "--maps"]),
        ("predict ensemble.toml images --maps way/maps --out x.csv", ["INPUTS", "--maps"]),
        ("predict ensemble.toml images --out ensemble.toml", ["ENSEMBLE", "--out"]),
        ("predict ensemble.toml images --out toy.onnx", ["ENSEMBLE's segmenter.members[0].model", "--out"]),
        ("predict ensemble.toml images --out x.csv --findings truth.csv --folds truth.csv", ["--folds", "--findings"]),
        ("predict ensemble.toml images --out x.csv --findings ./x.csv", ["--findings", "--out"]),
        ("predict ensemble.toml images --out x.csv --findings x.receipt.json", ["receipt", "--findings"]),
        ("predict ensemble.toml images --out x.csv --findings none/../x.csv.journal", ["journal", "--findings"]),
        ("data split t.csv --folds 2 --out t.csv", ["TRUTH", "--out"]),
        ("score s.csv t.csv --size 8x8 --per-image t.csv", ["TRUTH", "--per-image"]),
        ("data convert images p --out p --to 4x4", ["INPUTS", "--out"]),
        ("data convert images images --out images/small", ["INPUTS", "--out"]),
        ("data convert rle p --sample t.csv --out t.csv", ["--sample", "--out"]),
        ("data convert rle p --out p/image1.png", ["INPUTS", "--out"]),
        ("report f.jsonl --out f.jsonl", ["FINDINGS", "--out"]),
        ("report f.jsonl --out images/image1.png", ["a radiograph of FINDINGS", "--out"]),
        ("explain ensemble.toml images/image1.png --picture images/image1.png", ["IMAGE", "--picture"]),
        ("tune ensemble.toml images --truth t.csv --truth-size 8x8 --cache c --out toy.onnx", ["model", "--out"]),
    ];
    for (words, names) in cases {
        let output = bench.expect(2, words);
        assert!(names.iter().all(|name| said(&output).contains(name)), "{words}: {}", said(&output));
        assert!(contents(bench.folder()) == before, "{words}: something was written");
    }
}

#[test]
fn what_harms_nothing_is_allowed() {
    let bench = Bench::new();
    // a CSV beside the images, and a run that replaces its own outputs
    for _ in 0..2 {
        bench.expect(0, "predict ensemble.toml images --out images/s.csv --maps maps --device cpu");
    }
    bench.expect(0, "data convert images images/image1.png --out .");
    assert!(bench.at("image1.png").exists());
}
