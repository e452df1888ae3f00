//! `pleura tune`, as a user runs it, on toy networks whose best numbers are known.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ndarray::Array2;
use pleura::ensemble::{Ensemble, Form};
use pleura::report::MemberRow;
use pleura::runtime::Device;
use pleura::submission::Submission;
use pleura::tune::{Evaluator, Members, Metric};
use pleura::{Mask, Size};
use support::toy::{Toy, noise, png};
use tempfile::TempDir;

const SIZE: Size = Size::new(16, 16);

/// A classifier that returns an image's mean, a segmenter that returns the image itself, and one without any skill.
const MANIFEST: &str = r#"# What it is for: stays.
schema = 1
name = "toy"   # and so does this
postprocess = [
    # the threshold
    { plugin = "threshold", params = { above = 0.30 } },   # of the map
    { plugin = "min-area", params = { at = [16, 16], area = 4 } },
]

[classifier]
gate.kind = "score"
gate.above = 0.10 # dotted

[[classifier.members]]
name = "mean"
model = "toy.onnx"
input = { name = "image", size = [16, 16], channels = 1 }
score = { output = "score", values = "probabilities" }

[[segmenter.members]]
name = "itself"
model = "toy.onnx"
input = { name = "image", size = [16, 16], channels = 1 }
map = { output = "map", values = "probabilities" }
"#;

const FLAT: &str = r#"
[[segmenter.members]]
name = "flat"
model = "flat.onnx"
weight = 1.0   # as much as the other
input = { name = "image", size = [16, 16], channels = 1 }
map = { output = "map", values = "probabilities" }
"#;

struct Case {
    folder: TempDir,
}

/// The true mask of image `number`: none before image 10, and from there the pixels above a threshold.
fn truth(pixels: &Array2<u8>, number: usize, threshold: impl Fn(usize) -> f32) -> Mask {
    let found = number >= 10;
    Mask::from(pixels.mapv(|v| found && f32::from(v) / 255.0 > threshold(number)))
}

impl Case {
    /// Twenty images from dark to bright, of which the brighter ten are positive.
    fn new(manifest: &str, threshold: impl Fn(usize) -> f32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Toy::default().write(&folder.path().join("toy.onnx"));
        Toy { gain: 0.0, shift: 0.5, ..Toy::default() }.write(&folder.path().join("flat.onnx"));
        fs::write(folder.path().join("toy.toml"), manifest).unwrap();
        fs::create_dir(folder.path().join("images")).unwrap();
        let mut rows = Submission::new(SIZE);
        let mut folds = String::from("ImageId,fold\n");
        for number in 0..20 {
            let pixels = noise(number as u32, SIZE).mapv(|v| (u32::from(v) * (number as u32 + 5) / 24) as u8);
            let id = format!("image{number:02}");
            png(&folder.path().join("images"), &id, &pixels);
            rows.insert(id.clone(), &truth(&pixels, number, &threshold)).unwrap();
            folds.push_str(&format!("{id},{}\n", number % 2));
        }
        rows.write(folder.path().join("truth.csv")).unwrap();
        fs::write(folder.path().join("folds.csv"), folds).unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tune(&self, args: &[&str]) -> Output {
        let mut command = support::pleura();
        command.args(["tune", "--device", "cpu", "--truth-size", "16x16"]).arg(self.at("toy.toml"));
        command.arg("--cache").arg(self.at("cache")).arg("--truth").arg(self.at("truth.csv"));
        command.arg(self.at("images")).args(args).output().unwrap()
    }

    /// Standard output and error of a run with this exit code.
    fn told(&self, args: &[&str], code: i32) -> (String, String) {
        let output = self.tune(args);
        let [out, error] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(output.status.code(), Some(code), "{out}{error}");
        (out, error)
    }
}

/// The score in the first line that contains `line`.
fn score(out: &str, line: &str) -> f64 {
    let found = out.lines().find(|it| it.contains(line)).unwrap_or_else(|| panic!("no `{line}` in {out}"));
    found.split_whitespace().find_map(|word| word.parse().ok()).unwrap()
}

#[test]
fn the_best_numbers_are_found_from_the_cache_and_written_between_the_comments() {
    let case = Case::new(MANIFEST, |_| 0.6);
    let grid = ["--grid", "postprocess[0].params.above=0.3:0.8:0.1", "--grid", "postprocess[1].params.area=1,4"];
    let (out, error) = case.told(&grid, 0);
    // One network, with its score for the classifier and its map for the segmenter.
    assert!(error.contains("inferences: 40; 0 outputs came from the cache"), "{error}");
    assert_eq!(fs::read_to_string(case.at("toy.toml")).unwrap(), MANIFEST, "nothing is written unless asked for");
    assert!(error.contains("nothing written"), "{error}");

    let (again, error) = case.told(&[&grid[..], &["--write"]].concat(), 0);
    assert!(error.contains("inferences: none; all 40 outputs came from the cache"), "{error}");
    assert!(again.starts_with(&out), "the same grid finds the same: {out}{again}");
    assert_eq!(score(&again, "best of the grid"), 1.0);
    assert!(again.contains("postprocess[0].params.above: 0.3 -> 0.6"), "{again}");

    // Only the numbers have changed, whatever their notation.
    let written = fs::read_to_string(case.at("toy.toml")).unwrap();
    let differ: Vec<_> = written.lines().zip(MANIFEST.lines()).filter(|(new, old)| new != old).collect();
    assert_eq!(written.lines().count(), MANIFEST.lines().count());
    let lines: Vec<&str> = differ.iter().map(|(new, _)| *new).collect();
    assert!(lines[0] == r#"    { plugin = "threshold", params = { above = 0.6 } },   # of the map"#, "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("gate.above = 0.") && line.ends_with(" # dotted")), "{lines:?}");
    support::pleura().arg("check").arg(case.at("toy.toml")).assert().success();
}

#[test]
fn the_score_of_the_manifest_is_that_of_predict() {
    let case = Case::new(MANIFEST, |_| 0.6);
    let (out, _) = case.told(&["--grid", "classifier.gate.above=0.1"], 0);
    let mut predict = support::pleura();
    predict.args(["predict", "--device", "cpu"]).arg(case.at("toy.toml")).arg(case.at("images"));
    predict.arg("--out").arg(case.at("out.csv")).assert().success();
    let mut scored = support::pleura();
    scored.args(["score", "--json", "--size", "16x16"]).arg(case.at("out.csv")).arg(case.at("truth.csv"));
    let scored: serde_json::Value = serde_json::from_slice(&scored.assert().success().get_output().stdout).unwrap();
    let expected = scored["mean_dice"].as_f64().unwrap();
    assert!((score(&out, "the manifest as it is") - expected).abs() < 1e-6, "{expected}: {out}");
}

#[test]
fn the_nested_score_is_not_the_one_that_was_made_large() {
    // The best value differs between even and odd images.
    let case = Case::new(MANIFEST, |number| if number % 2 == 0 { 0.4 } else { 0.7 });
    let folds = case.at("folds.csv");
    let args = ["--folds", folds.to_str().unwrap(), "--grid", "postprocess[0].params.above=0.3:0.8:0.1"];
    let (out, _) = case.told(&args, 0);
    assert!(score(&out, "nested cross-validation") < score(&out, "best of the grid") - 0.01, "{out}");
    let chosen = |fold: &str| out.lines().find(|line| line.trim_start().starts_with(fold)).unwrap().to_owned();
    assert!(
        chosen("1  ").contains("postprocess[0].above 0.7") && chosen("2  ").contains("postprocess[0].above 0.4"),
        "{out}"
    );
}

#[test]
fn an_optimum_on_the_edge_is_told_with_a_grid_that_goes_on() {
    let case = Case::new(MANIFEST, |_| 0.6);
    let (_, error) = case.told(&["--grid", "postprocess[0].params.above=0.2:0.4:0.1"], 0);
    assert!(error.contains("the best `postprocess[0].params.above` is the highest value tried"), "{error}");
    assert!(error.contains("--grid 'postprocess[0].params.above=0.4:0.6:0.1'"), "{error}");
    let (_, error) = case.told(&["--grid", "postprocess[0].params.above=0.4:0.8:0.1"], 0);
    assert!(!error.contains("params.above` is the"), "{error}");
}

#[test]
fn a_member_that_knows_nothing_loses_its_weight() {
    let case = Case::new(&format!("{MANIFEST}{FLAT}"), |_| 0.6);
    let pinned = ["--grid", "postprocess[0].params.above=0.6", "--grid", "postprocess[1].params.area=1"];
    let (without, _) = case.told(&pinned, 0);
    let (out, _) =
        case.told(&[&pinned[..], &["--weights", "--out", case.at("tuned.toml").to_str().unwrap()]].concat(), 0);
    assert!(score(&out, "best of the grid") > score(&without, "best of the grid") + 0.05, "{without}{out}");
    assert!(
        score(&out, "nested cross-validation") > score(&without, "nested cross-validation") + 0.05,
        "{without}{out}"
    );
    let weight = |name: &str| -> f64 {
        let line = out.lines().find(|line| line.starts_with(&format!("segmenter {name}"))).unwrap();
        line.split_whitespace().nth(3).unwrap().parse().unwrap()
    };
    assert!(weight("flat") < 0.2 && weight("itself") > 0.8, "{out}");
    let tuned = fs::read_to_string(case.at("tuned.toml")).unwrap();
    assert!(tuned.contains("# as much as the other") && !tuned.contains("weight = 1.0 "), "{tuned}");
    // The written manifest reaches the reported score.
    let mut predict = support::pleura();
    predict.args(["predict", "--device", "cpu"]).arg(case.at("tuned.toml")).arg(case.at("images"));
    predict.arg("--out").arg(case.at("out.csv")).assert().success();
    let mut scored = support::pleura();
    scored.args(["score", "--json", "--size", "16x16"]).arg(case.at("out.csv")).arg(case.at("truth.csv"));
    let scored: serde_json::Value = serde_json::from_slice(&scored.assert().success().get_output().stdout).unwrap();
    let expected = scored["mean_dice"].as_f64().unwrap();
    assert!((score(&out, "best of the grid") - expected).abs() < 1e-6, "{expected}: {out}");
}

#[test]
fn bad_input_is_told_before_anything_is_written() {
    let case = Case::new(MANIFEST, |_| 0.6);
    let table: [(&[&str], &str); 9] = [
        (&["--grid", "postprocess[0].params.above=0.5:0.1:0.1"], "the range is empty"),
        (&["--grid", "postprocess[0].params.abov=0.5"], "rejects"),
        (&["--grid", "postprocess[4].params.above=0.5"], "expected a number of a gate"),
        (&["--grid", "postprocess[0].params.above=1.5"], "expected 0 to 1"),
        (&["--grid", "classifier.gate.above=0.5:1.5:0.5"], "1.5 is invalid"),
        (&["--grid", "postprocess[1].params.area=1.5"], "whole number"),
        (&["--out", "/elsewhere/x.toml"], "x.toml"),
        (&["--weights"], "cannot be searched: it has one member"),
        (&["--metric", "iou"], "`dice` or `dice-positives`"),
    ];
    for (args, message) in table {
        let (_, error) = case.told(args, 2);
        assert!(error.contains(message), "{args:?}: {error}");
    }
    let rows = fs::read_to_string(case.at("truth.csv")).unwrap();
    let fewer: Vec<&str> = rows.lines().filter(|row| !row.starts_with("image07")).collect();
    fs::write(case.at("truth.csv"), fewer.join("\n")).unwrap();
    let (_, error) = case.told(&["--write"], 2);
    assert!(error.contains("the truth has no row for image `image07`"), "{error}");
    assert_eq!(fs::read_to_string(case.at("toy.toml")).unwrap(), MANIFEST);
    let without = support::pleura().args(["tune", "--truth", "x.csv", "x.toml", "x"]).output().unwrap();
    assert_eq!(without.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&without.stderr).contains("--cache <DIR>"));
}

#[test]
fn a_file_of_its_own_is_written_where_nothing_is_better_too() {
    let case = Case::new(MANIFEST, |_| 0.6);
    let pinned = ["--grid", "postprocess[0].params.above=0.3", "--grid", "postprocess[1].params.area=4"];
    let pinned = [&pinned[..], &["--grid", "classifier.gate.above=0.1"]].concat();
    let (out, error) = case.told(&[&pinned[..], &["--out", case.at("same.toml").to_str().unwrap()]].concat(), 0);
    assert!(error.contains("nothing to change") && error.contains("same.toml` is a copy of `"), "{error}");
    assert!(out.ends_with(&format!("{}\n", case.at("same.toml").display())), "{out}");
    assert_eq!(fs::read_to_string(case.at("same.toml")).unwrap(), MANIFEST);
    let (_, error) = case.told(&[&pinned[..], &["--write"]].concat(), 0);
    assert!(error.contains("nothing to change") && !error.contains("copy"), "{error}");
    assert_eq!(fs::read_to_string(case.at("toy.toml")).unwrap(), MANIFEST);

    // numbers of a manifest that is a change of another one go into what it comes to
    fs::write(case.at("base.toml"), MANIFEST).unwrap();
    fs::write(case.at("toy.toml"), "extends = \"base.toml\"\n").unwrap();
    let grid = ["--grid", "postprocess[0].params.above=0.3,0.5", "--grid", "postprocess[1].params.area=4,5"];
    let (_, error) = case.told(&[&grid[..], &["--write"]].concat(), 2);
    assert!(error.contains("extends another manifest") && error.contains("`--out`"), "{error}");
    case.told(&[&grid[..], &["--out", case.at("new.toml").to_str().unwrap()]].concat(), 0);
    let new = fs::read_to_string(case.at("new.toml")).unwrap();
    assert!(!new.contains("extends"), "{new}");
    let manifests = [new.as_str(), MANIFEST].map(|text| pleura::manifest::Manifest::parse(text, Path::new("x.toml")));
    let [new, whole] = manifests.map(|manifest| manifest.unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(new.segmenter, whole.segmenter);
}

#[test]
fn a_file_that_cannot_be_read_is_skipped_and_remembered() {
    let case = Case::new(MANIFEST, |_| 0.6);
    fs::write(case.at("images/broken.png"), b"no PNG").unwrap();
    let (_, error) = case.told(&["--grid", "postprocess[0].params.above=0.5,0.6"], 1);
    assert!(error.contains("skipped `") && error.contains("broken.png") && error.contains("1 skipped"), "{error}");
}

/// The cached values of each image, by an ensemble of the case's folder.
fn kept<T: Send>(
    case: &Case,
    manifest: &str,
    keep: impl Fn(&Ensemble) -> Box<dyn Fn(&pleura::tune::AnsweredImage<'_>) -> T + Sync>,
) -> Vec<T> {
    support::runtime();
    let path = case.at("variant.toml");
    fs::write(&path, manifest).unwrap();
    let options = Ensemble::options().device(Device::Cpu).cache(case.at("cache"), Form::Exact);
    let ensemble = options.open(path).unwrap();
    let truth = Submission::read(case.at("truth.csv"), SIZE).unwrap();
    let files = pleura::radiograph::find(&[case.at("images")]).unwrap();
    let keep = keep(&ensemble);
    let judge = Evaluator { ensemble: &ensemble, truth: &truth, size: SIZE };
    judge.collect(&files, &|seen| Ok(keep(seen)), &|_, error| assert!(error.is_none())).unwrap()
}

/// The mean Dice of a manifest.
fn whole(case: &Case, manifest: &str) -> f64 {
    let dice = kept(case, manifest, |_| Box::new(|seen| seen.image.current));
    dice.iter().sum::<f64>() / dice.len() as f64
}

#[test]
fn members_alone_and_left_out_are_what_manifests_without_the_others_are() {
    let both = format!("{MANIFEST}{FLAT}").replace("above = 0.30", "above = 0.45");
    let case = Case::new(&both, |_| 0.6);
    let rows: Vec<MemberRow> = {
        let worths = kept(&case, &both, |ensemble| {
            let members = Members::new(ensemble).unwrap();
            Box::new(move |seen| members.look(seen.image, seen.answers).unwrap())
        });
        support::runtime();
        let ensemble = Ensemble::options().device(Device::Cpu).open(case.at("variant.toml")).unwrap();
        Members::new(&ensemble).unwrap().rows(&worths, Metric::Dice)
    };
    let itself = whole(&case, &both.replace("weight = 1.0", "weight = 0.0"));
    let flat = whole(&case, &both.replace("name = \"itself\"", "name = \"itself\"\nweight = 0.0"));
    let all = whole(&case, &both);
    assert!(itself != flat && all != itself && all != flat, "{itself} {flat} {all}");
    let close = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-6;
    let [mean, one, other] = &*rows else { panic!("{rows:?}") };
    assert_eq!((mean.stage.as_str(), mean.name.as_str(), mean.without), ("classifier", "mean", None));
    // The brighter images are the positive ones.
    assert!(close(mean.alone, all) && mean.auc.unwrap() > 0.95, "{rows:?}");
    assert!(close(one.alone, itself) && close(one.without, flat) && one.name == "itself", "{rows:?}");
    assert!(close(other.alone, flat) && close(other.without, itself) && other.auc.is_none(), "{rows:?}");
}

/// A step that has the name `threshold`, and marks pixels above 0.6 whatever its parameters.
const IMPOSTOR: &str = r#"
#include <pleura_plugin.h>
static int instance;
static void *create(pleura_str params, const pleura_host *host) { return &instance; }
static void destroy(void *self) {}
static uint32_t apply(const void *self, const pleura_context *context, pleura_plane map, const uint8_t *mask,
                      uint8_t *out, const pleura_host *host) {
    for (size_t i = 0; i < map.width * map.height; i++) out[i] = map.data[i] > 0.6f;
    return PLEURA_OK;
}
const pleura_plugin_table *pleura_plugin(void) {
    static const pleura_plugin_table table = {
        sizeof(pleura_plugin_table), PLEURA_ABI_MAJOR, PLEURA_ABI_MINOR,
        PLEURA_STR("threshold"), PLEURA_STR("1.0"), PLEURA_POSTPROCESS,
        .create = create, .destroy = destroy, .postprocess = apply,
    };
    return &table;
}
"#;

#[test]
fn a_plugin_that_only_has_a_stock_plugins_name_is_run() {
    let case = Case::new(MANIFEST, |_| 0.6);
    fs::write(case.at("impostor.c"), IMPOSTOR).unwrap();
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/plugin-api/include");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O1", "-shared", "-fPIC", "-I"]).arg(include).arg("-o").arg(case.at("libthreshold.so"));
    assert!(cc.arg(case.at("impostor.c")).status().unwrap().success());
    let grid = ["--grid", "postprocess[0].params.above=0.3:0.8:0.1", "--grid", "postprocess[1].params.area=1,4"];
    let (out, error) = case.told(&grid, 0);
    assert!(error.contains("behaves differently"), "{error}");
    let line = out.lines().find(|line| line.starts_with("postprocess[0].params.above")).unwrap();
    assert!(line.contains("0.3 to 0.8"), "it makes no difference what it is told: {out}");
    assert_eq!(score(&out, "best of the grid"), 1.0, "{out}");
}
