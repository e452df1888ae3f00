//! CSVs of run lengths in the wild: of other competitions, of pandas and of spreadsheets. Each is accepted, or refused
//! with a clear error.
//!
//! Looked for in `../shared/cases/csv`; all are synthetic.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

fn cases() -> PathBuf {
    support::cases("csv")
}

/// Runs the program in its own folder; returns its exit code, standard output and standard error.
fn run(folder: &Path, words: &str) -> (Option<i32>, String, String) {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pleura"));
    let output = command.current_dir(folder).args(words.split_whitespace()).output().unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code(), out, error)
}

#[test]
#[cfg_attr(no_cases, ignore = "no cases: set PLEURA_CASES")]
fn what_is_nearly_a_submission_is_accepted_with_a_remark_or_refused_by_name() {
    let cases = cases();
    let check = |name: &str| run(&cases, &format!("submission check {name}.csv --size 64x64"));
    for (name, rows, remark) in [
        ("bom-crlf", "2 rows, 2 images, 1 with a mask", ""),
        ("quoted", "3 rows, 3 images, 1 with a mask", "\"\" for -1"),
        ("pandas-index", "2 rows, 2 images, 1 with a mask", "pandas' index"),
    ] {
        let (code, out, error) = check(name);
        assert_eq!(code, Some(0), "{name}: {out}{error}");
        assert!(out.contains(rows), "{name}: {out}");
        assert!(error.contains(remark) && error.is_empty() == remark.is_empty(), "{name}: {error}");
    }
    for (name, message) in [
        (
            "airbus",
            "line 3: expected run lengths, found none; write the empty mask as -1. The file's run lengths look absolute",
        ),
        ("hubmap", "these are the columns of HuBMAP: `pleura data convert rle --from hubmap` converts them"),
        ("clouds", "these are the columns of Understanding Clouds: `pleura data convert rle --from clouds`"),
        ("severstal", "these are the columns of Severstal: `pleura data convert rle --from severstal`"),
        ("severstal3", "these are the columns of Severstal: `pleura data convert rle --from severstal`"),
        ("nan", "line 2: `nan` is how pandas writes a missing value"),
        ("floats", "line 2: run 1: `0.0` is a whole number written as a float"),
        ("swapped", "the columns are in the wrong order: swap them"),
        ("semicolon", "the separator is a comma"),
        ("twice", "1 images, 1 with a mask"),
    ] {
        let (code, out, error) = check(name);
        assert_eq!(code, Some(2), "{name}: {out}{error}");
        assert!(format!("{out}{error}").contains(message), "{name}: {out}{error}");
    }
}

#[test]
#[cfg_attr(no_cases, ignore = "no cases: set PLEURA_CASES")]
fn an_id_in_two_rows_is_joined_in_a_truth_and_refused_in_a_submission() {
    let cases = cases();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(cases.join("twice.csv"), folder.path().join("twice.csv")).unwrap();
    fs::write(folder.path().join("once.csv"), "ImageId,EncodedPixels\nx,0 5 0 5 10 5\n").unwrap();
    let (code, out, error) = run(folder.path(), "score once.csv twice.csv --size 64x64 --json");
    assert!(code == Some(0) && out.contains("\"mean_dice\": 1.0"), "{out}{error}");
    let (code, _, error) = run(folder.path(), "score twice.csv once.csv --size 64x64");
    assert!(code == Some(2) && error.contains("line 3: `x` already has a row, line 2"), "{error}");
    assert!(error.contains("swap the two files"), "{error}");
    let (code, _, error) = run(folder.path(), "submission diff twice.csv once.csv --size 64x64");
    assert!(code == Some(2) && error.contains("expected one row per image"), "{error}");
}

#[test]
#[cfg_attr(no_cases, ignore = "no cases: set PLEURA_CASES")]
fn a_truth_with_more_images_is_scored_with_subset() {
    let cases = cases();
    let (code, _, error) = run(&cases, "score subset-submission.csv subset-truth.csv");
    assert!(code == Some(2) && error.contains("add `--subset` to score the "), "{error}");
    let (code, out, error) = run(&cases, "score subset-submission.csv subset-truth.csv --subset --json");
    assert_eq!(code, Some(0), "{error}");
    let score: serde_json::Value = serde_json::from_str(&out).unwrap();
    let answered = fs::read_to_string(cases.join("subset-submission.csv")).unwrap().lines().count() - 1;
    assert_eq!(score["images"], answered);
    assert_eq!(score["unanswered"], 24 - answered);
    let (code, _, error) = run(&cases, "score subset-truth.csv subset-submission.csv");
    assert!(code == Some(2) && error.contains("swap the two and add `--subset`"), "{error}");
    let (code, out, _) = run(&cases, "submission check subset-submission.csv --sample subset-truth.csv --subset");
    assert!(code == Some(0) && out.contains("have no row"), "{out}");
    let (code, _, error) = run(&cases, "submission check subset-submission.csv --sample subset-truth.csv");
    assert!(code == Some(2) && error.contains("add `--subset` to accept that"), "{error}");
    let (code, out, error) = run(&cases, "submission diff subset-truth.csv subset-submission.csv --subset");
    assert!(matches!(code, Some(0 | 1)) && out.contains("images only in the first"), "{out}{error}");
}

#[test]
#[cfg_attr(no_cases, ignore = "no cases: set PLEURA_CASES")]
fn other_conventions_are_converted_by_name_and_back() {
    let cases = cases();
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    for (name, from, more, expected) in [
        ("airbus", "airbus", "", "ImageId,EncodedPixels\na.jpg,4 3 765 4\nb.jpg,-1\n"),
        ("hubmap", "hubmap", "", "ImageId,EncodedPixels\nx,0 5\n"),
        ("clouds", "clouds", "--class Fish", "ImageId,EncodedPixels\na.jpg,0 2 2 3\n"),
        ("severstal", "severstal", "--class 3", "ImageId,EncodedPixels\na.jpg,0 1\n"),
        ("severstal3", "severstal", "--class all", "ImageId,EncodedPixels\na.jpg,29101 12 232 24\n"),
    ] {
        let path = cases.join(name).with_extension("csv");
        let words = format!("data convert rle {} --from {from} {more} --out siim.csv", path.display());
        let (code, _, error) = run(folder.path(), &words);
        assert_eq!(code, Some(0), "{name}: {error}");
        assert_eq!(read("siim.csv"), expected, "{name}");
        // conventions that keep classes give the same file back
        let words = format!("data convert rle {} --from {from} --as {from} --out same.csv", path.display());
        assert_eq!(run(folder.path(), &words).0, Some(0), "{name}");
        if name != "severstal3" {
            assert_eq!(read("same.csv"), fs::read_to_string(&path).unwrap(), "{name}");
        }
    }
    assert_eq!(read("same.csv"), "ImageId_ClassId,EncodedPixels\na.jpg_1,29102 12 29346 24\n");
    let path = cases.join("severstal.csv");
    let words = format!("data convert rle {} --from severstal --out none.csv", path.display());
    let (code, _, error) = run(folder.path(), &words);
    assert!(code == Some(2) && error.contains("the classes `1`, `2`, `3`: choose one with `--class`"), "{error}");
    assert!(!folder.path().join("none.csv").exists());
    for (class, message) in
        [("7", "has the classes `1`, `2`, `3`"), ("Fish", "expected a class of Severstal (a number")]
    {
        let words = format!("data convert rle {} --from severstal --class {class} --out none.csv", path.display());
        let (code, _, error) = run(folder.path(), &words);
        assert!(code == Some(2) && error.contains(message), "{error}");
    }
}

#[test]
fn other_conventions_become_pictures_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let text = "ImageId_ClassId,EncodedPixels\na.jpg_1,2 12 30 24\na.jpg_2,\nb.jpg_1,1 1\n";
    fs::write(folder.path().join("steel.csv"), text).unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let good = |words: &str| {
        let (code, _, error) = run(folder.path(), words);
        assert_eq!(code, Some(0), "{words}: {error}");
    };
    good("data convert masks steel.csv --from severstal --size 16x8 --out masks");
    good("data convert rle masks --as severstal --out back.csv");
    assert_eq!(read("back.csv"), text);
    good("data convert rle masks --as severstal-column --out column.csv");
    assert!(
        read("column.csv").starts_with("ImageId,ClassId,EncodedPixels\na.jpg,1,2 12 30 24\n"),
        "{}",
        read("column.csv")
    );
    good("data convert masks steel.csv --from severstal --class 1 --size 16x8 --out ones");
    assert!(folder.path().join("ones/a.jpg.png").exists() && folder.path().join("ones/b.jpg.png").exists());
    good("data convert rle ones --as clouds --class Fish --out fish.csv");
    assert_eq!(read("fish.csv"), "Image_Label,EncodedPixels\na.jpg_Fish,2 12 30 24\nb.jpg_Fish,1 1\n");
    let (code, _, error) = run(folder.path(), "data convert rle ones --as severstal --out none.csv");
    assert!(code == Some(2) && error.contains("give the class of all masks with `--class`"), "{error}");
    fs::write(folder.path().join("kidney.csv"), "id,rle\nx,1 5\n").unwrap();
    let (code, _, error) = run(folder.path(), "data convert masks kidney.csv --from hubmap --out kidneys");
    assert!(code == Some(2) && error.contains("`--size HxW`"), "{error}");
}
