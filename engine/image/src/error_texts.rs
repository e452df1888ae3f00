//! Every text of this crate's errors, in one snapshot.

use crate::Size;
use crate::mask_image::MaskImageError;
use crate::radiograph::{DicomFault, LeftOut, OverLimit, RadiographError};
use crate::rle::RleError;
use crate::texts::Texts;

#[test]
fn every_error_has_its_text() {
    let mut texts = Texts::default();
    radiographs(&mut texts);
    dicom(&mut texts);
    masks(&mut texts);
    run_lengths(&mut texts);
    insta::assert_snapshot!("errors", texts.text());
}

fn gone() -> std::io::Error {
    std::io::Error::from_raw_os_error(2)
}

const OVER: OverLimit = OverLimit { needed: 300 << 20, limit: 256 << 20 };

fn radiographs(texts: &mut Texts) {
    let left_out = |name: &str| LeftOut { path: name.into(), reason: "a Basic Text SR, which has no pixels".into() };
    add!(texts, RadiographError {
        Read { path: "a.dcm".into(), source: gone() },
        Unrecognized { path: "a.txt".into(), empty: false },
        Unrecognized { path: "a.dcm".into(), empty: true },
        Dicom {
            path: "a.dcm".into(),
            syntax: "JPEG Baseline, 1.2.840.10008.1.2.4.50".into(),
            fault: DicomFault::MultiFrame(2),
        },
        Raster { path: "a.png".into(), format: "PNG", reason: "unexpected end of file".into() },
        Id { path: "a.png".into(), id: " ".into(), reason: "is blank" },
        Values { id: "a".into(), reason: "1 value is NaN or infinite".into() },
        Memory { path: "a.png".into(), over: OVER },
        Missing { path: "images".into() },
        Pattern { pattern: "images/[*".into(), reason: "expected `]`".into() },
        Nothing { input: "`images`".into(), left_out: vec![] },
        Nothing { input: "`images`".into(), left_out: vec![left_out("a.dcm")] },
        Nothing { input: "`images`".into(), left_out: vec![left_out("a.dcm"), left_out("b.dcm"), left_out("c.dcm")] },
    });
}

fn dicom(texts: &mut Texts) {
    add!(texts, DicomFault {
        Parse("unexpected end of file".into()),
        NoPixels("a Basic Text SR".into()),
        Missing("Rows"),
        Invalid { name: "BitsStored", value: "17".into(), reason: "expected 1 to 16".into() },
        MultiFrame(3),
        Unsupported("PALETTE COLOR".into()),
        Length { expected: 512, actual: 511 },
        Mismatch { expected: "8×8 pixels".into(), actual: "8×9 pixels".into() },
        Memory(OVER),
        Codec("the image is cut off".into()),
    });
}

fn masks(texts: &mut Texts) {
    add!(texts, MaskImageError {
        Radiograph(RadiographError::Missing { path: "masks".into() }),
        Dim { path: "mask.png".into(), brightest: 1.0, white: 255.0 },
        Dicom { path: "mask.dcm".into() },
        Grey { path: "mask.png".into(), percent: 80 },
    });
}

fn run_lengths(texts: &mut Texts) {
    add!(texts, RleError {
        Blank { absolute: false },
        Blank { absolute: true },
        Odd { count: 1 },
        Odd { count: 3 },
        Missing { word: "nan".into() },
        Float { run: 1, word: "3.0".into() },
        NotANumber { run: 1, word: "x".into() },
        Negative { run: 1, word: "-3".into() },
        NoLength { run: 1 },
        Overflow { run: 2, end: 20, past: 4, size: Size::new(4, 4), absolute: false },
        Overflow { run: 2, end: 20, past: 4, size: Size::new(4, 4), absolute: true },
        Zero { run: 1 },
        Disorder { run: 2, start: 3, before: 5 },
    });
}
