//! Runs that are interrupted at any moment and continued: nothing lost, nothing done twice, the same bytes.
#![cfg(unix)]

mod changed;
mod disk;
mod killed;
mod lock;
#[path = "../support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pleura::Size;
use serde_json::Value;
use support::case::Case;
use support::toy::{Toy, noise, png};

const IMAGES: usize = 24;

/// A two-stage ensemble that takes 20 ms for an image, and images for it.
struct Bench {
    case: Case,
    toml: String,
}

impl Bench {
    fn new() -> Self {
        let (case, toml) = Case::two_stages("postprocess = [{ plugin = \"slow\" }]");
        let bench = Self { case, toml };
        slow_plugin(&bench.at("libslow.so"));
        fs::create_dir(bench.at("images")).unwrap();
        for index in 0..IMAGES {
            bench.draw(index, index as u32);
        }
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.case.folder.path().join(name)
    }

    fn draw(&self, index: usize, seed: u32) -> PathBuf {
        let pixels = noise(seed, Size::new(8, 8)).mapv(|v| v / 2 + 5 * (7 * index % IMAGES) as u8);
        png(&self.at("images"), &format!("image{index:02}"), &pixels)
    }

    /// The command that writes `OUT.csv` and `OUT.jsonl`.
    fn command(&self, out: &str, more: &[&str]) -> Command {
        support::runtime();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pleura"));
        command.args(["predict", "--device", "cpu", "--threads", "1", "--out"]).arg(self.at(&format!("{out}.csv")));
        command.arg("--findings").arg(self.at(&format!("{out}.jsonl")));
        command.args([&self.case.manifest, &self.at("images")]).args(more).stdin(Stdio::null());
        command
    }

    fn predict(&self, out: &str, more: &[&str]) -> Output {
        self.command(out, more).output().unwrap()
    }

    fn start(&self, out: &str, more: &[&str]) -> Child {
        self.command(out, more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn journal(&self, out: &str) -> PathBuf {
        self.at(&format!("{out}.csv.journal"))
    }

    /// Runs until some but not all images are finished, and kills the run; on a busy machine a run may end before it is
    /// checked, and another is tried.
    fn interrupted(&self, out: &str, images: usize, more: &[&str]) -> usize {
        for _ in 0..20 {
            let mut child = self.start(out, more);
            self.wait_for(out, images, &mut child);
            child.kill().unwrap();
            child.wait().unwrap();
            let done = journaled(&self.journal(out)).0;
            if (images..IMAGES).contains(&done) {
                return done;
            }
            let _ = fs::remove_file(self.journal(out));
        }
        panic!("no run was caught between {images} and {IMAGES} images");
    }

    /// Waits until a run has finished some images, or has ended.
    fn wait_for(&self, out: &str, images: usize, child: &mut Child) {
        while journaled(&self.journal(out)).0 < images && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(2));
        }
    }

    /// The CSV and the findings.
    fn outputs(&self, out: &str) -> [String; 2] {
        ["csv", "jsonl"].map(|end| fs::read_to_string(self.at(&format!("{out}.{end}"))).unwrap())
    }

    fn receipt(&self, out: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.at(&format!("{out}.receipt.json"))).unwrap()).unwrap()
    }

    /// The outputs of an uninterrupted run, and its number of inferences.
    fn whole(&self) -> ([String; 2], u64) {
        let run = self.predict("whole", &[]);
        assert_eq!(run.status.code(), Some(0), "{}", said(&run));
        (self.outputs("whole"), self.receipt("whole")["inferences"]["run"].as_u64().unwrap())
    }

    /// Continues a run to its end.
    fn resume(&self, out: &str, more: &[&str]) -> String {
        let run = self.predict(out, &[&["--resume"], more].concat());
        assert_eq!(run.status.code(), Some(0), "{}", said(&run));
        assert!(!self.journal(out).exists());
        said(&run)
    }
}

fn slow_plugin(library: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O1", "-shared", "-fPIC", "-I"]).arg(root.join("engine/plugin-api/include"));
    let built = cc.arg("-o").arg(library).arg(root.join("tests/plugin-fixtures/slow.c")).status().unwrap();
    assert!(built.success());
}

fn said(run: &Output) -> String {
    String::from_utf8_lossy(&run.stderr).into_owned()
}

/// The number of images in a journal, and of their inferences.
fn journaled(path: &Path) -> (usize, u64) {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let ran = |line: &str| {
        let runs = &serde_json::from_str::<Value>(line).unwrap()["finding"]["runs"];
        runs["classifiers"].as_u64().unwrap() + runs["segmenters"].as_u64().unwrap()
    };
    let lines: Vec<u64> = whole.lines().skip(1).map(ran).collect();
    (lines.len(), lines.iter().sum())
}
