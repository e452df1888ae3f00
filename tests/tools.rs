//! What people look at while and before they train: curves, TensorBoard, the learning-rate range test, and augmented
//! images.
#![cfg(unix)]

mod support;

use std::fs;
use std::path::Path;

use assert_cmd::assert::Assert;
use support::discs::training;

fn run(words: &[&str], recipe: &Path, more: &[&Path]) -> Assert {
    let mut pleura = support::pleura();
    pleura.args(&words[..1]).arg(recipe).args(&words[1..]).args(more).args(["--device", "cpu", "--threads", "1"]);
    pleura.assert()
}

fn printed(done: &Assert) -> (String, String) {
    let output = done.get_output();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn curves_are_drawn_and_event_files_are_written_once_for_each_start() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 3);
    let out = folder.path().join("out");
    let done = run(&["train", "--watch", "--tensorboard", "--out"], &recipe, &[&out]).success();
    let (_, told) = printed(&done);
    assert!(told.contains("loss: ⠒ held out") && told.contains("Dice: ⠒ held out"), "{told}");
    let files = |fold: &str| {
        let files = fs::read_dir(out.join("tensorboard").join(fold)).unwrap();
        files.map(|file| file.unwrap().path()).collect::<Vec<_>>()
    };
    assert_eq!((files("fold0").len(), files("fold1").len()), (1, 1));
    let bytes = fs::read(&files("fold0")[0]).unwrap();
    let has = |tag: &str| bytes.windows(tag.len()).filter(|part| *part == tag.as_bytes()).count();
    assert_eq!([has("loss/validation"), has("held out/Dice of positives"), has("brain.Event:2")], [3, 3, 1]);
    // nothing is trained, and nothing is written
    run(&["train", "--tensorboard", "--out"], &recipe, &[&out]).success();
    assert_eq!(files("fold0").len(), 1);
    run(&["train", "--tensorboard", "--fresh", "--out"], &recipe, &[&out]).success();
    assert_eq!(files("fold0").len(), 1, "those of the discarded training are gone");
}

#[test]
fn a_learning_rate_is_found_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 3);
    let out = folder.path().join("out");
    let done = run(&["train", "--find-lr=1e-5:100:60", "--out"], &recipe, &[&out]).success();
    let (results, told) = printed(&done);
    let rate: f32 = results.strip_prefix("lr = ").unwrap().split_whitespace().next().unwrap().parse().unwrap();
    assert!((1e-4..1.0).contains(&rate), "{results}{told}");
    let table = fs::read_to_string(out.join("find-lr.csv")).unwrap();
    assert!(table.starts_with("lr,loss,smoothed\n1e-5,") && table.lines().count() > 30, "{table}");
    assert!(fs::read_to_string(out.join("find-lr.svg")).unwrap().contains("steepest"));
    let mut left: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| !name.to_string_lossy().starts_with('.'));
    left.sort();
    assert_eq!(left, ["find-lr.csv", "find-lr.svg"]);
    // the same again
    run(&["train", "--find-lr=1e-5:100:60", "--out"], &recipe, &[&out]).success();
    assert_eq!(fs::read_to_string(out.join("find-lr.csv")).unwrap(), table);
    for (range, fault) in [("1:0.1", "rates that rise"), ("x", "FROM:TO"), ("1e-5:1:5", "20 to 10000 steps")] {
        let (_, told) = printed(&run(&["train", &format!("--find-lr={range}")], &recipe, &[]).code(2));
        assert!(told.contains(fault), "{told}");
    }
}

#[test]
fn augmented_images_are_shown_with_their_masks() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 1);
    let text = fs::read_to_string(&recipe).unwrap().replacen(
        "[[phases]]",
        "[[augment]]\np = 1.0\none_of = [{ kind = \"hflip\" }]\n\n[[phases]]",
        1,
    );
    fs::write(&recipe, &text).unwrap();
    let out = folder.path().join("preview.png");
    let preview = |more: &[&str]| {
        let mut pleura = support::pleura();
        pleura.args(["data", "preview"]).arg(&recipe).arg("--out").arg(&out).args(more).assert()
    };
    let (results, told) = printed(&preview(&["--images", "4", "--copies", "2"]).success());
    assert_eq!(results.trim_end(), out.display().to_string());
    assert!(told.contains("row 1: case-") && told.contains("row 4: case-"), "{told}");
    let picture = image::open(&out).unwrap().to_rgb8();
    // tiles of the phase's 40 × 36 pixels; their captions are above them
    let (gap, caption, height, width) = (12, 44, 40, 36);
    assert_eq!(picture.dimensions(), (gap + 3 * (width + gap), 4 * (caption + height + gap)));
    let tile = |column: u32, row: u32, x: u32, y: u32| {
        *picture.get_pixel(gap + column * (width + gap) + x, caption + row * (caption + height + gap) + y)
    };
    let is_blue = |pixel: image::Rgb<u8>| pixel[2] > pixel[0] + 20;
    let marked = |column: u32, row: u32, mirrored: bool| -> Vec<(u32, u32)> {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let mut marked: Vec<_> = places.filter(|&(x, y)| is_blue(tile(column, row, x, y))).collect();
        if mirrored {
            marked.iter_mut().for_each(|place| place.0 = width - 1 - place.0);
            marked.sort_by_key(|&(x, y)| (y, x));
        }
        marked
    };
    for row in 0..4 {
        assert_eq!(marked(0, row, false), marked(1, row, true), "row {row}");
        assert_eq!(marked(0, row, false), marked(2, row, true), "row {row}");
    }
    assert!(!marked(0, 0, false).is_empty() && marked(0, 3, false).is_empty(), "positives come first");
    let (_, told) = printed(&preview(&["--phase", "2"]).failure());
    assert!(told.contains("--phase 2: the recipe has 1"), "{told}");
    fs::write(&recipe, text.replace("hflip", "transpose")).unwrap();
    let (_, told) = printed(&preview(&[]).failure());
    assert!(told.contains("square"), "{told}");
}
