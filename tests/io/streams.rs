//! Standard error and standard output that accept nothing, or no more.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use crate::support::discs::training;
use crate::{Bench, said};

/// A stream that accepts nothing: the disk is full, or the reader has closed it.
fn broken(hung_up: bool) -> Stdio {
    if !hung_up {
        return File::options().write(true).open("/dev/full").unwrap().into();
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn pleura(bench: &Bench, words: &str) -> Command {
    crate::support::runtime();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pleura"));
    command.current_dir(bench.folder()).args(words.split_whitespace()).stdin(Stdio::null());
    command
}

#[test]
fn messages_that_cannot_be_shown_are_dropped() {
    let bench = Bench::new();
    fs::write(bench.at("images/broken.png"), "text").unwrap();
    let isolated = bench
        .read("ensemble.toml")
        .replace("plugin = \"threshold\"", "plugin = \"threshold\", isolation = \"process\"");
    fs::write(bench.at("isolated.toml"), isolated).unwrap();
    let predict = "predict ensemble.toml images --device cpu --report r.html --findings f.jsonl --out";
    bench.expect(1, &format!("{predict} whole.csv"));
    for hung_up in [false, true] {
        for (words, code) in [
            (format!("{predict} out.csv"), 1),
            (format!("-vv {predict} out.csv"), 1),
            (format!("{} out.csv", predict.replace("ensemble", "isolated")), 1),
            ("check ensemble.toml --device cpu".into(), 0),
            ("check none.toml".into(), 2),
            ("data convert images images --out p".into(), 1),
            ("data inspect images --out look".into(), 1),
            ("no-such-verb".into(), 2),
        ] {
            let _ = fs::remove_file(bench.at("out.csv"));
            let status = pleura(&bench, &words).stderr(broken(hung_up)).stdout(Stdio::null()).status().unwrap();
            assert_eq!(status.code(), Some(code), "{words}, hung up: {hung_up}");
            if words.contains("out.csv") {
                assert_eq!(bench.read("out.csv"), bench.read("whole.csv"), "{words}");
            }
        }
    }
}

#[test]
fn a_training_goes_on_without_its_messages() {
    let bench = Bench::new();
    fs::create_dir(bench.at("training")).unwrap();
    let recipe = training(&bench.at("training"), 2);
    for hung_up in [false, true] {
        let words = format!("train {} --fresh --out trained --threads 1", recipe.display());
        let output = pleura(&bench, &words).stderr(broken(hung_up)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "hung up: {hung_up}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("ensemble.toml"));
        fs::remove_dir_all(bench.at("trained")).unwrap();
    }
}

#[test]
fn results_that_cannot_be_written_are_an_error_at_the_end() {
    let bench = Bench::new();
    bench.expect(0, "predict ensemble.toml images --device cpu --out s.csv");
    fs::write(bench.at("other.csv"), bench.read("truth.csv").replace("0 3", "-1")).unwrap();
    let tune = "tune ensemble.toml images --truth truth.csv --truth-size 8x8 --cache c --nested 2 --device cpu --write";
    let manifest = bench.read("ensemble.toml");
    for (words, code) in [
        ("score s.csv truth.csv --size 8x8", 0),
        ("score s.csv truth.csv --size 8x8 --json", 0),
        ("submission diff truth.csv other.csv --size 8x8", 1),
        ("submission check truth.csv --size 8x8", 0),
        ("data split truth.csv --folds 2 --size 8x8 --out folds.csv", 0),
        ("data inspect images --out look", 0),
        ("check ensemble.toml --device cpu", 0),
        ("plugins list", 0),
        ("plugins test threshold --params {\"above\":0.5}", 0),
        ("explain ensemble.toml images/image1.png --device cpu", 0),
        ("predict ensemble.toml images --device cpu --out again.csv", 0),
        (tune, 0),
        ("--help", 0),
        ("predict --help", 0),
        ("--version", 0),
    ] {
        let plain = pleura(&bench, words).output().unwrap();
        assert_eq!(plain.status.code(), Some(code), "{words}: {}", said(&plain));
        let changed = bench.read("ensemble.toml");
        fs::write(bench.at("ensemble.toml"), &manifest).unwrap();
        let full = pleura(&bench, words).stdout(broken(false)).output().unwrap();
        assert_eq!(full.status.code(), Some(75), "{words}: {}", said(&full));
        assert!(said(&full).contains("cannot write results to standard output: No space left"), "{}", said(&full));
        assert_eq!(bench.read("ensemble.toml"), changed, "{words}: what is written elsewhere is complete");
        fs::write(bench.at("ensemble.toml"), &manifest).unwrap();
        let closed = pleura(&bench, words).stdout(broken(true)).output().unwrap();
        assert_eq!(closed.status.code(), Some(code), "{words}: {}", said(&closed));
        assert!(!said(&closed).contains("standard output"), "{words}: {}", said(&closed));
        assert_eq!(bench.read("ensemble.toml"), changed, "{words}: what is written elsewhere is complete");
        fs::write(bench.at("ensemble.toml"), &manifest).unwrap();
    }
    assert_eq!(bench.read("again.csv"), bench.read("s.csv"));
}
