use std::io::Write;

use super::super::testing::{self, png};
use super::*;
use pleura::Size;

fn masks(absent_is_empty: bool) -> Truth {
    Truth::Masks { folder: "masks".into(), absent_is_empty }
}

fn rle(size: Option<[u32; 2]>, absent_is_empty: bool) -> Truth {
    Truth::Rle { csv: "truth.csv".into(), size, absent_is_empty }
}

fn data(truth: Truth) -> Data {
    let text = "images = ['images']\ntruth = { kind = 'rle', csv = 'truth.csv' }";
    Data { truth, ..toml::from_str(text).unwrap() }
}

/// A folder with images `a`, `b` and `c`, 4×6 each.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        png(&folder.path().join(format!("images/{name}.png")), (4, 6), |row, column| (row * 6 + column) as u8);
    }
    folder
}

fn mask(folder: &Path, name: &str, white: u8) {
    png(&folder.join(format!("masks/{name}.png")), (4, 6), |row, _| if row < 2 { white } else { 0 });
}

fn message(folder: &Path, data: &Data) -> String {
    pleura::chain(&Dataset::open(folder, data).unwrap_err())
}

fn summary(data: &Dataset) -> Vec<(&str, bool, f32)> {
    data.items().iter().map(|item| (item.id.as_str(), item.label, item.area)).collect()
}

#[test]
fn masks_are_found_by_stem() {
    let folder = folder();
    mask(folder.path(), "a", 255);
    mask(folder.path(), "b", 0);
    mask(folder.path(), "c", 128); // just above half
    let data = Dataset::open(folder.path(), &data(masks(false))).unwrap();
    assert_eq!(summary(&data), [("a", true, 0.5), ("b", false, 0.0), ("c", true, 0.5)]);
    assert_eq!((data.positives(), data.remarks().len()), (2, 0));
    let sample = data.prepared(0, Size::new(2, 3)).unwrap();
    assert_eq!(sample.mask, ndarray::array![[1, 1, 1], [0, 0, 0]]);
}

#[test]
fn what_is_wrong_with_masks_is_listed_at_once() {
    let folder = folder();
    let root = folder.path();
    mask(root, "a", 1);
    png(&root.join("masks/b.png"), (4, 5), |_, _| 255);
    mask(root, "d", 255);
    mask(root, "more/d", 255);
    std::fs::write(root.join("images/e.png"), "no image").unwrap();
    std::fs::write(root.join("masks/f.png"), "no mask").unwrap();
    png(&root.join("images/f.png"), (4, 6), |_, _| 0);
    png(&root.join("images/more/b.png"), (4, 6), |_, _| 0);
    let text = message(root, &data(masks(false)));
    let path = |name: &str| root.join(name).display().to_string();
    let expected = [
        "8 problems with the data:".to_owned(),
        format!("`{}` is not a DICOM, PNG or JPEG file", path("images/e.png")),
        format!("`{}` and `{}` are both image `b`: leave one out", path("images/b.png"), path("images/more/b.png")),
        format!("`{}` and `{}` have the same stem", path("masks/d.png"), path("masks/more/d.png")),
        format!("image `c` (`{}`) has no mask in `{}`", path("images/c.png"), path("masks")),
        format!("mask `{}` has no image with the same stem", path("masks/d.png")),
        format!("mask `{}` has no pixel above half of its range (1 at most, of 255)", path("masks/a.png")),
        format!("mask `{}` is 4×5, but its image is 4×6", path("masks/b.png")),
        format!("`{}` is not a DICOM, PNG or JPEG file", path("masks/f.png")),
    ];
    for expected in &expected {
        assert!(text.contains(expected), "no {expected}\nin {text}");
    }
    assert_eq!(text.lines().count(), expected.len(), "{text}");
}

#[test]
fn long_lists_end_with_a_count() {
    let folder = folder();
    mask(folder.path(), "a", 255);
    for number in 0..30 {
        png(&folder.path().join(format!("images/x{number}.png")), (2, 2), |_, _| 0);
    }
    let text = message(folder.path(), &data(masks(false)));
    assert!(text.starts_with("32 problems with the data:") && text.ends_with("\n  and 12 more"), "{text}");
    assert_eq!(text.lines().count(), 22);
    let data = Dataset::open(folder.path(), &data(masks(true))).unwrap();
    assert_eq!((data.items().len(), data.positives()), (33, 1));
}

#[test]
fn rows_of_runs_are_united() {
    let folder = folder();
    // down the columns of 4: the first, and the first half of the second; `c` has the same row twice
    let text = "ImageId, EncodedPixels\nz,-1\na, 0 4\na, 2 4\nb,-1\nc,0 1\nc,0 1\n";
    let data = data(rle(None, false));
    let open = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        Dataset::open(folder.path(), &data).unwrap()
    };
    let plain = open("truth.csv", text.as_bytes());
    assert_eq!(summary(&plain), [("a", true, 0.25), ("b", false, 0.0), ("c", true, 1.0 / 24.0)]);
    let remark = format!("`{}` has rows for 1 images without a file", folder.path().join("truth.csv").display());
    assert_eq!(plain.remarks(), [remark]);
    let expected = ndarray::Array2::from_shape_fn((4, 6), |(row, column)| u8::from(column * 4 + row < 6));
    assert_eq!(plain.prepared(0, Size::new(4, 6)).unwrap().mask, expected);

    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(text.as_bytes()).unwrap();
    assert_eq!(summary(&open("truth.csv", &zipped.finish().unwrap())), summary(&plain));
}

#[test]
fn runs_are_of_the_size_declared() {
    let folder = folder();
    std::fs::write(folder.path().join("truth.csv"), "ImageId,EncodedPixels\na,0 48\n").unwrap();
    let text = message(folder.path(), &data(rle(None, true)));
    assert!(text.contains("the runs of `a` end at pixel 48, past 4×6: set `size`"), "{text}");
    let data = Dataset::open(folder.path(), &data(rle(Some([8, 12]), true))).unwrap();
    assert_eq!(summary(&data)[0], ("a", true, 0.5));
    let mask = &data.prepared(0, Size::new(4, 6)).unwrap().mask;
    assert_eq!(*mask, ndarray::Array2::from_shape_fn((4, 6), |(_, column)| u8::from(column < 3)));
}

#[test]
fn what_is_wrong_with_runs_is_listed_at_once() {
    let folder = folder();
    std::fs::write(folder.path().join("truth.csv"), "ImageId,EncodedPixels\na,0 4 1\nb,5 99\nd,x 1\n,1 2\n").unwrap();
    let text = message(folder.path(), &data(rle(None, false)));
    for expected in [
        "5 problems",
        "line 2: expected offset/length pairs, found 3 numbers (odd)",
        "line 4: run 1: `x` is not a number",
        "line 5: the image's id is empty",
        "the runs of `b` end at pixel 104, past 4×6",
        "image `c` (`",
    ] {
        assert!(text.contains(expected), "no {expected}\nin {text}");
    }
}

#[test]
fn truth_of_other_images_is_an_error_even_where_absent_ones_are_empty() {
    let folder = folder();
    let csv = folder.path().join("truth.csv");
    let truth = data(rle(None, true));
    for (rows, expected) in [
        ("ImageId,EncodedPixels\nx.dcm,-1\n", "none of the 3 images has a row in `"),
        ("ImageId,EncodedPixels\n", "has no rows"),
        ("ImageId,Pixels\n", "expected the columns `ImageId,EncodedPixels`, found `ImageId,Pixels`"),
    ] {
        std::fs::write(&csv, rows).unwrap();
        let text = message(folder.path(), &truth);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn only_positives() {
    let folder = folder();
    let csv = folder.path().join("truth.csv");
    let recipe = Data { positives_only: true, ..data(rle(None, true)) };
    std::fs::write(&csv, "ImageId,EncodedPixels\na,-1\nc,0 1\n").unwrap();
    assert_eq!(summary(&Dataset::open(folder.path(), &recipe).unwrap()), [("c", true, 1.0 / 24.0)]);
    std::fs::write(&csv, "ImageId,EncodedPixels\na,-1\n").unwrap();
    assert!(message(folder.path(), &recipe).starts_with("none of the 3 images has a mask that is not empty"));
}

#[test]
fn images_are_found_relative_to_the_recipe() {
    let outer = tempfile::tempdir().unwrap();
    // its name is a glob that does not match itself
    let folder = outer.path().join("old [1]");
    for name in ["a", "b"] {
        png(&folder.join(format!("images/{name}.png")), (4, 6), |_, _| 0);
    }
    std::fs::write(folder.join("truth.csv"), "ImageId,EncodedPixels\na,-1\n").unwrap();
    let recipe = Data { images: vec!["images/a*.png".into()], ..data(rle(None, false)) };
    assert_eq!(Dataset::open(&folder, &recipe).unwrap().items().len(), 1);
    let recipe = Data { images: vec!["none".into()], ..recipe };
    let text = message(&folder, &recipe);
    assert!(text.contains("old [1]/none`"), "{text}");
}

#[test]
fn a_file_that_changes_is_an_error() {
    let folder = folder();
    std::fs::write(folder.path().join("truth.csv"), "ImageId,EncodedPixels\na,-1\n").unwrap();
    let data = Dataset::open(folder.path(), &data(rle(None, true))).unwrap();
    png(&folder.path().join("images/a.png"), (5, 6), |_, _| 0);
    let text = data.prepared(0, Size::new(4, 6)).unwrap_err().to_string();
    assert!(text.ends_with("was 4×6 when the training began, but is 5×6 now"), "{text}");
    assert!(data.prepared(1, Size::new(4, 6)).is_ok());
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn siim_opens() {
    let shared = testing::data();
    let truth = Truth::Rle { csv: "train_dicom/train-rle-subset.csv".into(), size: None, absent_is_empty: false };
    let recipe = Data { images: vec!["train_dicom".into()], ..data(truth) };
    let subset = Dataset::open(&shared.join("siim"), &recipe).unwrap();
    assert_eq!((subset.items().len(), subset.positives(), subset.remarks().len()), (38, 10, 0));
    let truth = Truth::Rle { csv: "train-rle.csv.gz".into(), size: None, absent_is_empty: false };
    let whole = Dataset::open(&shared.join("siim"), &Data { truth, ..recipe }).unwrap();
    assert_eq!(summary(&whole), summary(&subset));
    assert!(whole.remarks()[0].ends_with("has rows for 12009 images without a file"), "{:?}", whole.remarks());
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn lungs_open() {
    let shared = testing::data();
    let data = Dataset::open(&shared.join("lungs"), &data(masks(false))).unwrap();
    assert_eq!((data.items().len(), data.positives()), (93, 93));
    assert!(data.items().iter().all(|item| item.area > 0.05 && item.area < 0.8 && item.size == Size::new(512, 512)));
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn glances_agree_with_what_is_decoded() {
    let shared = testing::data();
    let folders = ["dicom", "siim/train_dicom", "lungs/images"].map(|name| shared.join(name));
    let mut decoded = 0;
    for file in radiograph::find(&folders).unwrap() {
        // a file without a grey image may still have a header
        if let Ok(radiograph) = pleura::Radiograph::open(&file) {
            let glance = ImageHeader::open(&file).unwrap();
            assert_eq!((glance.id.as_str(), glance.size), (radiograph.id(), radiograph.size()), "{}", file.display());
            decoded += 1;
        }
    }
    assert!(decoded > 140, "{decoded}");
}
