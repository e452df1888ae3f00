//! The competition's own data.

use super::*;
use pleura::Size;

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn the_whole_truth_counts_as_it_should() {
    let siim = support::data().join("siim");
    let folder = tempfile::tempdir().unwrap();
    let truth = siim.join("train-rle.csv.gz");
    let (out, _) = run(folder.path(), 0, &["inspect", "--truth", truth.to_str().unwrap(), "--out", "out"]);
    assert!(
        out.starts_with(
            "truth: 12954 rows, 12047 ids: 2669 positive (22.2 %, 95 % interval 21.4 to 22.9 %), 9378 negative\n"
        ),
        "{out}"
    );
    let summary = json(folder.path().join("out/summary.json"));
    assert_eq!((&summary["truth"]["masks"], &summary["truth"]["ids_with_several_masks"]), (&3576.into(), &624.into()));
    let (out, _) = run(folder.path(), 0, &["split", truth.to_str().unwrap(), "--folds", "5", "--out", "folds.csv"]);
    for line in out.lines().skip(1).take(5) {
        let words: Vec<_> = line.split_whitespace().collect();
        assert!(["2409", "2410"].contains(&words[1]) && ["533", "534"].contains(&words[3]), "{out}");
    }
}

/// The tags agree with the folder's own table.
#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn real_tags_are_those_of_the_labels() {
    let siim = support::data().join("siim");
    let folder = tempfile::tempdir().unwrap();
    let (dicom, truth) = (siim.join("train_dicom"), siim.join("train-rle.csv.gz"));
    let arguments = ["inspect", dicom.to_str().unwrap(), "--truth", truth.to_str().unwrap(), "--out", "out"];
    let (out, _) = run(folder.path(), 0, &arguments);
    assert!(
        out.contains("images: 38 read, 0 skipped, of 38 patients; 38 have a row in the truth: 10 positive"),
        "{out}"
    );
    let tags = table(&folder.path().join("out/tags.csv"));
    let mut labels = csv::Reader::from_path(dicom.join("labels.csv")).unwrap();
    let mut compared = 0;
    for label in labels.deserialize() {
        let label: BTreeMap<String, String> = label.unwrap();
        let tags = &tags[&label["sop_instance_uid"]];
        for (theirs, ours) in [
            ("pneumothorax", "positive"),
            ("mask_pixels", "area"),
            ("n_annotations", "masks"),
            ("view", "ViewPosition"),
            ("sex", "PatientSex"),
            ("age", "years"),
        ] {
            assert_eq!(label[theirs], tags[ours], "{theirs} of {}", label["sop_instance_uid"]);
        }
        compared += 1;
    }
    assert_eq!(compared, 38);
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn real_masks_survive_the_way_to_png_and_back() {
    let siim = support::data().join("siim");
    let folder = tempfile::tempdir().unwrap();
    let truth = Submission::read(siim.join("train-rle.csv.gz"), Size::new(1024, 1024)).unwrap();
    // every hundredth positive, and as many negatives
    let (positives, others): (Vec<_>, Vec<_>) = truth.iter().partition(|(_, runs)| !runs.is_empty());
    let some = positives.iter().step_by(100).chain(others.iter().step_by(400));
    let text: String = some.map(|(id, runs)| format!("{id},{}\n", runs.encode())).collect();
    fs::write(folder.path().join("some.csv"), format!("ImageId,EncodedPixels\n{text}")).unwrap();
    run(folder.path(), 0, &["convert", "masks", "some.csv", "--out", "masks"]);
    run(folder.path(), 0, &["convert", "rle", "masks", "--out", "back.csv", "--sample", "some.csv"]);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("some.csv").lines().count(), 1 + 27 + 24);
    assert_eq!(read("some.csv"), read("back.csv"));
}
