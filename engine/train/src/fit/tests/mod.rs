//! Whole trainings, on discs in noise.

mod foreign;
mod goes_on;
mod ports;
mod refuses;

use std::fs;
use std::path::{Path, PathBuf};

use image::GrayImage;
use pleura::manifest::Manifest;

use super::{Options, Outcome, TrainError, Watch, train};
use crate::checkpoint::Checkpoint;
use crate::journal::{Journal, Line};
use crate::progress::Progress;
use crate::testing::{noise, training_into as options};

const SIDE: u32 = 32;

/// A watcher that stops after a number of steps.
struct Quiet {
    steps: usize,
    stop_after: usize,
    notes: Vec<String>,
    last: String,
}

impl Quiet {
    fn new(stop_after: usize) -> Self {
        Self { steps: 0, stop_after, notes: Vec::new(), last: String::new() }
    }
}

impl Watch for Quiet {
    fn step(&mut self, progress: &Progress) {
        self.steps += 1;
        self.last = progress.to_string();
    }

    fn epoch(&mut self, _: &Line, _: bool) {}

    fn note(&mut self, text: &str) {
        self.notes.push(text.into());
    }

    fn stops(&self) -> bool {
        self.steps >= self.stop_after
    }
}

/// A folder of images, two in three with bright discs, and their masks.
fn data(count: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["images", "masks"] {
        fs::create_dir(folder.path().join(kind)).unwrap();
    }
    for number in 0..count {
        let place = noise(number + 100, 3);
        let (x0, y0) = (16.0 + place[0] * 7.0, 16.0 + place[1] * 7.0);
        let radius = if number % 3 == 0 { -1.0 } else { 5.0 + place[2] * 2.0 };
        let inside = |x: u32, y: u32| (x as f32 - x0).hypot(y as f32 - y0) < radius;
        let grain = noise(number, (SIDE * SIDE) as usize);
        let value = |x, y| 90.0 + 40.0 * grain[(y * SIDE + x) as usize] + if inside(x, y) { 60.0 } else { 0.0 };
        let name = format!("i{number:02}.png");
        GrayImage::from_fn(SIDE, SIDE, |x, y| image::Luma([value(x, y) as u8]))
            .save(folder.path().join("images").join(&name))
            .unwrap();
        GrayImage::from_fn(SIDE, SIDE, |x, y| image::Luma([if inside(x, y) { 255 } else { 0 }]))
            .save(folder.path().join("masks").join(&name))
            .unwrap();
    }
    folder
}

/// A recipe; `more` are additional top-level lines, `network` the network's, `phases` the rest.
fn recipe(folder: &Path, more: &str, network: &str, phases: &str) -> PathBuf {
    let text = format!(
        r#"
schema = 1
name = "discs"
{more}
[network]
{network}
[data]
images = ["images"]
truth = {{ kind = "masks", folder = "masks" }}
mean = [0.4]
std = [0.2]
[folds]
count = 3
train = [1]
[[augment]]
p = 0.5
one_of = [{{ kind = "hflip" }}, {{ kind = "brightness", limit = 0.1 }}]
[optimizer]
kind = "adam"
{phases}
"#
    );
    let path = folder.join("recipe.toml");
    fs::write(&path, text).unwrap();
    path
}

const STACK: &str = "architecture = { kind = \"conv-stack\", widths = [6, 6] }\n";
const DICE: &str = "loss = { map = [{ kind = \"bce\" }, { kind = \"dice\" }] }\n";

fn phase(epochs: u32, more: &str) -> String {
    format!("[[phases]]\nepochs = {epochs}\nsize = [32, 32]\nbatch = 4\nlr = 0.01\n{more}\n")
}

fn run(recipe: &Path, out: &Path) -> Outcome {
    train(recipe, &options(out), &mut Quiet::new(usize::MAX)).unwrap()
}

fn message(error: &TrainError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[test]
fn a_training_learns_and_hands_over() {
    let folder = data(24);
    let recipe = recipe(folder.path(), DICE, STACK, &phase(8, ""));
    let text = fs::read_to_string(&recipe).unwrap().replace("train = [1]", "");
    fs::write(&recipe, text).unwrap();
    let out = folder.path().join("out");
    let outcome = run(&recipe, &out);
    assert_eq!((outcome.models.len(), outcome.images), (3, 24));
    assert!(outcome.dice.unwrap() > 0.5 && outcome.dice_positives.unwrap() > 0.7, "{outcome:?}");
    let manifest = Manifest::read(outcome.manifest.as_deref().unwrap()).unwrap();
    let [member] = &manifest.segmenter.members[..] else { panic!("{:?}", manifest.segmenter) };
    assert_eq!(member.snapshots.iter().map(|it| it.fold).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
    for snapshot in &member.snapshots {
        let digest = pleura_files::digest::file(&out.join(&snapshot.model)).unwrap();
        assert_eq!(snapshot.sha256.as_deref(), Some(digest.as_str()));
    }
    let lines = Journal::read(&out.join("metrics.jsonl")).unwrap();
    assert_eq!(lines.len(), 24);
    assert!(lines[7].loss < lines[0].loss * 0.7, "{} {}", lines[0].loss, lines[7].loss);
    for file in ["curves.svg", "oof.csv", "oof-submission.csv"] {
        assert!(out.join(file).exists(), "{file}");
    }
    let rows = fs::read_to_string(out.join("oof.csv")).unwrap();
    assert_eq!(rows.lines().count(), 25);
    // everything is done: nothing is trained again
    let mut watch = Quiet::new(0);
    train(&recipe, &options(&out), &mut watch).unwrap();
    assert_eq!(watch.steps, 0, "{:?}", watch.notes);
}

/// Trained on crops, validated, exported and predicted at full size; batch norms' statistics are gathered on crops.
#[test]
fn a_training_on_crops_answers_whole_images() {
    let folder = data(24);
    let more = format!("average = {{ kind = \"swa\", epochs = [6, 7] }}\n{DICE}");
    let recipe = recipe(folder.path(), &more, STACK, &phase(8, "crop = [16, 24]"));
    let out = folder.path().join("out");
    let outcome = run(&recipe, &out);
    assert!(outcome.dice_positives.unwrap() > 0.5, "{outcome:?}");
    let manifest = Manifest::read(outcome.manifest.as_deref().unwrap()).unwrap();
    assert_eq!(manifest.segmenter.members[0].input.size, [32, 32]);
}

#[test]
fn any_model_can_be_fine_tuned() {
    let folder = data(12);
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/steps.onnx");
    fs::copy(golden, folder.path().join("foreign.onnx")).unwrap();
    let network = "architecture = { kind = \"onnx\", model = \"foreign.onnx\", map = \"map\", score = \"score\" }\n\
                   heads = \"both\"\nfreeze_batch_norm = true";
    let both = "loss = { map = [{ kind = \"bce\" }], score = [{ kind = \"bce\" }] }\n";
    let out = folder.path().join("out");
    let outcome = run(&recipe(folder.path(), both, network, &phase(2, "")), &out);
    assert!(outcome.auc.is_some());
    // an exported network can be fine-tuned, and starts from its weights
    let first = fs::read(out.join("discs-fold1.onnx")).unwrap();
    fs::write(folder.path().join("foreign.onnx"), &first).unwrap();
    let again = folder.path().join("again");
    run(&recipe(folder.path(), both, network, &phase(1, "").replace("0.01", "1e-12")), &again);
    let model = |path: &Path| pleura::onnx::read(path).unwrap();
    let (one, other) = (model(&out.join("discs-fold1.onnx")), model(&again.join("discs-fold1.onnx")));
    for (x, y) in one.graph().initializer.iter().zip(&other.graph().initializer) {
        let Ok(x_numbers) = x.floats() else { continue };
        let worst = x_numbers.iter().zip(y.floats().unwrap()).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-6, "{}: {worst}", x.name);
    }
}
