//! `pleura data inspect`: tables, pictures and the summary.

use super::*;

#[test]
fn inspect_tells_tags_and_truth() {
    let folder = collection();
    let arguments = ["inspect", "dicom", "--truth", "truth.csv", "--size", "8x6", "--out", "out"];
    let (out, err) = run(folder.path(), 1, &arguments);
    assert!(err.contains("skipped `dicom/6.dcm`: it is not a DICOM, PNG or JPEG file"), "{err}");
    for line in [
        "truth: 6 rows, 5 ids: 3 positive (60.0 %, 95 % interval 23.1 to 88.2 %), 2 negative",
        "masks: 4; 1 ids have several, up to 2",
        "area of positives: mean 6 px (13.19 % of 8×6), median 8, 1 to 10",
        "images: 5 read, 1 skipped, of 3 patients; 4 have a row in the truth: 2 positive (50.0 %, 95 % interval 15.0 to 85.0 %)",
        "odd: 1 ages are missing or implausible; they count as unknown",
    ] {
        assert!(out.lines().any(|said| said == line), "no `{line}` in\n{out}");
    }
    let tags = table(&folder.path().join("out/tags.csv"));
    let told =
        |id: &str, columns: &[&str]| -> Vec<String> { columns.iter().map(|&name| tags[id][name].clone()).collect() };
    let columns =
        ["PatientSex", "PatientAge", "years", "ViewPosition", "BitsStored", "positive", "masks", "area", "share"];
    assert_eq!(told("a", &columns), ["F", "045Y", "45", "PA", "8", "1", "2", "10", "0.208333"]);
    assert_eq!(told("b", &columns), ["M", "6M", "0.5", "AP", "8", "0", "0", "0", "0.000000"]);
    assert_eq!(told("c", &columns), ["", "412", "", "PA", "12", "1", "1", "8", "0.166667"]);
    assert_eq!(told("e", &columns), ["F", "", "", "PA", "8", "", "", "", ""]);
    let columns = ["file", "Rows", "Columns", "Modality", "PixelSpacingRow", "PixelSpacingColumn", "TransferSyntaxUID"];
    assert_eq!(told("d", &columns), ["dicom/4.dcm", "8", "6", "DX", "0.5", "0.25", "1.2.840.10008.1.2.1"]);
    let summary = json(folder.path().join("out/summary.json"));
    assert_eq!(summary["images"]["sex"][0]["group"], "F");
    assert_eq!(
        (&summary["images"]["sex"][0]["images"], &summary["images"]["sex"][0]["with_truth"]),
        (&3.into(), &2.into())
    );
    assert_eq!(summary["images"]["sex"][0]["area"]["mean"], 10.0);
    assert_eq!(summary["images"]["age"][0]["group"], "00-09");
    assert_eq!(summary["images"]["view"][2]["group"], "unknown");
}

#[test]
fn inspect_tells_no_patient_unless_asked_to() {
    let folder = collection();
    run(folder.path(), 1, &["inspect", "dicom", "--out", "out"]);
    for file in fs::read_dir(folder.path().join("out")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("Doe") && !text.contains("p1"), "{}", path.display());
    }
    run(folder.path(), 1, &["inspect", "dicom", "--out", "out", "--patient"]);
    let tags = table(&folder.path().join("out/tags.csv"));
    assert_eq!((tags["c"]["PatientID"].as_str(), tags["c"]["PatientName"].as_str()), ("p1", "Doe^Jane"));
    assert_eq!(tags["e"]["PatientID"], "");
}

#[test]
fn inspect_draws_what_there_is_to_draw() {
    let folder = collection();
    let pictures = |out: &str| -> Vec<String> {
        let names = fs::read_dir(folder.path().join(out)).unwrap().map(|file| file.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".svg"));
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    run(folder.path(), 1, &["inspect", "dicom", "--truth", "truth.csv", "--size", "8x6", "--out", "out"]);
    assert_eq!(pictures("out"), ["ages.svg", "areas.svg", "heatmap.svg", "mosaic.svg", "positives.svg"]);
    let read = |name: &str| fs::read_to_string(folder.path().join("out").join(name)).unwrap();
    // four tags, one of which is not an age
    assert!(read("ages.svg").contains("Ages of patients, 3 images"), "{}", read("ages.svg"));
    assert!(read("ages.svg").contains("45 to 49 years, mask: 1<"), "{}", read("ages.svg"));
    assert!(read("positives.svg").contains(">1 of 1<"), "{}", read("positives.svg"));
    assert!(read("heatmap.svg").contains("Where the masks of 3 images lie"), "{}", read("heatmap.svg"));
    let mosaic = read("mosaic.svg");
    assert_eq!(mosaic.matches("<image ").count(), 5);
    assert!(mosaic.contains(">F, 45 years, PA<") && mosaic.contains(">2 masks, 10 px (20.83 %)<"), "{mosaic}");
    assert!(mosaic.contains(">M, 6 months, AP<"), "{mosaic}");
    // pictures that the next run cannot draw are removed
    run(folder.path(), 0, &["inspect", "--truth", "truth.csv", "--size", "8x6", "--out", "out"]);
    assert_eq!(pictures("out"), ["areas.svg", "heatmap.svg"]);
    // PNG files have no tags; what is a mask of one has its id below
    let id = "1.2.826.0.1.3680043.2.1143.6455556726214900995651753669640998622";
    image::GrayImage::new(6, 8).save(folder.path().join(format!("{id}.png"))).unwrap();
    fs::write(folder.path().join("one.csv"), format!("ImageId,EncodedPixels\n{id},0 4\n")).unwrap();
    let png = format!("{id}.png");
    let (out, _) = run(folder.path(), 0, &["inspect", &png, "--truth", "one.csv", "--size", "8x6", "--out", "out"]);
    assert_eq!(pictures("out"), ["areas.svg", "heatmap.svg", "mosaic.svg"]);
    assert!(read("mosaic.svg").contains(">…726214900995651753669640998622<"), "{}", read("mosaic.svg"));
    assert!(out.ends_with("BitsStored: 8 (1)\nsize: 8x6 (1)\n"), "{out}");
    run(folder.path(), 1, &["inspect", "dicom", "--out", "tags", "--tags-only"]);
    assert_eq!(pictures("tags"), [""; 0]);
}

#[test]
fn inspect_refuses_what_does_not_fit() {
    let folder = collection();
    let (_, err) = run(folder.path(), 2, &["inspect", "--out", "out"]);
    assert!(err.contains("required") && err.contains("INPUTS"), "{err}");
    let (_, err) = run(folder.path(), 2, &["inspect", "dicom/6.dcm", "--out", "out"]);
    assert!(err.contains("all 1 inputs were skipped"), "{err}");
    let (_, err) =
        run(folder.path(), 2, &["inspect", "dicom/5.dcm", "--truth", "truth.csv", "--size", "8x6", "--out", "o"]);
    assert!(err.contains("none of the 1 images has a row in `truth.csv`: an image is `e`, a row `a`"), "{err}");
    let (_, err) = run(folder.path(), 2, &["inspect", "--truth", "truth.csv", "--size", "4x4", "--out", "o"]);
    assert!(err.contains("`truth.csv`: line 5: run 1 ends at pixel 48, 32 past 4×4"), "{err}");
    assert!(!folder.path().join("o").exists());
}
