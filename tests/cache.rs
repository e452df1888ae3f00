//! The cache of networks' outputs: replayed byte for byte after every manifest change that needs no inference.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::assert::Assert;
use pleura::Size;
use support::case::{Case, POST, member, score};
use support::toy::{Toy, noise, png};
use walkdir::WalkDir;

/// An ensemble of four toy networks, and six images.
struct Bench {
    case: Case,
    images: PathBuf,
    toml: String,
}

impl Bench {
    fn new() -> Self {
        let models = [
            ("c", Toy::default()),
            ("d", Toy { gain: 0.5, shift: 0.2, ..Toy::default() }),
            ("s", Toy { gain: 0.9, ..Toy::default() }),
            ("t", Toy { gain: -1.0, shift: 1.0, ..Toy::default() }),
        ];
        let flip = "tta = [{ plugin = \"flip\", params = { axis = \"horizontal\" } }]";
        let toml = format!(
            "{POST}\n[classifier]\ngate = {{ kind = \"score\", above = 0.45 }}\n{}{}{}{}",
            member("classifier", "c", &format!("{}\n{flip}", score())),
            member("classifier", "d", score()),
            member("segmenter", "s", flip),
            member("segmenter", "t", "weight = 0.5"),
        );
        let case = Case::new(&models, &toml);
        let images = case.folder.path().join("images");
        fs::create_dir(&images).unwrap();
        for seed in 0..6 {
            png(&images, &format!("image{seed}"), &noise(seed, Size::new(8, 8)).mapv(|v| v / 2 + seed as u8 * 20));
        }
        Self { case, images, toml }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.case.folder.path().join(name)
    }

    fn predict(&self, out: &str, more: &[&str]) -> Assert {
        let mut command = support::pleura();
        command.arg("predict").args([&self.case.manifest, &self.images]).arg("--out").arg(self.path(out));
        command.args(["--device", "cpu"]).args(more).assert()
    }

    /// As [`Self::predict`], with the cache; returns standard error.
    fn cached(&self, out: &str, more: &[&str]) -> String {
        let folder = self.path("cache").display().to_string();
        let done = self.predict(out, &[&["--cache", &folder], more].concat()).success();
        String::from_utf8(done.get_output().stderr.clone()).unwrap()
    }

    fn rewrite(&self, changes: &[(&str, &str)]) {
        let toml = changes.iter().fold(self.toml.clone(), |toml, (old, new)| {
            assert!(toml.contains(old), "{old}");
            toml.replace(old, new)
        });
        fs::write(&self.case.manifest, format!("schema = 1\nname = \"case\"\n{toml}")).unwrap();
    }

    fn csv(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn entries(&self) -> Vec<PathBuf> {
        let files = WalkDir::new(self.path("cache")).sort_by_file_name().into_iter().map(Result::unwrap);
        files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
    }
}

#[test]
fn a_replay_is_the_same_csv_without_any_inference() {
    let bench = Bench::new();
    bench.predict("plain.csv", &[]).success();
    let first = bench.cached("first.csv", &[]);
    assert!(first.contains("inferences: "), "{first}");
    let second = bench.cached("second.csv", &[]);
    assert!(second.contains("inferences: none; all "), "{second}");
    assert!(bench.csv("plain.csv") == bench.csv("first.csv") && bench.csv("first.csv") == bench.csv("second.csv"));
    assert!(!second.contains("session `"), "no model is even opened: {second}");
}

#[test]
fn weights_thresholds_gates_and_plugins_change_without_inference() {
    let bench = Bench::new();
    // Every network runs once.
    let all = "gate = { kind = \"score\", at_least = 0.0 }";
    bench.rewrite(&[
        ("gate = { kind = \"score\", above = 0.45 }", all),
        ("postprocess", "exit = \"full\"\npostprocess"),
    ]);
    bench.cached("all.csv", &[]);
    let changes: [&[(&str, &str)]; 5] = [
        &[("above = 0.45", "above = 0.55")],
        &[("weight = 0.5", "weight = 2.0")],
        &[("params = { above = 0.5 }", "params = { above = 0.35 }")],
        &[("[classifier]", "[segmenter]\nmerge = { kind = \"max\" }\n[classifier]")],
        &[(
            "postprocess = [",
            "postprocess = [{ plugin = \"threshold\", params = { above = 0.1 } }, { plugin = \"fill-holes\" }, ",
        )],
    ];
    let mut seen = vec![bench.csv("all.csv")];
    for change in changes {
        bench.rewrite(change);
        let said = bench.cached("replay.csv", &[]);
        assert!(said.contains("inferences: none; "), "{change:?}: {said}");
        bench.predict("plain.csv", &[]).success();
        assert!(bench.csv("replay.csv") == bench.csv("plain.csv"), "{change:?}");
        seen.push(bench.csv("replay.csv"));
    }
    seen.dedup();
    assert!(seen.len() > 3, "the changes change something");
}

#[test]
fn what_a_network_is_shown_is_part_of_the_question() {
    let bench = Bench::new();
    bench.cached("first.csv", &[]);
    let changes: [&[(&str, &str)]; 4] = [
        &[("size = [8, 8]", "size = [16, 16]")],
        &[("channels = 1", "channels = 1, std = [2]")],
        &[("\"horizontal\"", "\"vertical\"")],
        &[("map = {", "prepare = [{ plugin = \"gamma\", params = { gamma = 0.5 } }]\nmap = {")],
    ];
    for change in changes {
        bench.rewrite(change);
        let said = bench.cached("other.csv", &[]);
        assert!(said.contains("inferences: "), "{change:?}: {said}");
        bench.predict("plain.csv", &[]).success();
        assert!(bench.csv("other.csv") == bench.csv("plain.csv"), "{change:?}");
    }
    // Another file of the same name is another network.
    bench.rewrite(&[]);
    Toy { gain: 0.7, ..Toy::default() }.write(&bench.path("s.onnx"));
    assert!(bench.cached("other.csv", &[]).contains("inferences: "));
    bench.predict("plain.csv", &[]).success();
    assert!(bench.csv("other.csv") == bench.csv("plain.csv"));
}

#[test]
fn damaged_and_half_written_entries_are_computed_again() {
    let bench = Bench::new();
    bench.cached("first.csv", &[]);
    let entries = bench.entries();
    let whole: Vec<Vec<u8>> = entries.iter().map(|path| fs::read(path).unwrap()).collect();
    let mut flipped = whole[0].clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&entries[0], flipped).unwrap();
    fs::write(&entries[1], &whole[1][..whole[1].len() / 2]).unwrap();
    fs::write(&entries[2], b"").unwrap();
    // Replace an entry with that of another output.
    fs::write(&entries[3], &whole[4]).unwrap();
    let said = bench.cached("second.csv", &[]);
    assert!(said.contains("inferences: 4;") && said.contains("4 cache entries were damaged"), "{said}");
    assert!(bench.csv("first.csv") == bench.csv("second.csv"));
    assert!(bench.cached("third.csv", &[]).contains("inferences: none"));
    let mended: Vec<Vec<u8>> = entries.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(mended == whole, "the entries are what they were");
}

#[test]
fn steps_are_smaller_and_say_which_decisions_they_move() {
    let bench = Bench::new();
    bench.cached("exact.csv", &[]);
    let size = |path: &Path| WalkDir::new(path).into_iter().map(|e| e.unwrap().metadata().unwrap().len()).sum::<u64>();
    let exact = size(&bench.path("cache"));
    fs::remove_dir_all(bench.path("cache")).unwrap();
    let first = bench.cached("steps.csv", &["--cache-form", "steps8"]);
    assert!(bench.csv("steps.csv") == bench.csv("exact.csv"), "what is inferred is exact");
    assert!(size(&bench.path("cache")) < exact);
    let replay = bench.cached("replay.csv", &["--cache-form", "steps8"]);
    let differ = bench.csv("replay.csv") != bench.csv("exact.csv");
    let said = first.lines().find(|line| line.starts_with("from the rounded maps of the cache")).unwrap();
    assert_eq!(!said.contains(" 0 of 6 masks differ"), differ, "{said}");
    assert!(replay.contains("inferences: none"), "{replay}");
    // Full and rounded entries do not replace each other.
    assert!(bench.cached("again.csv", &[]).contains("inferences: "));
}

#[test]
fn what_nobody_wants_costs_no_image() {
    let bench = Bench::new();
    // Only this classifier's score is used; its map has values that are not probabilities.
    Toy { gain: 1.0, shift: -0.2, ..Toy::default() }.write(&bench.path("d.onnx"));
    bench.rewrite(&[("name = \"d\"", "weight = 0.1\nname = \"d\""), ("postprocess", "exit = \"full\"\npostprocess")]);
    bench.predict("plain.csv", &[]).success();
    bench.cached("first.csv", &[]);
    assert!(bench.cached("second.csv", &[]).contains("inferences: none"));
    assert!(bench.csv("plain.csv") == bench.csv("first.csv") && bench.csv("first.csv") == bench.csv("second.csv"));
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_before_any_work() {
    let bench = Bench::new();
    fs::write(bench.path("file"), b"").unwrap();
    let folder = bench.path("file").display().to_string();
    let failed = bench.predict("out.csv", &["--cache", &folder]).failure();
    let said = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    assert!(said.contains("cannot use the cache `"), "{said}");
    assert!(!bench.path("out.csv").exists());
}

#[test]
fn a_run_leaves_a_receipt() {
    let bench = Bench::new();
    bench.cached("mine.csv", &[]);
    let text = fs::read_to_string(bench.path("mine.receipt.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_str(&text).unwrap();
    let sum = |path: &Path| pleura_files::digest::file(path).unwrap();
    assert_eq!(receipt["manifest"]["sha256"], sum(&bench.case.manifest));
    assert_eq!(receipt["outputs"][0]["sha256"], sum(&bench.path("mine.csv")));
    let models = receipt["models"].as_array().unwrap();
    assert_eq!(models.len(), 4);
    for model in models {
        assert_eq!(model["sha256"], sum(Path::new(model["path"].as_str().unwrap())));
        assert_eq!(model["providers"][0][0], "CPUExecutionProvider");
    }
    let plugins = receipt["plugins"].as_array().unwrap();
    let names: Vec<_> = plugins.iter().map(|plugin| plugin["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["threshold", "flip"]);
    let program = sum(Path::new(env!("CARGO_BIN_EXE_pleura")));
    assert!(plugins.iter().all(|plugin| plugin["path"] == "built-in" && plugin["sha256"] == program), "{plugins:?}");
    assert_eq!(receipt["summary"]["images"], 6);
    assert!(receipt["inferences"]["run"].as_u64().unwrap() > 0 && receipt["seconds"].as_f64().unwrap() > 0.0);
    assert!(receipt["command"].as_array().unwrap().iter().any(|word| word == "--cache"));
}

#[test]
fn explain_tells_each_step_and_draws_it() {
    let bench = Bench::new();
    let image = bench.images.join("image5.png");
    let picture = bench.path("strip.png");
    let mut command = support::pleura();
    command.arg("explain").args([&bench.case.manifest, &image]).arg("--picture").arg(&picture);
    let done = command.args(["--device", "cpu"]).assert().success();
    let said = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    let told = [
        "classifier:",
        "identity 0.",
        "flip 0.",
        "merged score 0.",
        "gate: score > 0.45: 0.",
        "passes",
        "segmenter:",
        "merged map of 8×8",
        "postprocess, at 8×8:",
        "threshold",
        "answer: ",
    ];
    let mut rest = said.as_str();
    for part in told {
        let at = rest.find(part).unwrap_or_else(|| panic!("no {part:?} in its place:\n{said}"));
        rest = &rest[at..];
    }
    // The radiograph, two segmenters, their merged map, and one step.
    let drawn = image::open(&picture).unwrap();
    assert!(drawn.width() > 4 * 8, "{}", drawn.width());
    // The result is that of a run.
    bench.predict("out.csv", &[]).success();
    let submission = pleura::submission::Submission::read(bench.path("out.csv"), Size::new(8, 8)).unwrap();
    let area = submission.runs("image5").unwrap().area();
    assert!(said.contains(&format!("answer: {area} pixels marked")), "{said}");
}
