//! Inputs and outputs: inputs that are kept, streams that break, file names, and files of other kinds.
#![cfg(unix)]

mod inputs;
mod names;
mod pipes;
mod streams;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use pleura::Size;
use support::case::{Case, POST, member};
use support::toy::{Toy, noise, png};

/// A folder with `ensemble.toml`, four `images`, and their `truth.csv`.
struct Bench(Case);

impl Bench {
    fn new() -> Self {
        let case = Case::new(&[("toy", Toy::default())], &format!("{POST}\n{}", member("segmenter", "toy", "")));
        let bench = Self(case);
        fs::create_dir(bench.at("images")).unwrap();
        let mut truth = "ImageId,EncodedPixels\n".to_owned();
        for number in 0..4 {
            png(&bench.at("images"), &format!("image{number}"), &noise(number, Size::new(8, 8)));
            truth += &format!("image{number},{}\n", if number % 2 == 0 { "0 3" } else { "-1" });
        }
        fs::write(bench.at("truth.csv"), truth).unwrap();
        bench
    }

    fn folder(&self) -> &Path {
        self.0.folder.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn command(&self, words: &str) -> assert_cmd::Command {
        let mut command = support::pleura();
        // a hang is a failure, not a test that never ends
        command.current_dir(self.folder()).timeout(Duration::from_secs(240));
        command.args(words.split_whitespace());
        command
    }

    /// Runs the binary in the folder.
    fn run(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs it, and expects an exit code.
    fn expect(&self, code: i32, words: &str) -> Output {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(code), "{words}: {}", said(&output));
        output
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All files in a folder, with their contents.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap())).collect()
}
