//! `pleura score` and `pleura submission`, on the competition's own files.

mod support;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

fn run(verb: &str, paths: &[&Path], options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pleura")).arg(verb).args(paths).args(options).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", stdout(output), stderr(output)))
}

/// The truth with every mask replaced by `-1`, one row per image.
fn all_empty(truth: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(truth).unwrap()).read_to_string(&mut text).unwrap();
    let ids: std::collections::BTreeSet<_> = text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    ids.iter().fold("ImageId,EncodedPixels\n".to_owned(), |text, id| text + id + ",-1\n")
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn truth_scores_one_against_itself() {
    let siim = support::data().join("siim");
    let truth = siim.join("train-rle.csv.gz");
    let output = run("score", &[&truth, &truth], &["--json"]);
    let score = json(&output);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((&score["images"], &score["positives"]), (&12_047.into(), &2_669.into()));
    assert_eq!((&score["mean_dice"], &score["mean_iou"]), (&1.0.into(), &1.0.into()));
    assert_eq!((&score["sensitivity"], &score["specificity"]), (&1.0.into(), &1.0.into()));
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn the_empty_answer_scores_the_share_of_negatives() {
    let siim = support::data().join("siim");
    let truth = siim.join("train-rle.csv.gz");
    let folder = tempfile::tempdir().unwrap();
    let (empty, images) = (folder.path().join("empty.csv"), folder.path().join("images.csv"));
    fs::write(&empty, all_empty(&truth)).unwrap();
    let output = run("score", &[&empty, &truth], &["--json", "--per-image", images.to_str().unwrap()]);
    let score = json(&output);
    assert_eq!(score["mean_dice"].as_f64(), Some(9_378.0 / 12_047.0));
    assert_eq!(score["mean_dice_positives"].as_f64(), Some(0.0));
    assert_eq!((score["sensitivity"].as_f64(), score["specificity"].as_f64()), (Some(0.0), Some(1.0)));
    let images = fs::read_to_string(images).unwrap();
    assert_eq!(images.lines().count(), 12_048);
    assert_eq!(images.lines().next(), Some("id,dice,iou,truth_area,predicted_area"));
    assert_eq!(images.lines().filter(|line| line.contains(",0.0,0.0,")).count(), 2_669);
    let table = stdout(&run("score", &[&empty, &truth], &[]));
    assert!(table.starts_with("mean Dice              0.778451  12047 images, both empty = 1\n"), "{table}");
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn a_run_past_the_image_is_an_error_with_its_line() {
    let siim = support::data().join("siim");
    let malformed = siim.join("submissions/malformed_overflow.csv");
    let output = run("score", &[&malformed, &siim.join("train-rle.csv.gz")], &[]);
    assert_eq!(output.status.code(), Some(2));
    let message = stderr(&output);
    let expected = "malformed_overflow.csv`: line 2: run 1 ends at pixel 1048577, 1 past 1024×1024; read as absolute \
                    positions from 1, ";
    assert!(message.contains(expected), "{message}");
    let output = run("submission", &["check".as_ref(), &malformed], &[]);
    assert_eq!(output.status.code(), Some(2));
    let report = stdout(&output);
    assert!(report.contains("line 2: run 1 ends at pixel 1048577, 1 past 1024×1024; "), "{report}");
    assert!(report.contains("\nand "), "{report}");
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn other_images_are_not_scored() {
    let siim = support::data().join("siim");
    let (stage2, truth) = (siim.join("submissions/stage2_0.csv"), siim.join("train-rle.csv.gz"));
    let output = run("score", &[&stage2, &truth], &[]);
    assert_eq!(output.status.code(), Some(2));
    let message = stderr(&output);
    assert!(message.contains("has no row for 3205 of the 3205 images in "), "{message}");
    assert!(message.contains(": `ID_c68e114ba`, ") && message.ends_with(" and 3202 more\n"), "{message}");
    let rows = fs::read_to_string(siim.join("train_dicom/train-rle-subset.csv")).unwrap();
    let mut ids = std::collections::HashSet::new();
    let rows: Vec<_> = rows.lines().filter(|row| ids.insert(row.split(',').next())).collect();
    let folder = tempfile::tempdir().unwrap();
    let subset = folder.path().join("subset.csv");
    fs::write(&subset, rows.join("\n")).unwrap();
    let message = stderr(&run("score", &[&subset, &truth], &[]));
    assert!(message.contains("has no row for 12009 of the 12047 images in "), "{message}");
    assert!(message.ends_with("add `--subset` to score the 38 that it has\n"), "{message}");
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn real_submissions_are_good() {
    let siim = support::data().join("siim");
    let table = [
        ("submissions/stage1_se154.csv", "sample_submission_stage1.csv", 1_372),
        ("submissions/stage1_sx50.csv", "sample_submission_stage1.csv", 1_372),
        ("submissions/stage2_0.csv", "stage_2_sample_submission.csv", 3_205),
    ];
    for (submission, sample, rows) in table {
        let sample = siim.join(sample);
        let output = run("submission", &["check".as_ref(), &siim.join(submission), "--sample".as_ref(), &sample], &[]);
        assert_eq!(output.status.code(), Some(0), "{submission}: {}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).contains(&format!(": {rows} rows, {rows} images, ")), "{}", stdout(&output));
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (submission, sample) = (folder.path().join("mine.csv"), folder.path().join("sample.csv"));
    fs::write(&submission, "ImageId,EncodedPixels\na,0 1\na,1 1\nb,0 17\nc,-1,\nx,1\n,-1\n").unwrap();
    fs::write(&sample, "ImageId,EncodedPixels\na,-1\nb,-1\nc,-1\nd,-1\n").unwrap();
    let paths = ["check".as_ref(), submission.as_path(), "--sample".as_ref(), &sample];
    let output = run("submission", &paths, &["--size", "4x4"]);
    assert_eq!(output.status.code(), Some(2));
    let name = format!("{}: ", submission.display());
    let report = stdout(&output).replace(&name, "");
    let expected = [
        "line 3: `a` already has a row, line 2: expected one row per image, its masks merged",
        "line 4: run 1 ends at pixel 17, 1 past 4×4",
        "line 5: expected 2 fields (id, run lengths), found 3",
        "line 6: expected offset/length pairs, found 1 number (odd)",
        "line 6: `x` is not in the sample",
        "line 7: the image's id is empty",
        "`c` of the sample has no row",
        "`d` of the sample has no row",
        "6 rows, 3 images, 1 with a mask",
        "8 faults",
    ];
    assert_eq!(report.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn another_order_is_good_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let (submission, sample) = (folder.path().join("mine.csv"), folder.path().join("sample.csv"));
    fs::write(&submission, "ImageId,EncodedPixels\nb,-1\na,-1\n").unwrap();
    fs::write(&sample, "ImageId,EncodedPixels\na,-1\nb,-1\n").unwrap();
    let output = run("submission", &["check".as_ref(), &submission, "--sample".as_ref(), &sample], &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("not in the sample's order"));
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn differences_are_counted() {
    let siim = support::data().join("siim");
    let (a, b) = (siim.join("submissions/stage1_se154.csv"), siim.join("submissions/stage1_sx50.csv"));
    let same = run("submission", &["diff".as_ref(), &a, &a], &[]);
    assert_eq!((same.status.code(), stdout(&same).lines().count()), (Some(0), 1));
    let other = run("submission", &["diff".as_ref(), &a, &b], &["--json"]);
    assert_eq!(other.status.code(), Some(1));
    let diff = json(&other);
    let changed = diff["changed"].as_array().unwrap();
    assert_eq!(diff["common"], 1_372);
    assert!(changed.iter().all(|change| change["dice"].as_f64().unwrap() < 1.0));
    let table = stdout(&run("submission", &["diff".as_ref(), &a, &b], &[]));
    assert!(table.contains(&format!("\nand {} more\n", changed.len() - 20)), "{table}");
    assert!(table.contains(&format!("\n{} of 1372 images changed: ", changed.len())), "{table}");
}

#[test]
fn sizes_are_checked() {
    for size in ["1024", "0x4", "4x", "-1x4", "70000x1"] {
        let output = run("score", &["a".as_ref(), "b".as_ref()], &[&format!("--size={size}")]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("HEIGHTxWIDTH"), "{}", stderr(&output));
    }
}
