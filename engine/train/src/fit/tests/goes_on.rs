//! Trainings that are interrupted and resumed, and the epochs that are kept.

use std::cell::Cell;

use super::*;

/// Metrics without times.
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
            // stops within epochs, and continues each time
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
        // the metrics show which epochs these are
        let mut lines: Vec<_> = told(&whole).into_iter().collect();
        match keep {
            "best" => lines.sort_by(|a, b| a.validation_loss.partial_cmp(&b.validation_loss).unwrap()),
            "best-dice" => lines.sort_by(|a, b| b.dice.partial_cmp(&a.dice).unwrap()),
            _ => lines.reverse(),
        }
        let mut expected: Vec<_> =
            lines[..3].iter().map(|line| format!("phase{}-epoch{}.onnx", line.phase, line.epoch)).collect();
        let first = fs::read(whole.join("fold1").join(&expected[0])).unwrap();
        // kept files end with a checksum
        assert!(first.starts_with(&fs::read(whole.join("discs-fold1.onnx")).unwrap()), "{keep}");
        let third = fs::read(whole.join("fold1").join(&expected[2])).unwrap();
        assert!(third.starts_with(&fs::read(whole.join("discs-fold1-top3.onnx")).unwrap()), "{keep}");
        let kept = expected.clone();
        expected.sort();
        assert_eq!((names(&whole.join("fold1")), names(&parts.join("fold1"))), (expected.clone(), expected), "{keep}");
        let manifest = Manifest::read(outcome.manifest.as_deref().unwrap()).unwrap();
        let snapshots = manifest.segmenter.members[0].snapshots.iter();
        let snapshots: Vec<_> = snapshots.map(|it| (it.fold.unwrap(), it.model.to_str().unwrap())).collect();
        let files = ["discs-fold1.onnx", "discs-fold1-top2.onnx", "discs-fold1-top3.onnx"];
        assert_eq!(snapshots, files.map(|file| (1, file)));
        // everything is done; missing networks are exported again
        let mut watch = Quiet::new(0);
        train(&recipe, &options(&whole), &mut watch).unwrap();
        assert!(watch.notes.iter().any(|note| note.contains("already trained")), "{:?}", watch.notes);
        fs::remove_file(whole.join("discs-fold1-top2.onnx")).unwrap();
        let mut watch = Quiet::new(usize::MAX);
        train(&recipe, &options(&whole), &mut watch).unwrap();
        assert_eq!((watch.steps, names(&whole)), (0, names(&parts)));
        // damaged weights are not exported
        let kept = whole.join("fold1").join(&kept[0]);
        let mut bytes = fs::read(&kept).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&kept, bytes).unwrap();
        fs::remove_file(whole.join("discs-fold1.onnx")).unwrap();
        let error = train(&recipe, &options(&whole), &mut watch).unwrap_err();
        assert!(matches!(&error, TrainError::DamagedWeights { path } if *path == kept), "{}", message(&error));
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
    // a recipe that keeps fewer starts over, and leaves none of those files
    let recipe = recipe(folder.path(), DICE, STACK, &phase(2, ""));
    let error = train(&recipe, &options(&out), &mut Quiet::new(0)).unwrap_err();
    assert!(message(&error).contains("`keep_top` was 9 and is 1"), "{}", message(&error));
    fs::write(out.join("discs-fold1-topmost.onnx"), "mine").unwrap();
    train(&recipe, &Options { fresh: true, ..options(&out) }, &mut Quiet::new(usize::MAX)).unwrap();
    assert_eq!(names(&out), ["discs-fold1-topmost.onnx", "discs-fold1.onnx"]);
    assert_eq!(names(&out.join("fold1")).len(), 1);
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
    assert!(message(&error).contains("different images, masks or folds"), "{}", message(&error));
    fs::write(out.join("discs-fold2.onnx"), "old").unwrap();
    fs::write(out.join("mine.txt"), "mine").unwrap();
    let fresh = Options { fresh: true, ..options(&out) };
    train(&recipe, &fresh, &mut Quiet::new(usize::MAX)).unwrap();
    assert!(!out.join("discs-fold2.onnx").exists() && out.join("mine.txt").exists());
    assert_eq!(Journal::read(&out.join("metrics.jsonl")).unwrap().len(), 2);
}

/// A watcher that stops at the n-th query, counted from 1.
struct StopsAt {
    looks: Cell<usize>,
    stop: usize,
    epochs: usize,
}

impl Watch for StopsAt {
    fn step(&mut self, _: &Progress) {}

    fn epoch(&mut self, _: &Line, _: bool) {
        self.epochs += 1;
    }

    fn note(&mut self, _: &str) {}

    fn stops(&self) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.looks.get() >= self.stop
    }
}

/// Epochs with a single update, validations with several batches, gathering of statistics, export, and predictions: a
/// training can be stopped within each of them, and gives the same result.
#[test]
fn a_training_stops_wherever_it_is_and_goes_on_bit_for_bit() {
    let folder = data(24);
    let average = "average = { kind = \"swa\", epochs = [1] }\n";
    // 16 images: one update per epoch; 8 held out: two batches per validation
    let phases = phase(2, "accumulate = 4");
    let recipe = recipe(folder.path(), &format!("{average}{DICE}"), STACK, &phases);
    let whole = folder.path().join("whole");
    let mut watch = StopsAt { looks: Cell::new(0), stop: usize::MAX, epochs: 0 };
    train(&recipe, &options(&whole), &mut watch).unwrap();
    let looks = watch.looks.get();
    // at the start; two batches and the end of each epoch; the export; four batches gathered; two of the predictions
    assert_eq!((looks, watch.epochs), (1 + 2 * 3 + 1 + 4 + 2, 2));
    for stop in 1..=looks {
        let parts = folder.path().join(format!("stopped{stop}"));
        let mut watch = StopsAt { looks: Cell::new(0), stop, epochs: 0 };
        let error = train(&recipe, &options(&parts), &mut watch).unwrap_err();
        let TrainError::Interrupted { checkpoint } = &error else { panic!("{stop}: {}", message(&error)) };
        assert!(checkpoint.exists(), "{stop}");
        run(&recipe, &parts);
        assert_eq!(told(&whole), told(&parts), "{stop}");
        for line in Journal::read(&parts.join("metrics.jsonl")).unwrap() {
            assert!(line.images_per_second > 0.0 && line.images_per_second.is_finite(), "{stop}: {line:?}");
        }
        for file in ["discs-fold1.onnx", "oof.csv", "ensemble.toml"] {
            assert!(fs::read(whole.join(file)).unwrap() == fs::read(parts.join(file)).unwrap(), "{stop}: {file}");
        }
    }
}
