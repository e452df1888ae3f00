//! Runs that are ended at any moment, and gone on with: nothing lost, nothing done twice, the same bytes.
#![cfg(unix)]

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
        let pixels = noise(seed, (8, 8)).mapv(|v| v / 2 + 5 * (7 * index % IMAGES) as u8);
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

    /// Runs until some images are finished and not all, and kills that; on a busy machine a run may be over before it
    /// is looked at again, and another is tried.
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

    /// What an uninterrupted run writes, and how many inferences it takes.
    fn whole(&self) -> ([String; 2], u64) {
        let run = self.predict("whole", &[]);
        assert_eq!(run.status.code(), Some(0), "{}", said(&run));
        (self.outputs("whole"), self.receipt("whole")["inferences"]["run"].as_u64().unwrap())
    }

    /// Goes on with a run to its end.
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

fn signal(name: &str, child: &Child) {
    assert!(Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success());
}

fn said(run: &Output) -> String {
    String::from_utf8_lossy(&run.stderr).into_owned()
}

/// How many images a journal has, and how many inferences they took.
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

#[test]
fn killed_at_any_moment_a_run_goes_on_to_the_same_bytes() {
    let bench = Bench::new();
    let begun = Instant::now();
    let (whole, inferences) = bench.whole();
    let took = begun.elapsed();
    let seed = std::env::var("PLEURA_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut state: u64 =
        seed.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    eprintln!("the moments are those of PLEURA_SEED={state}");
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    let mut in_between = 0;
    for round in 0..10 {
        let mut child = bench.start("killed", &[]);
        // by the clock, so that any part of the program is hit; and by what is finished, so that the middle is, too
        if round % 2 == 0 {
            sleep(took.mul_f64(random()));
        } else {
            bench.wait_for("killed", 1 + (random() * (IMAGES - 6) as f64) as usize, &mut child);
            sleep(Duration::from_millis((random() * 20.0) as u64));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (images, ran) = journaled(&bench.journal("killed"));
        in_between += usize::from((1..IMAGES).contains(&images));
        let said = bench.resume("killed", &[]);
        assert!(bench.outputs("killed") == whole, "round {round}, {images} images finished: {said}");
        if !said.contains("already finished") {
            let receipt = bench.receipt("killed");
            assert_eq!(receipt["resumed"], images, "{said}");
            assert_eq!(receipt["inferences"]["run"], inferences - ran, "{said}");
        }
        for name in ["killed.csv", "killed.jsonl", "killed.receipt.json"] {
            fs::remove_file(bench.at(name)).unwrap();
        }
    }
    assert!(in_between > 0, "no run was killed half-way");
}

#[test]
fn lines_that_are_torn_or_damaged_cost_their_images_alone() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    let done = bench.interrupted("out", 6, &[]);
    let journal = fs::read(bench.journal("out")).unwrap();
    let torn_after = [&journal[..], b"{\"file\":\"images/ima"].concat();
    let torn_within = journal[..journal.len() - 30].to_vec();
    let mut zeros = journal.clone();
    // as a file system may leave it where the machine stops
    zeros[journal.len() - 40..].fill(0);
    for (bytes, left) in [(torn_after, done), (torn_within, done - 1), (zeros, done - 1)] {
        fs::write(bench.journal("out"), bytes).unwrap();
        let said = bench.resume("out", &[]);
        assert!(said.contains("cut ") && said.contains(&format!("resumed: {left} of {IMAGES}")), "{said}");
        assert!(bench.outputs("out") == whole);
        fs::remove_file(bench.at("out.csv")).unwrap();
    }
}

#[test]
fn what_changed_is_named_and_an_unfinished_run_is_not_thrown_away() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    bench.interrupted("out", 3, &[]);
    let journal = fs::read(bench.journal("out")).unwrap();
    let refused = |more: &[&str], words: &[&str]| {
        let run = bench.predict("out", more);
        assert_eq!(run.status.code(), Some(2), "{}", said(&run));
        words.iter().for_each(|word| assert!(said(&run).contains(word), "{word}: {}", said(&run)));
        assert!(fs::read(bench.journal("out")).unwrap() == journal);
    };
    refused(&[], &["--resume", "or delete", "out.csv.journal"]);
    let sample = bench.at("sample.csv");
    fs::write(&sample, "ImageId,EncodedPixels\nimage00,-1\n").unwrap();
    refused(&["--resume", "--sample", sample.to_str().unwrap()], &["the sample: then none, now sha256"]);
    refused(&["--resume", "--maps", bench.at("maps").to_str().unwrap()], &["the folder of maps"]);
    let change = |toml: &str| fs::write(&bench.case.manifest, format!("schema = 1\nname = \"case\"\n{toml}")).unwrap();
    change(&bench.toml.replace("above = 0.35", "above = 0.4"));
    refused(&["--resume"], &["the manifest: then sha256", "leave out `--resume`"]);
    change(&bench.toml);
    Toy { gain: 0.8, ..Toy::default() }.write(&bench.at("s.onnx"));
    refused(&["--resume"], &["the model `s.onnx`"]);
    // The other run is started anew without being asked to be gone on with.
    let run = bench.predict("out", &[]);
    assert!(run.status.success() && said(&run).contains("replaced the journal of another run"), "{}", said(&run));
    assert!(bench.outputs("out") != whole);
}

#[test]
fn a_finished_run_says_so_and_another_is_run() {
    let bench = Bench::new();
    fs::write(bench.at("images/broken.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let first = bench.predict("out", &["--resume"]);
    assert_eq!(first.status.code(), Some(1), "{}", said(&first));
    assert!(said(&first).contains("nothing to resume"), "{}", said(&first));
    assert_eq!(bench.receipt("out")["skipped"].as_array().unwrap().len(), 1);
    let receipt = bench.receipt("out");
    let again = |finished: bool| {
        let run = bench.predict("out", &["--resume"]);
        assert_eq!(run.status.code(), Some(1), "{}", said(&run));
        assert_eq!(said(&run).contains("already finished"), finished, "{}", said(&run));
        assert!(String::from_utf8_lossy(&run.stdout).contains("out.csv"));
        assert_eq!(bench.receipt("out") == receipt, finished);
        assert!(!bench.journal("out").exists());
        said(&run)
    };
    again(true);
    bench.draw(IMAGES, 0);
    assert!(again(false).contains("the images are not those"));
    fs::remove_file(bench.at(&format!("images/image{IMAGES:02}.png"))).unwrap();
    again(false);
    fs::write(bench.at("out.csv"), "ImageId,EncodedPixels\n").unwrap();
    assert!(again(false).contains("out.csv` is not what"));
}

#[test]
fn an_image_that_changed_and_a_map_that_is_gone_are_done_again() {
    let bench = Bench::new();
    let maps = bench.at("maps");
    let with_maps = ["--maps", maps.to_str().unwrap()];
    let done = bench.interrupted("out", 8, &with_maps);
    let mut pictures: Vec<PathBuf> = fs::read_dir(&maps).unwrap().map(|entry| entry.unwrap().path()).collect();
    // the one that was being written when the run was killed has another end
    pictures.retain(|path| path.extension().is_some_and(|end| end == "png"));
    assert!(pictures.len() > 3);
    let before = fs::read(&pictures[0]).unwrap();
    fs::remove_file(&pictures[0]).unwrap();
    bench.draw(1, 99);
    let said = bench.resume("out", &with_maps);
    // whether image 1 has a map, and that map is the one that was removed, does not matter
    assert!((1..=2).any(|again| said.contains(&format!("resumed: {} of {IMAGES}", done - again))), "{said}");
    if !pictures[0].ends_with("image01.png") {
        assert!(fs::read(&pictures[0]).unwrap() == before);
    }
    let whole = bench.predict("whole", &["--maps", bench.at("other").to_str().unwrap()]);
    assert!(whole.status.success() && bench.outputs("out") == bench.outputs("whole"));
    let count = |folder: &str| fs::read_dir(bench.at(folder)).unwrap().count();
    assert_eq!(count("maps"), count("other"));
}

#[test]
fn two_runs_on_one_output_the_second_waits_for_another_time() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    let mut first = bench.start("out", &[]);
    bench.wait_for("out", 1, &mut first);
    // stopped, it holds its output for as long as the others take
    signal("STOP", &first);
    for more in [&[][..], &["--resume"]] {
        let second = bench.predict("out", more);
        assert_eq!(second.status.code(), Some(75), "{}", said(&second));
        assert!(said(&second).contains("another run is writing `"), "{}", said(&second));
    }
    signal("CONT", &first);
    assert!(first.wait().unwrap().success());
    assert!(bench.outputs("out") == whole && !bench.journal("out").exists());
    // Nothing but the lock: a file that nobody holds is in nobody's way.
    let lock = File::create(bench.journal("out")).unwrap();
    lock.lock().unwrap();
    assert_eq!(bench.predict("out", &[]).status.code(), Some(75));
    drop(lock);
    assert!(bench.predict("out", &[]).status.success());
}

#[test]
fn an_output_that_is_a_link_stays_one() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    fs::create_dir(bench.at("real")).unwrap();
    fs::write(bench.at("real/file.csv"), "old").unwrap();
    std::os::unix::fs::symlink("real/file.csv", bench.at("out.csv")).unwrap();
    // The lock is the file's, by whatever name.
    let lock = File::create(bench.at("real/file.csv.journal")).unwrap();
    lock.lock().unwrap();
    assert_eq!(bench.predict("out", &[]).status.code(), Some(75));
    drop(lock);
    bench.resume("out", &[]);
    assert!(bench.at("out.csv").is_symlink() && bench.outputs("out") == whole);
    assert!(bench.resume("out", &[]).contains("already finished"));
}

#[test]
fn a_file_that_is_no_journal_is_left_alone() {
    let bench = Bench::new();
    fs::write(bench.journal("out"), "a diary\n").unwrap();
    for more in [&[][..], &["--resume"]] {
        let run = bench.predict("out", more);
        assert_eq!(run.status.code(), Some(2), "{}", said(&run));
        assert!(said(&run).contains("no journal of this version"), "{}", said(&run));
    }
    assert_eq!(fs::read_to_string(bench.journal("out")).unwrap(), "a diary\n");
}

/// Runs a script as root of namespaces of its own, where it may mount; `None` (said in one line) where that is not
/// allowed, which in CI is a failure.
fn with_mounts(bench: &Bench, script: &str) -> Option<Output> {
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-euc", script]).current_dir(bench.case.folder.path());
        command.env("PLEURA", env!("CARGO_BIN_EXE_pleura")).env("MANIFEST", &bench.case.manifest).output()
    };
    if unshared("mount -t tmpfs tmpfs images").is_ok_and(|run| run.status.success()) {
        return Some(unshared(script).unwrap());
    }
    assert!(std::env::var_os("CI").is_none(), "no namespaces to mount in");
    eprintln!("skipped: no namespaces to mount in");
    None
}

#[test]
fn a_full_disk_loses_nothing_that_was_finished() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    fs::create_dir_all(bench.at("disk")).unwrap();
    // 8 KiB have room for some lines of the journal; 12 KiB for all, and not for the findings beside it
    for (size, full) in [("8k", false), ("12k", true)] {
        let script = format!(
            "mount -t tmpfs -o size={size} tmpfs disk
             run() {{ \"$PLEURA\" predict --device cpu --threads 1 --out disk/out.csv --findings disk/out.jsonl \"$MANIFEST\" \
                 \"$PWD/images\" \"$@\" 2>> said || echo \"code $?\" >> said; }}
             rm -f said; run; cp disk/out.csv.journal first.journal; ls -A disk > left
             mount -o remount,size=1m disk
             run --resume; cp disk/out.csv disk/out.jsonl disk/out.receipt.json ."
        );
        let Some(run) = with_mounts(&bench, &script) else { return };
        let told = fs::read_to_string(bench.at("said")).unwrap();
        assert!(run.status.success(), "{}\n{told}", said(&run));
        assert_eq!(told.matches("code 75").count(), 1, "{told}");
        assert!(told.contains("error: cannot write `") && told.contains("No space left on device"), "{told}");
        assert!(told.contains("is kept in `disk/out.csv.journal`: go on with `--resume`"), "{told}");
        assert_eq!(fs::read_to_string(bench.at("left")).unwrap(), "out.csv.journal\n");
        let (images, _) = journaled(&bench.at("first.journal"));
        assert!(images > 0 && (images == IMAGES) == full, "{images} images: {told}");
        assert!(bench.outputs("out") == whole, "{told}");
        assert_eq!(bench.receipt("out")["resumed"], images);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_said_before_any_work() {
    let bench = Bench::new();
    fs::write(bench.at("file"), "").unwrap();
    for (out, findings) in [("file/out.csv", "f.jsonl"), ("out.csv", "file/f.jsonl")] {
        let mut command = support::pleura();
        command.args(["predict", "--device", "cpu", "--out"]).arg(bench.at(out)).arg("--findings");
        command.arg(bench.at(findings)).args([&bench.case.manifest, &bench.at("images")]);
        let run = command.output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{}", said(&run));
        assert!(said(&run).contains("cannot write `") && said(&run).contains("file/"), "{}", said(&run));
        assert!(!said(&run).contains("device:"), "{}", said(&run));
    }
    fs::create_dir(bench.at("sealed")).unwrap();
    let script = "mount --bind sealed sealed; mount -o remount,ro,bind sealed
        \"$PLEURA\" predict --device cpu --out sealed/out.csv \"$MANIFEST\" images";
    let Some(run) = with_mounts(&bench, script) else { return };
    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
    assert!(said(&run).contains("cannot write `sealed/out.csv`: Read-only file system"), "{}", said(&run));
    assert!(!said(&run).contains("device:"), "{}", said(&run));
}
