//! `pleura data split`: folds.

use super::*;

#[test]
fn split_is_balanced_and_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    // of 40 images every fourth is positive, the i-th with i pixels; each patient has two images
    let row = |i: usize| if i.is_multiple_of(4) { format!("i{i},0 {}\n", i + 1) } else { format!("i{i},-1\n") };
    let truth: String = (0..40).map(row).collect();
    fs::write(folder.path().join("truth.csv"), format!("ImageId,EncodedPixels\n{truth}")).unwrap();
    let patients: String = (0..40).map(|i| format!("i{i},p{}\n", i / 2)).collect();
    fs::write(folder.path().join("patients.csv"), format!("ImageId,PatientID\n{patients}")).unwrap();
    let split = |out: &str, options: &[&str]| {
        run(folder.path(), 0, &[&["split", "truth.csv", "--size", "8x6", "--out", out][..], options].concat()).0
    };
    let table = split("folds.csv", &["--folds", "5", "--patients", "patients.csv"]);
    let expected = "fold    images  patients  positives    share  mean area of positives\n";
    assert!(table.starts_with(expected) && table.lines().count() == 7, "{table}");
    for line in table.lines().skip(1).take(5) {
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[1..4], ["8", "4", "2"], "{table}");
        // the mean of all is 19: no fold is further from it than the areas' distance of 4
        assert!((15.0..=23.0).contains(&words[6].parse().unwrap()), "{table}");
    }
    let folds = fs::read_to_string(folder.path().join("folds.csv")).unwrap();
    assert!(folds.starts_with("ImageId,fold\ni0,"), "{folds}");
    let of: Vec<&str> = folds.lines().skip(1).map(|line| line.split_once(',').unwrap().1).collect();
    assert!(of.chunks(2).all(|patient| patient[0] == patient[1]), "{folds}");
    split("again.csv", &["--patients", "patients.csv"]);
    assert_eq!(fs::read_to_string(folder.path().join("again.csv")).unwrap(), folds);
    split("other.csv", &["--patients", "patients.csv", "--seed", "1"]);
    assert_ne!(fs::read_to_string(folder.path().join("other.csv")).unwrap(), folds);
    let (_, err) = run(folder.path(), 2, &["split", "truth.csv", "--size", "8x6", "--out", "x.csv", "--folds", "50"]);
    assert!(err.contains("40 images cannot fill 50 folds"), "{err}");
    let partial = ["split", "truth.csv", "--size", "8x6", "--out", "x.csv", "--patients", "few.csv"];
    fs::write(folder.path().join("few.csv"), "ImageId,PatientID\ni0,p\n").unwrap();
    assert!(
        run(folder.path(), 2, &partial).1.contains("`few.csv` has no `PatientID` for `i1`, `i2`, `i3` and 36 more")
    );
}

#[test]
fn split_takes_patients_from_dicom() {
    let folder = collection();
    let arguments = ["split", "truth.csv", "--size", "8x6", "--folds", "2", "--out", "folds.csv", "--images", "dicom"];
    let (out, err) = run(folder.path(), 1, &arguments);
    for said in ["skipped `dicom/6.dcm`", "`e` has no row in `truth.csv`", "1 images of the truth have no file"] {
        assert!(err.contains(said), "no {said} in {err}");
    }
    assert!(out.ends_with("all          4         3          2   50.0 %          9 px\n"), "{out}");
    let folds = table(&folder.path().join("folds.csv"));
    assert_eq!(folds.keys().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    assert_eq!(folds["a"]["fold"], folds["c"]["fold"]);
    assert_ne!(folds["a"]["fold"], folds["b"]["fold"]);
}

#[test]
fn a_recipe_takes_the_folds() {
    let folder = collection();
    // without `e`, which the truth lacks, and the file that is not an image
    let files = ["dicom/1.dcm", "dicom/2.dcm", "dicom/3.dcm", "dicom/4.dcm"];
    let split = ["split", "truth.csv", "--size", "8x6", "--folds", "2", "--out", "folds.csv", "--images"];
    run(folder.path(), 0, &[&split[..], &files].concat());
    let data = format!("images = {files:?}\ntruth = {{ kind = 'rle', csv = 'truth.csv' }}");
    let dataset = pleura_train::data::Dataset::open(folder.path(), &toml::from_str(&data).unwrap()).unwrap();
    let folds = toml::from_str("count = 2\ncsv = 'folds.csv'").unwrap();
    let division = Division::open(folder.path(), &folds, dataset.items(), false).unwrap();
    let written = table(&folder.path().join("folds.csv"));
    for (item, fold) in dataset.items().iter().zip(division.folds()) {
        assert_eq!(written[&item.id]["fold"], fold.to_string());
    }
}
