//! Parts of a run on independent machines, merged to the same bytes as a single run.
#![cfg(unix)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pleura::{Shard, Size};
use serde_json::Value;
use support::case::{Case, POST};
use support::toy::{Toy, noise, png};

/// A two-stage ensemble, and images in two folders, one of them invalid and one with a repeated id.
struct Bench {
    case: Case,
    toml: String,
}

impl Bench {
    fn new() -> Self {
        let (case, toml) = Case::two_stages(POST);
        let bench = Self { case, toml };
        for folder in ["images/a", "images/b"] {
            fs::create_dir_all(bench.at(folder)).unwrap();
        }
        for index in 0..14 {
            bench.draw(if index % 3 == 0 { "images/b" } else { "images/a" }, &format!("image{index:02}"));
        }
        bench.draw("images/b", "image01");
        fs::write(bench.at("images/a/broken.png"), b"\x89PNG\r\n\x1a\n").unwrap();
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.case.folder.path().join(name)
    }

    fn draw(&self, folder: &str, name: &str) {
        let seed = name.bytes().fold(folder.len() as u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        png(&self.at(folder), name, &noise(seed, Size::new(8, 8)).mapv(|v| v / 2 + (seed % 128) as u8));
    }

    fn run(&self, words: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = support::pleura();
        command.args(words).envs(environment.iter().copied()).current_dir(self.case.folder.path()).output().unwrap()
    }

    fn predict(&self, more: &[&str], environment: &[(&str, &str)]) -> Output {
        let words = ["predict", "ensemble.toml", "images", "--device", "cpu", "--findings", "part.jsonl"];
        let out: &[&str] = if more.contains(&"--out") { &[] } else { &["--out", "part.csv"] };
        self.run(&[&words, out, more].concat(), environment)
    }

    /// Runs all N shards; returns their names.
    fn shards(&self, of: u32, more: &[&str]) -> Vec<String> {
        let shard = |index: u32| {
            let run = self.predict(&[&["--shard", &format!("{index}/{of}")], more].concat(), &[]);
            assert!(matches!(run.status.code(), Some(0 | 1)), "{}", said(&run));
            Shard::new(index, of).unwrap().name(Path::new("part.csv")).display().to_string()
        };
        (0..of).map(shard).collect()
    }

    fn merge(&self, shards: &[String], more: &[&str]) -> Output {
        let shards: Vec<&str> = shards.iter().map(String::as_str).collect();
        self.run(&[&["submission", "merge"], &shards[..], &["--out", "merged.csv"], more].concat(), &[])
    }

    /// Expects a merge to be refused with these words, and to write nothing.
    fn refused(&self, shards: &[String], more: &[&str], words: &[&str]) -> String {
        let run = self.merge(shards, more);
        assert_eq!(run.status.code(), Some(2), "{}", said(&run));
        words.iter().for_each(|word| assert!(said(&run).contains(word), "{word}: {}", said(&run)));
        assert!(!self.at("merged.csv").exists());
        said(&run)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn rewrite(&self, toml: &str) {
        fs::write(&self.case.manifest, format!("schema = 1\nname = \"case\"\n{toml}")).unwrap();
    }
}

fn said(run: &Output) -> String {
    String::from_utf8_lossy(&run.stderr).into_owned()
}

fn ids(csv: &str) -> Vec<String> {
    csv.lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn a_receipt_that_is_damaged_puts_nothing_together() {
    let bench = Bench::new();
    let shards = bench.shards(2, &[]);
    let receipt = bench.at("part.shard-1-of-2.receipt.json");
    let text = fs::read_to_string(&receipt).unwrap();
    // the images that have a row, by index: the findings would be in another order
    let (start, rest) = text.split_once("\"answered\":").unwrap();
    let digit = rest.find(|c: char| c.is_ascii_digit()).unwrap();
    let other = if rest[digit..].starts_with('1') { '2' } else { '1' };
    let damaged = format!("{start}\"answered\":{}{other}{}", &rest[..digit], &rest[digit + 1..]);
    assert_ne!(damaged, text);
    fs::write(&receipt, damaged).unwrap();
    bench.refused(
        &shards,
        &["--findings", "merged.jsonl"],
        &["part.shard-1-of-2.receipt.json` is damaged or was edited"],
    );
    // rewritten by another tool it has the same content
    let value: Value = serde_json::from_str(&text).unwrap();
    fs::write(&receipt, value.to_string()).unwrap();
    let merged = bench.merge(&shards, &["--findings", "merged.jsonl"]);
    assert_eq!(merged.status.code(), Some(1), "{}", said(&merged));
}

#[test]
fn merged_shards_are_the_bytes_of_one_run() {
    let bench = Bench::new();
    // in another order, without one of the images, and with one that does not exist
    fs::write(bench.at("sample.csv"), {
        let ids = (0..13).map(|index| format!("image{:02},-1\n", index * 5 % 13)).collect::<String>();
        format!("ImageId,EncodedPixels\nnowhere,-1\n{ids}")
    })
    .unwrap();
    for sample in [&[][..], &["--sample", "sample.csv"]] {
        let whole = bench.predict(&[sample, &["--out", "whole.csv"]].concat(), &[]);
        assert_eq!(whole.status.code(), Some(1), "{}", said(&whole));
        let (csv, findings) = (bench.read("whole.csv"), bench.read("part.jsonl"));
        let receipt: Value = serde_json::from_str(&bench.read("whole.receipt.json")).unwrap();
        for of in [1, 2, 3, 7] {
            let shards = bench.shards(of, sample);
            let merged = bench.merge(&shards, &[sample, &["--findings", "merged.jsonl"]].concat());
            assert_eq!(merged.status.code(), Some(1), "{}", said(&merged));
            assert!(bench.read("merged.csv") == csv, "{of} shards, {sample:?}");
            assert!(bench.read("merged.jsonl") == findings, "{of} shards, {sample:?}");
            let merged: Value = serde_json::from_str(&bench.read("merged.receipt.json")).unwrap();
            for same in ["shard", "manifest", "summary", "unanswered"] {
                assert_eq!(merged[same], receipt[same], "{same}");
            }
            assert_eq!(merged["inputs"]["answered"], receipt["inputs"]["answered"]);
            assert_eq!(merged["inferences"]["run"], receipt["inferences"]["run"]);
            assert_eq!(merged["skipped"].as_array().unwrap().len(), receipt["skipped"].as_array().unwrap().len());
            assert_eq!(merged["merged"].as_array().unwrap().len(), of as usize);
            // No image is in two shards, none is missing, and each is in the shard of its id.
            let parts: Vec<Vec<String>> = shards.iter().map(|shard| ids(&bench.read(shard))).collect();
            let all: Vec<&String> = parts.iter().flatten().collect();
            assert_eq!(all.len(), ids(&csv).len());
            assert_eq!(all.iter().copied().cloned().collect::<BTreeSet<_>>(), ids(&csv).into_iter().collect());
            for (index, part) in (0..).zip(&parts) {
                assert!(part.iter().all(|id| Shard::new(index, of).unwrap().holds(id)), "{part:?}");
            }
            // A merged run is finished: predicting the whole finds it complete.
            let again = bench.run(
                &[
                    &["predict", "ensemble.toml", "images", "--device", "cpu", "--resume", "--out", "merged.csv"],
                    sample,
                ]
                .concat(),
                &[],
            );
            assert!(said(&again).contains("already finished") && again.status.code() == Some(1), "{}", said(&again));
        }
    }
}

#[test]
fn a_shard_may_have_no_image_or_none_but_a_broken_one() {
    let bench = Bench::new();
    fs::remove_dir_all(bench.at("images/b")).unwrap();
    for index in 0..14 {
        let _ = fs::remove_file(bench.at(&format!("images/a/image{index:02}.png")));
    }
    bench.draw("images/a", "image00");
    let shards = bench.shards(7, &[]);
    assert_eq!(shards.iter().filter(|shard| ids(&bench.read(shard)).is_empty()).count(), 6);
    let merged = bench.merge(&shards, &["--findings", "merged.jsonl"]);
    assert_eq!(merged.status.code(), Some(1), "{}", said(&merged));
    assert!(said(&merged).contains("skipped `images/a/broken.png`"), "{}", said(&merged));
    assert_eq!((ids(&bench.read("merged.csv")).len(), bench.read("merged.jsonl").lines().count()), (1, 1));
    // If there are no others, the whole has no such line.
    fs::remove_file(bench.at("images/a/image00.png")).unwrap();
    fs::remove_file(bench.at("merged.csv")).unwrap();
    bench.refused(&bench.shards(2, &[]), &[], &["all 1 inputs were skipped"]);
}

#[test]
fn a_missing_shard_is_named_with_the_command_that_makes_it() {
    let bench = Bench::new();
    let shards = bench.shards(3, &[]);
    fs::remove_file(bench.at(&shards[1])).unwrap();
    bench.refused(&shards, &[], &["`part.shard-1-of-3.csv` does not exist"]);
    let present = [shards[2].clone(), shards[0].clone()];
    let message = bench.refused(&present, &[], &["missing 1 of 3 shards: `part.shard-1-of-3.csv`"]);
    bench.refused(&shards[..1], &[], &["missing 2 of 3 shards: `part.shard-1-of-3.csv`, `part.shard-2-of-3.csv`"]);
    let command = message.trim_end().rsplit("shard-1-of-3.csv`; run: ").next().unwrap().to_owned();
    assert!(
        command.starts_with("pleura predict ensemble.toml images ") && command.ends_with("--shard 1/3"),
        "{command}"
    );
    let binaries = Path::new(env!("CARGO_BIN_EXE_pleura")).parent().unwrap();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    let made =
        Command::new("sh").args(["-c", &command]).env("PATH", path).current_dir(bench.case.folder.path()).output();
    assert!(matches!(made.unwrap().status.code(), Some(0 | 1)), "{command}");
    assert_eq!(bench.merge(&shards, &[]).status.code(), Some(1));
}

#[test]
fn shards_of_different_runs_are_refused_with_what_differs() {
    let bench = Bench::new();
    fs::write(bench.at("sample.csv"), "ImageId,EncodedPixels\nimage00,-1\nimage02,-1\nimage03,-1\n").unwrap();
    let [first, second] = <[String; 2]>::try_from(bench.shards(2, &[])).unwrap();
    let both = [first.clone(), second.clone()];
    let again = |more: &[&str]| {
        let run = bench.predict(&[&["--shard", "1/2"], more].concat(), &[]);
        assert!(matches!(run.status.code(), Some(0 | 1)), "{}", said(&run));
    };
    bench.rewrite(&bench.toml.replace("above = 0.35", "above = 0.3"));
    again(&[]);
    bench.refused(
        &both,
        &[],
        &["different runs: the manifest: `part.shard-0-of-2.csv` sha256 ", "`part.shard-1-of-2.csv` sha256"],
    );
    bench.rewrite(&bench.toml);
    Toy { gain: 0.8, ..Toy::default() }.write(&bench.at("s.onnx"));
    again(&[]);
    bench.refused(&both, &[], &["different runs: the model `s.onnx`: "]);
    Toy { gain: 0.9, ..Toy::default() }.write(&bench.at("s.onnx"));
    again(&["--sample", "sample.csv"]);
    bench.refused(&both, &[], &["different runs: the sample: `part.shard-0-of-2.csv` none, "]);
    bench.draw("images/a", "late");
    again(&[]);
    bench.refused(&both, &[], &["were run on different images (16 and 17 files)"]);
    fs::remove_file(bench.at("images/a/late.png")).unwrap();
    again(&[]);
    let third = bench.shards(3, &[]).swap_remove(1);
    bench.refused(&[first.clone(), third], &[], &["is shard 0/2 and `part.shard-1-of-3.csv` is shard 1/3"]);
    fs::copy(bench.at(&first), bench.at("copy.csv")).unwrap();
    fs::copy(bench.at("part.shard-0-of-2.receipt.json"), bench.at("copy.receipt.json")).unwrap();
    bench.refused(&[first.clone(), "copy.csv".into()], &[], &["are both shard 0/2"]);
    bench.refused(&both, &["--sample", "sample.csv"], &["run without a sample"]);
    bench.refused(&both, &["--findings", &second], &["--findings would overwrite an input, SHARD"]);
    assert_eq!(bench.merge(&both, &[]).status.code(), Some(1));
}

#[test]
fn a_sample_is_the_one_that_the_shards_were_made_for() {
    let bench = Bench::new();
    let sample = "ImageId,EncodedPixels\nimage00,-1\nimage02,-1\n";
    fs::write(bench.at("sample.csv"), sample).unwrap();
    fs::write(bench.at("other.csv"), format!("{sample}image03,-1\n")).unwrap();
    let shards = bench.shards(2, &["--sample", "sample.csv"]);
    bench.refused(&shards, &[], &["add `--sample sample.csv`"]);
    bench.refused(&shards, &["--sample", "other.csv"], &["`other.csv` differs from the sample", "`sample.csv`"]);
    assert_eq!(bench.merge(&shards, &["--sample", "sample.csv"]).status.code(), Some(1));
    assert_eq!(ids(&bench.read("merged.csv")), ["image00", "image02"]);
}

#[test]
fn a_shard_that_is_not_what_its_run_wrote_is_refused() {
    let bench = Bench::new();
    let shards = bench.shards(2, &[]);
    let (csv, findings) = (bench.read(&shards[1]), bench.read("part.shard-1-of-2.jsonl"));
    fs::write(bench.at(&shards[1]), format!("{csv}image99,-1\n")).unwrap();
    bench.refused(&shards, &[], &["`part.shard-1-of-2.csv` has changed since its run", "--shard 1/2"]);
    fs::write(bench.at(&shards[1]), csv).unwrap();
    fs::write(bench.at("part.shard-1-of-2.jsonl"), findings.replace("segmenter", "segmenter ")).unwrap();
    bench.refused(&shards, &["--findings", "all.jsonl"], &["`part.shard-1-of-2.jsonl` has changed since its run"]);
    fs::remove_file(bench.at("part.shard-1-of-2.jsonl")).unwrap();
    bench.refused(
        &shards,
        &["--findings", "all.jsonl"],
        &["the findings of `part.shard-1-of-2.csv`, no longer exists"],
    );
    fs::remove_file(bench.at("part.shard-0-of-2.receipt.json")).unwrap();
    bench.refused(&shards, &[], &["cannot merge `part.shard-0-of-2.csv` without the receipt"]);
}

#[test]
fn arrays_and_jobs_say_which_shard_it_is() {
    let bench = Bench::new();
    let slurm = |values: [&'static str; 4]| {
        let names = ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX"];
        names.into_iter().zip(values).collect::<Vec<_>>()
    };
    let cases = [
        (slurm(["2", "3", "0", "2"]), "part.shard-2-of-3", "shard 2/3, from the Slurm array"),
        (slurm(["1", "3", "1", "3"]), "part.shard-0-of-3", "shard 0/3, from the Slurm array"),
        (
            vec![("JOB_COMPLETION_INDEX", "1"), ("JOB_COMPLETIONS", "3")],
            "part.shard-1-of-3",
            "shard 1/3, from the indexed job",
        ),
    ];
    for (environment, name, words) in &cases {
        let run = bench.predict(&["--report", "part.html"], environment);
        assert!(matches!(run.status.code(), Some(0 | 1)) && said(&run).contains(words), "{}", said(&run));
        for end in ["csv", "jsonl", "html", "receipt.json"] {
            assert!(bench.at(&format!("{name}.{end}")).exists(), "{name}.{end}");
        }
    }
    let shards: Vec<String> = (0..3).map(|index| format!("part.shard-{index}-of-3.csv")).collect();
    assert_eq!(bench.merge(&shards, &[]).status.code(), Some(1));
    // The user's choice takes precedence.
    let run = bench.predict(&["--shard", "0/1"], &cases[0].0);
    assert!(bench.at("part.csv").exists() && !said(&run).contains("Slurm"), "{}", said(&run));
    assert_eq!(bench.read("part.csv"), bench.read("merged.csv"));
    for environment in [
        slurm(["2", "1", "2", "2"]),
        slurm(["2", "3", "0", "4"]),
        vec![("SLURM_ARRAY_TASK_ID", "1")],
        vec![("JOB_COMPLETION_INDEX", "1")],
        vec![("JOB_COMPLETION_INDEX", "3"), ("JOB_COMPLETIONS", "3")],
    ] {
        let run = bench.predict(&["--out", "refused.csv"], &environment);
        assert_eq!(run.status.code(), Some(2), "{environment:?}: {}", said(&run));
        assert!(said(&run).contains("--shard I/N"), "{environment:?}: {}", said(&run));
    }
    for wrong in ["3/3", "1", "a/b", "0/0"] {
        let run = bench.predict(&["--shard", wrong], &[]);
        assert!(run.status.code() == Some(2) && said(&run).contains("I from 0 to N-1"), "{}", said(&run));
    }
}

#[test]
fn ids_are_those_of_the_images_whatever_the_encoding() {
    let bench = Bench::new();
    let run = bench.run(&["demo", "--images", "12", "--device", "cpu", "--out", "demo"], &[]);
    assert!(run.status.success(), "{}", said(&run));
    let files = pleura::radiograph::find(&[bench.at("demo/radiographs"), bench.at("images/b")]).unwrap();
    files.iter().for_each(|file| assert_id(file));
    assert!(pleura::radiograph::id_of(bench.at("images/a/broken.png")).is_err());
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn ids_are_those_of_real_images() {
    let real = pleura::radiograph::find(&[support::data().join("siim/stage2_dicom")]).unwrap();
    real.iter().step_by(40).for_each(|file| assert_id(file));
}

/// The id that determines an image's shard is that of the whole file.
fn assert_id(file: &Path) {
    let id = pleura::Radiograph::open(file).unwrap().id().to_owned();
    assert_eq!(pleura::radiograph::id_of(file).unwrap(), id, "{}", file.display());
}

/// An id's shard determines the machine that predicts it: with another rule, parts of old and new runs would not fit.
#[test]
fn where_an_id_belongs_is_the_same_everywhere() {
    let index = |id: &str, of| (0..of).find(|&index| Shard::new(index, of).unwrap().holds(id)).unwrap();
    let id = "1.2.276.0.7230010.3.1.4.8323329.4904.1517875185.355709";
    assert_eq!([2, 3, 4, 7].map(|of| index(id, of)), [1, 2, 1, 0]);
    let counts = (0..4).map(|shard| (0..4000).filter(|id| index(&format!("image{id}"), 4) == shard).count());
    assert!(counts.into_iter().all(|count| (900..1100).contains(&count)), "the parts are of about one size");
}
