//! Other competitions' run lengths, and files that are nearly SIIM's.

use proptest::prelude::*;

use super::tests::{file, masks, read};
use super::*;

proptest! {
    #[test]
    fn every_mask_survives_absolute_positions(mask in masks()) {
        let runs = Runs::from(&mask);
        prop_assert_eq!(Runs::decode_absolute(&runs.encode_absolute(), mask.size()), Ok(runs));
    }
}

fn read_as(text: &str, convention: Convention) -> Result<Submission, SubmissionError> {
    Submission::read_as(file(text.as_bytes()).path(), convention, Some(Size::new(4, 4)))
}

#[test]
fn absolute_positions_count_from_one_and_ascend() {
    assert_eq!(Runs::decode_absolute("1 2 16 1", Size::new(4, 4)).unwrap().ranges(), [(0, 2), (15, 16)]);
    assert_eq!(Runs::decode_absolute("1 2 3 2", Size::new(4, 4)).unwrap().ranges(), [(0, 4)]);
    assert!(
        Runs::decode_absolute(" ", Size::new(4, 4)).unwrap().is_empty()
            && Runs::decode_absolute("-1", Size::new(4, 4)).unwrap().is_empty()
    );
    for (text, message) in [
        ("0 2", "run 1 starts at 0, but absolute positions count from 1"),
        ("5 3 7 1", "run 2 starts at 7, but the previous run ends at 7: "),
        ("16 2", "run 1 ends at pixel 17, 1 past 4×4"),
        ("3", "expected offset/length pairs, found 1 number (odd)"),
    ] {
        let said = Runs::decode_absolute(text, Size::new(4, 4)).unwrap_err().to_string();
        assert!(said.starts_with(message), "{text}: {said}");
    }
}

#[test]
fn each_convention_has_its_columns_and_is_written_as_it_is_read() {
    use Convention::{Airbus, Clouds, Hubmap, Severstal, SeverstalColumn};
    let table = [
        (Airbus, "ImageId,EncodedPixels\na.jpg,1 2\nb.jpg,\n", vec![("a.jpg", vec![(0, 2)]), ("b.jpg", vec![])]),
        (
            Severstal,
            "ImageId_ClassId,EncodedPixels\na.jpg_1,1 2\na.jpg_2,\n",
            vec![("a.jpg_1", vec![(0, 2)]), ("a.jpg_2", vec![])],
        ),
        (
            SeverstalColumn,
            "ImageId,ClassId,EncodedPixels\na_b.jpg,1,1 2\na_b.jpg,3,5 1\n",
            vec![("a_b.jpg_1", vec![(0, 2)]), ("a_b.jpg_3", vec![(4, 5)])],
        ),
        (Clouds, "Image_Label,EncodedPixels\na.jpg_Fish,1 2 5 3\n", vec![("a.jpg_Fish", vec![(0, 2), (4, 7)])]),
        (Hubmap, "id,rle\nx,1 5\n", vec![("x", vec![(0, 5)])]),
    ];
    for (convention, text, expected) in table {
        let read = read_as(text, convention).unwrap();
        let found: Vec<_> = read.iter().map(|(id, runs)| (id, runs.ranges().to_vec())).collect();
        assert_eq!(found, expected, "{convention}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        read.write_as(&path, convention).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), text, "{convention}");
        // other readers refuse it by name
        let siim = super::tests::read(text);
        let message = crate::chain(&siim.unwrap_err());
        assert!(convention == Airbus || message.contains(convention.title()), "{convention}: {message}");
    }
    let other = read_as("EncodedPixels,ImageId,ClassId\n1 2,a.jpg,4\n", Severstal).unwrap();
    assert_eq!(other.ids().collect::<Vec<_>>(), ["a.jpg_4"]);
    let kidney = read_as("id,encoding\nx,1 5\nx,7 1\n", Hubmap).unwrap();
    assert_eq!(kidney.runs("x").unwrap().ranges(), [(0, 5), (6, 7)]);
}

#[test]
fn classes_are_chosen_joined_and_not_forgotten() {
    let read = read_as("ImageId,ClassId,EncodedPixels\na,1,1 2\na,3,2 2\nb,3,9 1\n", Convention::Severstal).unwrap();
    let of = |class: Option<&str>| {
        let chosen = read.of_class(Convention::Severstal, class).unwrap();
        chosen.iter().map(|(id, runs)| (id.to_owned(), runs.area())).collect::<Vec<_>>()
    };
    let pair = |id: &str, area| (id.to_owned(), area);
    assert_eq!(of(Some("1")), [pair("a", 2), pair("b", 0)]);
    assert_eq!(of(Some("3")), [pair("a", 2), pair("b", 1)]);
    assert_eq!(of(None), [pair("a", 3), pair("b", 1)]);
    let folder = tempfile::tempdir().unwrap();
    let error = super::tests::read("ImageId,EncodedPixels\nID_00f,-1\n").unwrap();
    let error = error.write_as(folder.path().join("x.csv"), Convention::Severstal).unwrap_err();
    assert_eq!(error.to_string(), "expected an id NAME_CLASS, as Severstal has it, found `ID_00f`");
    assert!(!folder.path().join("x.csv").exists());
    let error = read_as("ImageId_ClassId,EncodedPixels\na.jpg,1 2\n", Convention::Severstal).unwrap_err();
    assert!(crate::chain(&error).ends_with("line 2: `a.jpg` has no class"), "{error}");
}

#[test]
fn other_columns_are_called_what_they_are() {
    for (text, hint) in [
        ("EncodedPixels,ImageId\n0 5,x\n", "the columns are in the wrong order: swap them"),
        ("ImageId;EncodedPixels\nx;0 5\n", "write commas for the semicolons"),
        ("ImageId\tEncodedPixels\nx\t0 5\n", "write commas for the tabs"),
        ("id,rle\nx,1 5\n", "these are the columns of HuBMAP: `pleura data convert rle --from hubmap`"),
        ("Image_Label,EncodedPixels\n", "--from clouds`"),
    ] {
        let message = crate::chain(&read(text).unwrap_err());
        assert!(message.contains("line 1: expected the columns `ImageId,EncodedPixels`, found `"), "{message}");
        assert!(message.contains(hint), "{text:?}: {message}");
    }
    let message = crate::chain(&read_as("ImageId_ClassId,EncodedPixels\n", Convention::Clouds).unwrap_err());
    assert!(message.contains("expected the columns `Image_Label,EncodedPixels`"), "{message}");
    assert!(message.contains("the columns of Severstal: `--from severstal` reads them"), "{message}");
}

fn rows(text: &str) -> (Vec<Result<Runs, String>>, Vec<String>) {
    let file = file(text.as_bytes());
    let mut rows = Rows::open(file.path(), Size::new(32, 32)).unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next_row() {
        all.push(row.unwrap().runs.map_err(|error| error.to_string()));
    }
    (all, rows.remarks())
}

#[test]
fn a_quoted_blank_is_an_empty_mask_and_a_bare_one_is_not() {
    let (runs, remarks) = rows("ImageId,EncodedPixels\nx,\"0 5\"\ny,\"\"\n\nz, \"\" \r\nlast,\"\"");
    assert!(runs[1..].iter().all(|runs| runs.as_ref().is_ok_and(Runs::is_empty)), "{runs:?}");
    assert!(
        remarks.len() == 1 && remarks[0].contains("3 rows have, the first in line 3, \"\" for -1: "),
        "{remarks:?}"
    );
    let (runs, remarks) = rows("ImageId,EncodedPixels\n\"x\",\ny,  \n\"\"\"\",\n");
    assert!(runs.iter().all(Result::is_err) && remarks.is_empty(), "{runs:?} {remarks:?}");
    // more than the reader buffers at once
    let many: String =
        (0..20_000).map(|number| format!("i{number},{}\n", if number % 2 == 0 { "\"\"" } else { "" })).collect();
    let (runs, remarks) = rows(&format!("\u{feff}ImageId,EncodedPixels\n{many}"));
    assert!(runs.iter().enumerate().all(|(number, runs)| runs.is_ok() == (number % 2 == 0)));
    assert!(remarks[0].contains("10000 rows"), "{remarks:?}");
}

#[test]
fn a_blank_among_absolute_positions_is_told_as_such() {
    let (runs, _) = rows("ImageId,EncodedPixels\nb.jpg,\na.jpg,5 3 773 4\n");
    let message = runs[0].as_ref().unwrap_err();
    assert!(message.contains("look absolute: Airbus") && message.contains("--from"), "{message}");
    let (runs, _) = rows("ImageId,EncodedPixels\nb.jpg,\na.jpg,5 3 2 4\n");
    assert_eq!(runs[0].as_ref().unwrap_err(), "expected run lengths, found none; write the empty mask as -1");
    let (_, remarks) = rows("ImageId,EncodedPixels\na,5 3 40 4 100 9\nb,-1\n");
    assert!(remarks.len() == 1 && remarks[0].contains("are valid as absolute positions"), "{remarks:?}");
    let (_, remarks) = rows("ImageId,EncodedPixels\na,5 3 40 4 100 9\nb,5 3 29 4 28 4\n");
    assert!(remarks.is_empty(), "{remarks:?}");
}

#[test]
fn pandas_index_is_passed_over_with_a_remark() {
    let (runs, remarks) = rows(",ImageId,EncodedPixels\n0,x,0 5\n1,y,\"\"\n");
    assert_eq!(runs.iter().map(|runs| runs.as_ref().unwrap().area()).collect::<Vec<_>>(), [5, 0]);
    assert!(remarks.len() == 2 && remarks[0].contains("pandas' index"), "{remarks:?}");
    let message = crate::chain(&read("Unnamed: 0,ImageId,EncodedPixels\n0,x\n").unwrap_err());
    assert!(message.ends_with("line 2: expected 2 fields (id, run lengths), found 1"), "{message}");
}

#[test]
fn a_submission_has_one_row_an_image() {
    let twice = file(b"ImageId,EncodedPixels\nx,0 5 0 5\ny,-1\nx,20 5\n");
    assert_eq!(Submission::read(twice.path(), Size::new(8, 8)).unwrap().runs("x").unwrap().area(), 15);
    let message = crate::chain(&Submission::read_single(twice.path(), Size::new(8, 8)).unwrap_err());
    assert!(message.contains("line 4: `x` already has a row, line 2: expected one row per image"), "{message}");
    let options = CheckOptions { size: Size::new(8, 8), sample: None, subset: false };
    let report = check(twice.path(), options).unwrap();
    assert_eq!((report.rows, report.images, report.positives, report.problems.len()), (3, 2, 1, 1));
}

#[test]
fn a_subset_is_scored_and_checked_by_its_own_images() {
    let truth = read("ImageId,EncodedPixels\na,0 4\nb,-1\nc,0 4\n").unwrap();
    let some = read("ImageId,EncodedPixels\nc,2 4\n").unwrap();
    let score = some.score_subset(&truth).unwrap();
    assert_eq!((score.images, score.unanswered, score.mean_dice), (1, 2, 0.5));
    assert!(matches!(some.score(&truth), Err(SubmissionError::Missing { ids }) if ids == ["a", "b"]));
    let other = read("ImageId,EncodedPixels\nx,-1\n").unwrap();
    assert!(matches!(other.score_subset(&truth), Err(SubmissionError::Extra { .. })));
    assert!(matches!(Submission::new(Size::new(4, 4)).score_subset(&truth), Err(SubmissionError::Nothing)));
    let (mine, sample) =
        (file(b"ImageId,EncodedPixels\nc,-1\na,-1\n"), file(b"ImageId,EncodedPixels\na,-1\nb,-1\nc,-1\n"));
    let options = CheckOptions { size: Size::new(4, 4), sample: Some(sample.path()), subset: true };
    let report = check(mine.path(), options).unwrap();
    assert_eq!((report.problems.len(), report.unanswered, report.in_sample_order), (0, 1, Some(false)));
    let report = check(mine.path(), CheckOptions { subset: false, ..options }).unwrap();
    assert_eq!((report.problems.len(), report.unanswered), (1, 0));
}
