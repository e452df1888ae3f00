//! Encoding, reading and scoring on small masks.

use std::io::Write as _;

use ndarray::Array2;
use proptest::prelude::*;

use super::*;

/// A mask from rows of `#` and `.`.
fn mask(rows: &[&str]) -> Mask {
    let size = (rows.len(), rows[0].len());
    Mask::from(Array2::from_shape_fn(size, |(row, column)| rows[row].as_bytes()[column] == b'#'))
}

pub(super) fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

pub(super) fn read(text: &str) -> Result<Submission, SubmissionError> {
    Submission::read(file(text.as_bytes()).path(), Size::new(4, 4))
}

/// The error's message after the file's name.
fn complaint(text: &str) -> String {
    let message = crate::chain(&read(text).unwrap_err());
    message.split_once("`: ").map_or(message.clone(), |(_, after)| after.to_owned())
}

pub(super) fn masks() -> impl Strategy<Value = Mask> {
    // sparse, even, dense and full masks, of odd shapes
    (1_usize..24, 1_usize..24, prop::sample::select(vec![0.02, 0.5, 0.98, 1.0])).prop_flat_map(|(height, width, p)| {
        prop::collection::vec(prop::bool::weighted(p), height * width)
            .prop_map(move |pixels| Mask::from(Array2::from_shape_vec((height, width), pixels).unwrap()))
    })
}

proptest! {
    #[test]
    fn every_mask_survives_encoding(mask in masks()) {
        prop_assert_eq!(rle::decode(&rle::encode(&mask), mask.size()), Ok(mask));
    }

    #[test]
    fn runs_count_what_pixels_count((height, width, pixels) in (1_usize..12, 1_usize..12).prop_flat_map(|(h, w)| {
        (Just(h), Just(w), prop::collection::vec(any::<(bool, bool)>(), h * w))
    })) {
        let pick = |of: fn(&(bool, bool)) -> bool| {
            Mask::from(Array2::from_shape_vec((height, width), pixels.iter().map(of).collect()).unwrap())
        };
        let (a, b) = (pick(|p| p.0), pick(|p| p.1));
        let (either, both) = (pick(|p| p.0 || p.1), pick(|p| p.0 && p.1).area());
        let (a, b) = (Runs::from(&a), Runs::from(&b));
        prop_assert_eq!(a.union(&b), Runs::from(&either));
        prop_assert_eq!(a.overlap(&b), both);
        prop_assert_eq!(a.dice(&b).to_bits(), b.dice(&a).to_bits());
        if !either.is_empty() {
            prop_assert_eq!(a.iou(&b).to_bits(), (both as f64 / either.area() as f64).to_bits());
        }
    }

    #[test]
    fn written_submissions_read_back(entries in prop::collection::btree_map("[a-z0-9.,\"_]{1,8}", masks_of(5, 3), 0..6)) {
        let mut submission = Submission::new(Size::new(5, 3));
        for (id, mask) in &entries {
            submission.insert(id.as_str(), mask).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("submission.csv");
        submission.write(&path).unwrap();
        prop_assert_eq!(Submission::read(&path, Size::new(5, 3)).unwrap(), submission);
        prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }
}

/// Rows of a few images in any order, some of them several times.
fn some_rows() -> impl Strategy<Value = Vec<(String, Runs)>> {
    let mask = masks_of(3, 3).prop_map(|mask| Runs::from(&mask));
    prop::collection::vec(("[a-e]", mask), 1..12)
}

fn table(rows: &[(String, Runs)]) -> tempfile::NamedTempFile {
    let rows: String = rows.iter().map(|(id, runs)| format!("{id},{}\n", runs.encode())).collect();
    file(format!("ImageId,EncodedPixels\n{rows}").as_bytes())
}

proptest! {
    #[test]
    fn a_file_is_scored_and_compared_as_in_memory(answer in some_rows(), truth in some_rows()) {
        let (answer, truth) = (table(&answer), table(&truth));
        let read = |file: &tempfile::NamedTempFile| Submission::read(file.path(), Size::new(3, 3)).unwrap();
        let (submission, whole) = (read(&answer), read(&truth));
        let (expected, found) = (submission.scores(&whole).unwrap(), submission.scores_of_file(truth.path()).unwrap());
        prop_assert_eq!(&found.images, &expected.images);
        prop_assert!(found.missing().eq(expected.missing()) && found.extra().eq(expected.extra()));
        let expected: Vec<&str> = whole.ids().filter(|id| submission.contains(id)).collect();
        prop_assert_eq!(found.images.iter().map(|image| image.id).collect::<Vec<_>>(), expected);
        prop_assert!(found.missing().eq(whole.ids().filter(|id| !submission.contains(id))));
        prop_assert!(found.extra().eq(submission.ids().filter(|id| !whole.contains(id))));
        match Submission::read_single(truth.path(), Size::new(3, 3)) {
            Ok(_) => prop_assert_eq!(submission.diff_file(truth.path()).unwrap(), submission.diff(&whole).unwrap()),
            Err(expected) => {
                prop_assert_eq!(submission.diff_file(truth.path()).unwrap_err().to_string(), expected.to_string());
            }
        }
    }

    #[test]
    fn a_sample_is_compared_as_lists_are(answer in some_rows(), sample in some_rows(), subset: bool) {
        let (answer, sample) = (table(&answer), table(&sample));
        let (ids, wanted) = (read_ids(answer.path()).unwrap(), read_ids(sample.path()).unwrap());
        let options = CheckOptions { size: Size::new(3, 3), sample: Some(sample.path()), subset };
        let report = check(answer.path(), options).unwrap();
        let named = |of: fn(&Problem) -> Option<&String>| report.problems.iter().filter_map(of).collect::<Vec<_>>();
        let extra = named(|problem| if let Problem::Extra { id, .. } = problem { Some(id) } else { None });
        let missing = named(|problem| if let Problem::Missing { id } = problem { Some(id) } else { None });
        let absent: Vec<_> = wanted.iter().filter(|id| !ids.contains(id)).collect();
        prop_assert_eq!(&extra, &ids.iter().filter(|id| !wanted.contains(id)).collect::<Vec<_>>());
        prop_assert_eq!(report.unanswered, if subset { absent.len() } else { 0 });
        prop_assert_eq!(&missing, &if subset { vec![] } else { absent.clone() });
        let comparable = extra.is_empty() && (subset || absent.is_empty());
        let in_order = wanted.iter().filter(|id| ids.contains(id)).eq(&ids);
        prop_assert_eq!(report.in_sample_order, comparable.then_some(in_order));
    }
}

fn masks_of(height: usize, width: usize) -> impl Strategy<Value = Mask> {
    prop::collection::vec(any::<bool>(), height * width)
        .prop_map(move |pixels| Mask::from(Array2::from_shape_vec((height, width), pixels).unwrap()))
}

#[test]
fn encodes_down_the_columns() {
    let table = [
        (mask(&["...", "...", "..."]), "-1"),
        (mask(&["###", "###", "###"]), "0 9"), // a full mask, which the competition's encoder loses
        (mask(&["...", "...", "..#"]), "8 1"), // as it does the last pixel
        (mask(&["#..", "...", "..."]), "0 1"),
        (mask(&[".#.", "..#", "#.."]), "2 2 3 1"), // a run joined over a column's end
        (mask(&["#.#", "...", "..."]), "0 1 5 1"),
        (mask(&["#.#.#"]), "0 1 1 1 1 1"),
        (mask(&["#", ".", "#"]), "0 1 1 1"),
    ];
    for (mask, text) in table {
        assert_eq!(rle::encode(&mask), text);
        assert_eq!(rle::decode(text, mask.size()), Ok(mask));
    }
    assert_eq!(rle::encode(&Mask::empty(Size::new(0, 7))), "-1");
}

#[test]
fn decodes_what_others_write() {
    for text in [" 0 2", "0  2 ", "0\t2", "0 1 0 1"] {
        assert_eq!(rle::decode(text, Size::new(3, 3)).unwrap(), mask(&["#..", "#..", "..."]), "{text:?}");
    }
    assert!(rle::decode(" -1", Size::new(3, 3)).unwrap().is_empty());
}

#[test]
fn says_what_is_wrong_with_run_lengths() {
    let table = [
        ("", "expected run lengths, found none; write the empty mask as -1"),
        ("  ", "expected run lengths, found none; write the empty mask as -1"),
        ("1", "expected offset/length pairs, found 1 number (odd)"),
        ("0 1 2", "expected offset/length pairs, found 3 numbers (odd)"),
        ("0 x", "run 1: `x` is not a number of pixels"),
        ("0 1 1.5 1", "run 2: `1.5` is not a number of pixels"),
        ("0 +1", "run 1: `+1` is not a number of pixels"),
        ("0 99999999999999999999", "run 1: `99999999999999999999` is not a number of pixels"),
        ("-1 -1", "run 1: `-1` is negative"),
        ("0 1 -3 1", "run 2: `-3` is negative"),
        ("3 0", "run 1 has length 0"),
        ("0 10", "run 1 ends at pixel 10, 1 past 3×3"),
        ("2 8", "run 1 ends at pixel 10, 1 past 3×3; read as absolute positions from 1, "),
        ("2 2 6 3", "run 2 ends at pixel 13, 4 past 3×3; read as absolute positions from 1, "),
        ("2 2 3 5", "run 2 ends at pixel 12, 3 past 3×3"), // runs that overlap
        ("nan", "`nan` is how pandas writes a missing value; write the empty mask as -1"),
        ("<NA>", "`<NA>` is how pandas writes a missing value; "),
        (
            "0.0 5.0",
            "run 1: `0.0` is a whole number written as a float, as pandas does in a column with missing values; write `0`",
        ),
        (
            "-1.0",
            "run 1: `-1.0` is a whole number written as a float, as pandas does in a column with missing values; write `-1`",
        ),
        ("8 1 0 1", "run 2 ends at pixel 10, 1 past 3×3"),
    ];
    for (text, message) in table {
        let said = rle::decode(text, Size::new(3, 3)).unwrap_err().to_string();
        let is_whole = said == message || message.ends_with([' ', '1']) && said.starts_with(message);
        assert!(is_whole, "{text:?}: {said}");
    }
}

#[test]
fn joins_rows_of_an_id() {
    let submission = read("ImageId,EncodedPixels\nb,1 2\na,-1\nb,2 3\na,-1\nb,0 1\n").unwrap();
    assert_eq!(submission.ids().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(submission.runs("b").unwrap().ranges(), [(0, 5)]);
    assert!(submission.mask("a").unwrap().is_empty());
}

#[test]
fn forgives_what_loses_nothing() {
    let plain = read("ImageId,EncodedPixels\na,1 2\nb,-1\n").unwrap();
    let table = [
        "ImageId, EncodedPixels\na, 1 2\nb, -1\n",
        "\u{feff}ImageId,EncodedPixels\r\na,1 2\r\nb,-1\r\n",
        " ImageId ,EncodedPixels \n a ,\" 1 2 \"\n\nb,-1",
        "\"ImageId\",\"EncodedPixels\"\n\"a\",\"1 2\"\n\"b\",\"-1\"\n",
    ];
    for text in table {
        assert_eq!(read(text).unwrap(), plain, "{text:?}");
    }
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(b"ImageId,EncodedPixels\na,1 2\nb,-1\n").unwrap();
    let zipped = zipped.finish().unwrap();
    assert_eq!(Submission::read(file(&zipped).path(), Size::new(4, 4)).unwrap(), plain);
    let broken = Submission::read(file(&zipped[..zipped.len() - 9]).path(), Size::new(4, 4)).unwrap_err();
    assert!(matches!(broken, SubmissionError::Read { .. }), "{broken}");
}

#[test]
fn names_the_line() {
    let table = [
        ("", "line 1: expected the columns `ImageId,EncodedPixels`, found ``"),
        ("Id,Pixels\n", "line 1: expected the columns `ImageId,EncodedPixels`, found `Id,Pixels`"),
        ("ImageId,EncodedPixels\na\n", "line 2: expected 2 fields (id, run lengths), found 1"),
        ("ImageId,EncodedPixels\na,-1\n\nb,1,2\n", "line 4: expected 2 fields (id, run lengths), found 3"),
        (
            "ImageId,EncodedPixels\r\na,-1\r\nb,\r\n",
            "line 3: expected run lengths, found none; write the empty mask as -1",
        ),
        (
            "ImageId,EncodedPixels\r\n\r\n \r\n\na,-1\r\n\r\nb,x\r\n",
            "line 7: expected offset/length pairs, found 1 number (odd)",
        ),
        ("ImageId,EncodedPixels\n,-1\n", "line 2: the image's id is empty"),
        ("ImageId,EncodedPixels\na,-1\nb,0 1 3 14\n", "line 3: run 2 ends at pixel 18, 2 past 4×4"),
    ];
    for (text, message) in table {
        assert_eq!(complaint(text), message, "{text:?}");
    }
}

#[test]
fn keeps_a_sample_order_or_says_why_not() {
    let mut submission = read("ImageId,EncodedPixels\na,-1\nb,0 1\nc,-1\n").unwrap();
    submission.order_like(&["c", "a", "b", "a"]).unwrap();
    let mut text = Vec::new();
    submission.write_to(&mut text).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), "ImageId,EncodedPixels\nc,-1\na,-1\nb,0 1\n");
    let missing = submission.order_like(&["a", "b", "c", "d", "e", "f", "g"]).unwrap_err();
    assert_eq!(missing.to_string(), "missing ids, 4 in all: `d`, `e`, `f` and 1 more");
    let extra = submission.order_like(&["a", "b"]).unwrap_err();
    assert_eq!(extra.to_string(), "unexpected ids, 1 in all: `c`");
    submission.sort();
    assert_eq!(submission.ids().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn refuses_masks_of_another_size() {
    let mut submission = Submission::new(Size::new(4, 4));
    let error = submission.insert("a", &Mask::empty(Size::new(4, 5))).unwrap_err();
    assert_eq!(error.to_string(), "the mask of `a` is 4×5, expected 4×4 as in the submission");
    assert!(submission.insert(" ", &Mask::empty(Size::new(4, 4))).is_err());
    assert!(submission.is_empty());
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taken");
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(Submission::new(Size::new(4, 4)).write(&path), Err(SubmissionError::Write { .. })));
    assert!(path.is_dir());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn scores_by_hand() {
    let truth = read("ImageId,EncodedPixels\nboth,0 4\nmissed,0 4\nnone,-1\nfalse,-1\n").unwrap();
    let answer = read("ImageId,EncodedPixels\nfalse,3 1\nnone,-1\nboth,2 4\nmissed,-1\n").unwrap();
    let score = answer.score(&truth).unwrap();
    let scores = answer.scores(&truth).unwrap();
    let dice: Vec<_> = scores.images.iter().map(|image| (image.id, image.dice)).collect();
    assert_eq!(dice, [("both", 0.5), ("missed", 0.0), ("none", 1.0), ("false", 0.0)]);
    assert_eq!(score.mean_dice, 1.5 / 4.0);
    assert_eq!(score.mean_iou, (1.0 / 3.0 + 1.0) / 4.0);
    assert_eq!(score.mean_dice_positives, Some(0.25));
    assert_eq!((score.sensitivity, score.specificity), (Some(0.5), Some(0.5)));
    let (low, high) = score.sensitivity_interval.unwrap();
    assert!((low - 0.094_53).abs() < 1e-5 && (high - 0.905_47).abs() < 1e-5, "{low} {high}");
    assert!(
        matches!(Submission::new(Size::new(4, 4)).score(&truth), Err(SubmissionError::Missing { ids }) if ids.len() == 4)
    );
    assert!(
        matches!(truth.score(&Submission::new(Size::new(4, 4))), Err(SubmissionError::Extra { ids }) if ids.len() == 4)
    );
    assert!(matches!(truth.score(&Submission::new(Size::new(2, 8))), Err(SubmissionError::Sizes { .. })));
    let nothing = Submission::new(Size::new(4, 4));
    assert!(matches!(nothing.score(&nothing), Err(SubmissionError::Nothing)));
}

#[test]
fn a_mask_without_overlap_is_found_elsewhere() {
    let truth = read("ImageId,EncodedPixels\na,0 4\nb,0 4\nc,0 4\nd,-1\n").unwrap();
    let answer = read("ImageId,EncodedPixels\na,0 4\nb,8 2\nc,-1\nd,-1\n").unwrap();
    let score = answer.score(&truth).unwrap();
    let counts = (score.true_positives, score.found_elsewhere, score.false_negatives, score.true_negatives);
    assert_eq!(counts, (1, 1, 1, 1));
    assert_eq!((score.positives, score.sensitivity, score.specificity), (3, Some(1.0 / 3.0), Some(1.0)));
    // one of one says little
    assert!(score.specificity_interval.unwrap().0 < 0.21);
    assert_eq!(truth.score(&truth).unwrap().found_elsewhere, 0);
}

#[test]
fn differences_are_counted() {
    let before = read("ImageId,EncodedPixels\na,0 4\nb,-1\nc,-1\nd,0 1\nx,-1\n").unwrap();
    let after = read("ImageId,EncodedPixels\nc,-1\na,2 2\nb,0 1\nd,-1\ny,-1\n").unwrap();
    let diff = before.diff(&after).unwrap();
    let changed: Vec<_> = diff.changed.iter().map(|c| (c.id, c.before, c.after, c.dice)).collect();
    assert_eq!(changed, [("a", 4, 2, 4.0 / 6.0), ("b", 0, 1, 0.0), ("d", 1, 0, 0.0)]);
    assert_eq!((diff.common, diff.appeared, diff.vanished), (4, 1, 1));
    assert_eq!((diff.only_before, diff.only_after), (vec!["x"], vec!["y".to_owned()]));
    assert!(before.diff(&before).unwrap().is_empty());
}
