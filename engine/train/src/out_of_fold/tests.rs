use std::fs;
use std::path::Path;

use ndarray::Array2;
use pleura::submission::Submission;
use pleura::{Mask, Size};

use super::*;

const SIZE: Size = Size::new(5, 7);

fn mask(of: usize) -> Mask {
    Mask::from(Array2::from_shape_fn(SIZE, |(y, x)| of > 0 && (x * 3 + y) % 5 < of))
}

fn prediction(fold: u32, of: usize) -> Prediction {
    let found = Found { mask: Runs::from(&mask(of)), dice: 1.0 / (of as f64 + 2.0) };
    Prediction { fold, label: of > 0, score: Some(of as f32 / 10.0), found: Some(found) }
}

/// Three images, two folds, awkward ids.
fn both_heads() -> OutOfFold {
    let mut all = OutOfFold::default();
    all.add("1.2.276,\"x\"", prediction(1, 0)).unwrap();
    all.add("b", prediction(1, 3)).unwrap();
    all.add("ä b", prediction(0, 2)).unwrap();
    all
}

fn without(all: &OutOfFold, change: fn(&mut Prediction)) -> OutOfFold {
    let mut changed = OutOfFold::default();
    for (id, prediction) in all.iter() {
        let mut prediction = prediction.clone();
        change(&mut prediction);
        changed.add(id, prediction).unwrap();
    }
    changed
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn the_files() {
    let folder = tempfile::tempdir().unwrap();
    both_heads().write(folder.path()).unwrap();
    let expected =
        "ImageId,fold,label,score,dice\n\"1.2.276,\"\"x\"\"\",1,0,0.0,0.5\nb,1,1,0.3,0.2\nä b,0,1,0.2,0.25\n";
    assert_eq!(read(folder.path(), PREDICTIONS), expected);

    let mut engine = Submission::any_size();
    for (id, of) in [("1.2.276,\"x\"", 0), ("b", 3), ("ä b", 2)] {
        engine.insert(id, &mask(of)).unwrap();
    }
    let mut bytes = Vec::new();
    engine.write_to(&mut bytes).unwrap();
    assert_eq!(read(folder.path(), SUBMISSION).into_bytes(), bytes);
    let back = Submission::read(folder.path().join(SUBMISSION), SIZE).unwrap();
    assert_eq!(back.mask("b").unwrap(), mask(3));
}

#[test]
fn what_was_written_is_read() {
    let both = both_heads();
    let cases = [
        ("both", both.clone()),
        ("no score", without(&both, |it| it.score = None)),
        ("no map", without(&both, |it| it.found = None)),
        ("nothing", OutOfFold::default()),
    ];
    for (name, all) in cases {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(OutOfFold::read(folder.path()).unwrap(), OutOfFold::default());
        all.write(folder.path()).unwrap();
        assert_eq!(OutOfFold::read(folder.path()).unwrap(), all, "{name}");
        let has_masks = folder.path().join(SUBMISSION).exists();
        assert_eq!(has_masks, matches!(name, "both" | "no score"), "{name}");
        assert!(read(folder.path(), PREDICTIONS).starts_with("ImageId,fold,label,score,dice\n"), "{name}");
    }
}

#[test]
fn a_fold_can_be_predicted_anew() {
    let mut all = both_heads();
    assert!(all.has(1) && all.has(0) && !all.has(2));
    all.forget(1);
    assert!(!all.has(1) && all.has(0));
    all.add("b", prediction(1, 1)).unwrap();
    assert_eq!(all.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["ä b", "b"]);
}

#[test]
fn no_image_is_held_out_twice() {
    let mut all = both_heads();
    let error = all.add("b", prediction(4, 1)).unwrap_err().to_string();
    assert_eq!(error, "image `b` was held out by fold 2 and again by fold 5 (`fold` 1 and 4 in files)");
    assert!(matches!(all.add(" ", prediction(4, 1)), Err(OutOfFoldError::EmptyId)));
    assert_eq!(all, both_heads());
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    both_heads().write(path).unwrap();
    let message = || OutOfFold::read(path).unwrap_err().to_string();
    fs::write(path.join(SUBMISSION), "ImageId,EncodedPixels\nb,-1\n").unwrap();
    assert!(message().contains("oof-submission.csv` has no mask for image `1.2.276"), "{}", message());
    fs::write(path.join(SUBMISSION), "ImageId,EncodedPixels\nb,1\n").unwrap();
    assert!(message().contains("oof-submission.csv`: line 2"), "{}", message());
    fs::remove_file(path.join(SUBMISSION)).unwrap();
    assert!(message().contains("cannot open") && message().contains("oof-submission.csv"), "{}", message());
    fs::write(path.join(PREDICTIONS), "ImageId,fold\nb,x\n").unwrap();
    assert!(message().contains("cannot read") && message().contains("oof.csv"), "{}", message());
    let error = both_heads().write(&path.join("none")).unwrap_err();
    assert!(matches!(error, OutOfFoldError::Write(_)), "{error:?}");
}
