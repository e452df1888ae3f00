//! Whole trainings, on discs in noise.

use std::fs;
use std::path::{Path, PathBuf};

use image::GrayImage;
use pleura::manifest::Manifest;
use pleura::runtime::Device;

use super::{Options, Outcome, TrainError, Watch, train};
use crate::checkpoint::Checkpoint;
use crate::journal::{Journal, Line};
use crate::progress::Progress;
use crate::testing::{noise, runtime};

const SIDE: u32 = 32;

/// A watcher that stops after so many steps.
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

/// A folder of images with bright discs, two in three, and their masks.
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

/// A recipe; `more` are lines at its top, `network` the network's, `phases` the rest.
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

fn options(out: &Path) -> Options {
    runtime();
    Options { out: Some(out.into()), device: Device::Cpu, threads: 1, onnxruntime: None, fresh: false }
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
        let digest = pleura::digest::file(&out.join(&snapshot.model)).unwrap();
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
    // all is done: nothing is trained again
    let mut watch = Quiet::new(0);
    train(&recipe, &options(&out), &mut watch).unwrap();
    assert_eq!(watch.steps, 0, "{:?}", watch.notes);
}

/// Metrics without what the clock tells.
fn told(out: &Path) -> Vec<Line> {
    let lines = Journal::read(&out.join("metrics.jsonl")).unwrap();
    lines.into_iter().map(|line| Line { images_per_second: 0.0, seconds: 0.0, ..line }).collect()
}

#[test]
fn an_interrupted_training_goes_on_bit_for_bit() {
    let folder = data(24);
    let averages =
        ["", "average = { kind = \"ema\", decay = 0.9 }\n", "average = { kind = \"swa\", epochs = [2, 3] }\n"];
    let phases = phase(2, "accumulate = 2") + &phase(2, "schedule = { kind = \"cosine\" }\npatience = 9");
    for (number, average) in averages.into_iter().enumerate() {
        let both = "loss = { map = [{ kind = \"bce\" }], score = [{ kind = \"bce\", weight = 0.2 }] }\n";
        let network = STACK.to_owned() + "heads = \"both\"\ndropout = 0.3";
        let recipe = recipe(folder.path(), &format!("{average}{both}"), &network, &phases);
        let (whole, parts) =
            (folder.path().join(format!("whole{number}")), folder.path().join(format!("parts{number}")));
        run(&recipe, &whole);
        let mut stops = 0;
        loop {
            // stops in the midst of epochs, and goes on each time
            match train(&recipe, &options(&parts), &mut Quiet::new(3)) {
                Ok(_) => break,
                Err(TrainError::Interrupted { checkpoint }) => assert!(checkpoint.exists()),
                Err(error) => panic!("{}", message(&error)),
            }
            stops += 1;
        }
        assert!(stops >= 3, "{stops}");
        assert_eq!(told(&whole), told(&parts), "{average}");
        for file in ["discs-fold1.onnx", "oof.csv", "ensemble.toml"] {
            assert!(fs::read(whole.join(file)).unwrap() == fs::read(parts.join(file)).unwrap(), "{average}: {file}");
        }
    }
}

/// The names of a folder's files, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.filter(|name| name.ends_with(".onnx")).collect();
    names.sort();
    names
}

#[test]
fn the_best_epochs_are_kept_over_interruptions() {
    let folder = data(24);
    let phases = phase(3, "").replace("0.01", "0.05") + &phase(2, "");
    for (keep, number) in [("best", 0), ("best-dice", 1), ("last", 2)] {
        let more = format!("keep = \"{keep}\"\nkeep_top = 3\n{DICE}");
        let recipe = recipe(folder.path(), &more, STACK, &phases);
        let (whole, parts) = (folder.path().join(format!("all{number}")), folder.path().join(format!("some{number}")));
        let outcome = run(&recipe, &whole);
        while let Err(error) = train(&recipe, &options(&parts), &mut Quiet::new(3)) {
            assert!(matches!(error, TrainError::Interrupted { .. }), "{}", message(&error));
        }
        let networks = ["discs-fold1-top2.onnx", "discs-fold1-top3.onnx", "discs-fold1.onnx"];
        assert_eq!((names(&whole), names(&parts)), (networks.map(str::to_owned).to_vec(), names(&whole)), "{keep}");
        for file in networks.into_iter().chain(["oof.csv", "ensemble.toml"]) {
            assert!(fs::read(whole.join(file)).unwrap() == fs::read(parts.join(file)).unwrap(), "{keep}: {file}");
        }
        // which epochs these are, is told by the metrics
        let mut lines: Vec<_> = told(&whole).into_iter().collect();
        match keep {
            "best" => lines.sort_by(|a, b| a.validation_loss.partial_cmp(&b.validation_loss).unwrap()),
            "best-dice" => lines.sort_by(|a, b| b.dice.partial_cmp(&a.dice).unwrap()),
            _ => lines.reverse(),
        }
        let mut expected: Vec<_> =
            lines[..3].iter().map(|line| format!("phase{}-epoch{}.onnx", line.phase, line.epoch)).collect();
        let first = fs::read(whole.join("fold1").join(&expected[0])).unwrap();
        assert!(fs::read(whole.join("discs-fold1.onnx")).unwrap() == first, "{keep}");
        let third = fs::read(whole.join("fold1").join(&expected[2])).unwrap();
        assert!(fs::read(whole.join("discs-fold1-top3.onnx")).unwrap() == third, "{keep}");
        expected.sort();
        assert_eq!((names(&whole.join("fold1")), names(&parts.join("fold1"))), (expected.clone(), expected), "{keep}");
        let manifest = Manifest::read(outcome.manifest.as_deref().unwrap()).unwrap();
        let snapshots = manifest.segmenter.members[0].snapshots.iter();
        let snapshots: Vec<_> = snapshots.map(|it| (it.fold.unwrap(), it.model.to_str().unwrap())).collect();
        let files = ["discs-fold1.onnx", "discs-fold1-top2.onnx", "discs-fold1-top3.onnx"];
        assert_eq!(snapshots, files.map(|file| (1, file)));
        // all is done; and what is not there any more is exported again
        let mut watch = Quiet::new(0);
        train(&recipe, &options(&whole), &mut watch).unwrap();
        assert!(watch.notes.iter().any(|note| note.contains("trained already")), "{:?}", watch.notes);
        fs::remove_file(whole.join("discs-fold1-top2.onnx")).unwrap();
        train(&recipe, &options(&whole), &mut watch).unwrap();
        assert_eq!((watch.steps, names(&whole)), (0, names(&parts)));
    }
}

#[test]
fn there_are_no_more_epochs_to_keep_than_there_were() {
    let folder = data(12);
    let out = folder.path().join("out");
    let outcome = run(&recipe(folder.path(), &format!("keep_top = 9\n{DICE}"), STACK, &phase(2, "")), &out);
    assert_eq!(
        (outcome.models.len(), names(&out)),
        (2, vec!["discs-fold1-top2.onnx".into(), "discs-fold1.onnx".into()])
    );
    // a recipe that keeps fewer begins anew, and leaves nothing of those
    let recipe = recipe(folder.path(), DICE, STACK, &phase(2, ""));
    let error = train(&recipe, &options(&out), &mut Quiet::new(0)).unwrap_err();
    assert!(message(&error).contains("`keep_top` was 9 and is 1"), "{}", message(&error));
    fs::write(out.join("discs-fold1-topmost.onnx"), "mine").unwrap();
    train(&recipe, &Options { fresh: true, ..options(&out) }, &mut Quiet::new(usize::MAX)).unwrap();
    assert_eq!(names(&out), ["discs-fold1-topmost.onnx", "discs-fold1.onnx"]);
    assert_eq!(names(&out.join("fold1")).len(), 1);
}

#[test]
fn a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint() {
    let folder = data(12);
    let phases = phase(1, "") + &phase(3, "").replace("0.01", "1e18");
    let recipe = recipe(folder.path(), DICE, STACK, &phases);
    let out = folder.path().join("out");
    let error = train(&recipe, &options(&out), &mut Quiet::new(usize::MAX)).unwrap_err();
    let text = message(&error);
    assert!(matches!(error, TrainError::NotFinite { .. } | TrainError::ValidationNotFinite { .. }), "{text}");
    assert!(
        text.contains("phase 1") && text.contains("checkpoint.safetensors") && text.contains("lower `lr`"),
        "{text}"
    );
    let checkpoint = Checkpoint::read(&out.join("fold1/checkpoint.safetensors")).unwrap();
    assert!(checkpoint.tensors.values().flat_map(|(_, numbers)| numbers).all(|number| number.is_finite()));
    assert_eq!((checkpoint.state.at.phase, checkpoint.state.at.epoch), (1, 0));
}

#[test]
fn a_checkpoint_of_another_network_or_recipe_is_refused() {
    let folder = data(12);
    let out = folder.path().join("out");
    run(&recipe(folder.path(), DICE, STACK, &phase(1, "")), &out);
    let wider = STACK.replace("[6, 6]", "[6, 7]");
    let recipe = recipe(folder.path(), DICE, &wider, &phase(1, ""));
    let error = train(&recipe, &options(&out), &mut Quiet::new(0)).unwrap_err();
    assert!(message(&error).contains("widths"), "{}", message(&error));
    let fresh = Options { fresh: true, ..options(&out) };
    train(&recipe, &fresh, &mut Quiet::new(usize::MAX)).unwrap();
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
    // what was exported can be tuned on, and starts from where it is
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

#[test]
fn an_operator_that_is_not_known_is_named_with_its_node() {
    let folder = data(12);
    let mut graph = pleura::onnx::GraphBuilder::new("odd");
    let shape = || ["batch".into(), 1.into(), "height".into(), "width".into()];
    let element = pleura::onnx::ElementType::Float;
    let image = graph.input("image", element, &shape());
    let weight = graph.constant("weight", &[1, 1, 1, 1], &[1.0]);
    let value = graph.node("Conv", &[&image, &weight], vec![]);
    let value = graph.node("Einsum", &[&value], vec![pleura::onnx::attribute::string("equation", "abcd->abcd")]);
    graph.output(&value, "map", element, &shape());
    graph.build().write(folder.path().join("odd.onnx")).unwrap();
    let network = "architecture = { kind = \"onnx\", model = \"odd.onnx\", map = \"map\" }";
    let recipe = recipe(folder.path(), DICE, network, &phase(1, ""));
    let error = train(&recipe, &options(&folder.path().join("out")), &mut Quiet::new(0)).unwrap_err();
    let text = message(&error);
    assert!(text.contains("einsum_2") && text.contains("(Einsum)") && text.contains("it knows Abs, Add"), "{text}");
}

#[test]
fn other_images_are_not_gone_on_with_and_fresh_leaves_nothing() {
    let folder = data(13);
    let out = folder.path().join("out");
    let recipe = recipe(folder.path(), DICE, STACK, &phase(2, ""));
    train(&recipe, &options(&out), &mut Quiet::new(1)).unwrap_err();
    for kind in ["images", "masks"] {
        fs::remove_file(folder.path().join(kind).join("i12.png")).unwrap();
    }
    let error = train(&recipe, &options(&out), &mut Quiet::new(0)).unwrap_err();
    assert!(message(&error).contains("other images, masks or folds"), "{}", message(&error));
    fs::write(out.join("discs-fold2.onnx"), "old").unwrap();
    fs::write(out.join("mine.txt"), "mine").unwrap();
    let fresh = Options { fresh: true, ..options(&out) };
    train(&recipe, &fresh, &mut Quiet::new(usize::MAX)).unwrap();
    assert!(!out.join("discs-fold2.onnx").exists() && out.join("mine.txt").exists());
    assert_eq!(Journal::read(&out.join("metrics.jsonl")).unwrap().len(), 2);
}

#[test]
fn one_training_at_a_time_in_a_folder() {
    let folder = data(12);
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let lock = super::lock::Lock::of(&out).unwrap();
    let recipe = recipe(folder.path(), DICE, STACK, &phase(1, ""));
    let error = train(&recipe, &options(&out), &mut Quiet::new(0)).unwrap_err();
    assert!(matches!(error, TrainError::Busy { .. }), "{}", message(&error));
    drop(lock);
    run(&recipe, &out);
}

#[test]
fn images_without_a_single_positive_are_refused() {
    let folder = data(12);
    for mask in fs::read_dir(folder.path().join("masks")).unwrap() {
        GrayImage::new(SIDE, SIDE).save(mask.unwrap().path()).unwrap();
    }
    let recipe = recipe(folder.path(), DICE, STACK, &phase(1, ""));
    let error = train(&recipe, &options(&folder.path().join("out")), &mut Quiet::new(0)).unwrap_err();
    assert!(matches!(error, TrainError::Folds(_)) && message(&error).contains("positive"), "{}", message(&error));
}

#[test]
fn an_image_that_breaks_later_costs_nothing() {
    let folder = data(12);
    let out = folder.path().join("out");
    let text = phase(2, "") + &phase(1, "");
    let recipe = recipe(folder.path(), DICE, STACK, &text.replacen("[32, 32]", "[24, 24]", 1));
    let image = folder.path().join("images/i05.png");
    let whole = fs::read(&image).unwrap();
    // the file is read again for the second phase's size, and is broken by then
    struct Breaks(PathBuf, Quiet);
    impl Watch for Breaks {
        fn step(&mut self, progress: &Progress) {
            self.1.step(progress);
        }
        fn epoch(&mut self, line: &Line, _: bool) {
            if line.epoch == 1 {
                let whole = fs::read(&self.0).unwrap();
                fs::write(&self.0, &whole[..whole.len() / 2]).unwrap();
            }
        }
        fn note(&mut self, _: &str) {}
        fn stops(&self) -> bool {
            false
        }
    }
    let error = train(&recipe, &options(&out), &mut Breaks(image.clone(), Quiet::new(0))).unwrap_err();
    let text = message(&error);
    assert!(text.contains("checkpoint.safetensors") && text.contains("i05.png") && text.contains("again"), "{text}");
    fs::write(&image, whole).unwrap();
    run(&recipe, &out);
    assert_eq!(Journal::read(&out.join("metrics.jsonl")).unwrap().len(), 3);
}

#[test]
fn what_is_not_there_is_told_before_anything_begins() {
    let folder = data(12);
    let network = "architecture = { kind = \"onnx\", model = \"none.onnx\", map = \"map\" }";
    let recipe = recipe(folder.path(), DICE, network, &phase(1, ""));
    let error = train(&recipe, &options(&folder.path().join("out")), &mut Quiet::new(0)).unwrap_err();
    assert!(message(&error).starts_with("network.architecture.model: there is no"), "{}", message(&error));
    assert!(!folder.path().join("out").exists());
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/steps.onnx");
    fs::copy(golden, folder.path().join("none.onnx")).unwrap();
    let text = fs::read_to_string(&recipe).unwrap().replace("map = \"map\"", "map = \"mask\"");
    fs::write(&recipe, text).unwrap();
    let error = train(&recipe, &options(&folder.path().join("out")), &mut Quiet::new(0)).unwrap_err();
    let text = message(&error);
    assert!(text.contains("network.architecture.map") && text.contains("it has `map`, `score`"), "{text}");
}
