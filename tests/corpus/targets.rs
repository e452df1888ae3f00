//! Fuzz targets: `engine/fuzz` looks for bytes that break them, `tests/corpus.rs` replays those that once did, and
//! others of every kind. A target panics if a check fails.

use std::fs;
use std::path::Path;

use pleura::manifest::{self, Lint, Manifest};
use pleura::plugin;
use pleura::radiograph::{ImageHeader, Tags};
use pleura::submission::{Rows, Runs, Submission, read_ids};
use pleura::{Radiograph, Size};

/// A target's name, which its corpus shares, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
#[allow(dead_code, reason = "each fuzz target takes one")]
pub const TARGETS: [Target; 5] =
    [("manifest", manifest), ("rle", rle), ("csv", csv), ("plugin_table", plugin_table), ("dicom", dicom)];

/// A manifest's text: every problem is reported without a panic; an accepted manifest can be written and read again.
pub fn manifest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let path = Path::new("ensemble.toml");
    let lint: manifest::Lint = Lint::of_text(text, path);
    for diagnostic in &lint.diagnostics {
        assert!(diagnostic.line >= 1 && diagnostic.column >= 1, "{diagnostic}");
    }
    let has_errors = lint.has_errors();
    match Manifest::parse(text, path) {
        Ok(manifest) => {
            assert!(!has_errors, "accepted with errors");
            for (key, _) in manifest.files() {
                assert!(lint.locations.locate(&key).1 >= 1, "{key}");
            }
            let again = serde_json::to_value(&manifest).expect("a manifest is a tree");
            let again: Manifest = serde_json::from_value(again).expect("and can be read again");
            assert_eq!(again, manifest);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Run lengths of an image whose size is in the first two bytes: accepted ones fit the image, and survive a round trip.
pub fn rle(bytes: &[u8]) {
    let [height, width, text @ ..] = bytes else { return };
    let size = Size::new(usize::from(*height) + 1, usize::from(*width) + 1);
    let Ok(text) = std::str::from_utf8(text) else { return };
    // Numbers may be of any size if the image's size is unlimited.
    let _ = Runs::decode(text, Size::new(usize::MAX, usize::MAX));
    let Ok(runs) = Runs::decode(text, size) else { return };
    assert!(runs.area() <= size.area());
    let written = runs.encode();
    assert_eq!(Runs::decode(&written, size).as_ref(), Ok(&runs), "{written}");
    let mask = runs.to_mask(size);
    assert_eq!((mask.area(), Runs::from(&mask)), (runs.area(), runs));
}

/// A submission's file: reading its rows ends, each has its line, and accepted rows survive being written.
pub fn csv(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, copy) = (folder.path().join("in.csv"), folder.path().join("out.csv"));
    fs::write(&path, bytes).expect("a temporary file");
    let size = Size::new(64, 48);
    if let Ok(mut rows) = Rows::open(&path, size) {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 2;
        let zipped = bytes.starts_with(&[0x1F, 0x8B]);
        let mut count = 0;
        while let Some(row) = rows.next_row() {
            count += 1;
            assert!(zipped || count <= lines, "more rows than lines");
            if let Ok(row) = row {
                assert!(row.line > 1 && !row.id.is_empty());
            }
        }
    }
    let ids = read_ids(&path);
    if let Ok(submission) = Submission::read(&path, size) {
        assert_eq!(submission.len(), ids.expect("ids are read where masks are").len());
        submission.write(&copy).expect("a temporary file");
        assert_eq!(Submission::read(&copy, size).expect("what was written is read"), submission);
    }
}

/// A plugin's table made of these bytes, with its texts among them: it is refused, or its description is valid.
pub fn plugin_table(bytes: &[u8]) {
    if let Ok(about) = plugin::table_of(bytes) {
        assert!(!about.name.is_empty() && !about.version.is_empty());
        assert_eq!(about.abi.0, 1);
    }
}

/// An image file of any format: an error with its name, or an image of a possible size with finite pixels.
pub fn dicom(bytes: &[u8]) {
    let path = Path::new("folder/x.dcm");
    let glance = {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("x.dcm");
        fs::write(&file, bytes).expect("a temporary file");
        ImageHeader::open(&file)
    };
    let tags = Tags::decode(bytes, path);
    match Radiograph::decode(bytes, path) {
        Ok(image) => {
            let size = image.size();
            assert!(size.height <= 16_384 && size.width <= 16_384 && size.area() > 0, "{size:?}");
            let glance = glance.expect("what is decoded can be glanced at");
            assert_eq!((glance.size, glance.id.as_str()), (size, image.id()));
            assert_eq!(tags.expect("and has tags").size, Some(size));
            for intensity in [manifest::Intensity::Stored, manifest::Intensity::Window] {
                let bad = image.intensities(intensity).iter().filter(|p| !(0.0..=1.0).contains(*p)).count();
                assert_eq!(bad, 0, "{intensity:?} leaves pixels outside of 0..=1");
            }
        }
        Err(error) => assert!(error.to_string().contains("folder/x.dcm"), "{error}"),
    }
}
