//! Attributes whose value representation is `UN`, or differs from the dictionary's: every reader returns the same as
//! for the plain file.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use pleura::manifest::Intensity;
use pleura::radiograph::{ImageHeader, Tags, id_of};
use pleura::{Radiograph, Size};

use super::made::BIG_ENDIAN;

/// An element before it is encoded.
#[derive(Clone)]
struct Element(Tag, VR, Content);

#[derive(Clone)]
enum Content {
    Text(String),
    Words(Vec<u16>),
    Bytes(Vec<u8>),
    Items(Vec<Vec<Element>>),
    Fragments(Vec<Vec<u8>>),
}

use Content::{Bytes, Fragments, Items, Text, Words};

fn text(tag: Tag, vr: VR, value: &str) -> Element {
    Element(tag, vr, Text(value.into()))
}

fn words(tag: Tag, vr: VR, value: &[u16]) -> Element {
    Element(tag, vr, Words(value.into()))
}

/// The encoding of elements.
#[derive(Clone, Copy, PartialEq)]
struct Style {
    explicit: bool,
    big_endian: bool,
    /// Replaces the value representation of all elements.
    vr: Option<VR>,
    /// Whether sequences and their items have undefined lengths.
    undefined: bool,
}

const PLAIN: Style = Style { explicit: true, big_endian: false, vr: None, undefined: false };
const IMPLICIT: Style = Style { explicit: false, ..PLAIN };

impl Style {
    fn u16(self, number: u16) -> [u8; 2] {
        if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn tag(self, tag: Tag) -> Vec<u8> {
        [self.u16(tag.group()), self.u16(tag.element())].concat()
    }

    /// An item, or the end of an item or a sequence.
    fn item(self, number: u16, length: u32, value: &[u8]) -> Vec<u8> {
        [self.tag(Tag(0xFFFE, number)), self.u32(length).to_vec(), value.to_vec()].concat()
    }

    fn data_set(self, elements: &[Element]) -> Vec<u8> {
        elements.iter().flat_map(|element| self.element(element)).collect()
    }

    fn element(self, Element(tag, own, content): &Element) -> Vec<u8> {
        let vr = self.vr.unwrap_or(*own);
        // `UN` values are little endian, and their items implicit
        let inside = if self.explicit && vr == VR::UN { Style { undefined: self.undefined, ..IMPLICIT } } else { self };
        let mut value = match content {
            Text(text) => text.clone().into_bytes(),
            Words(words) => words.iter().flat_map(|&word| inside.u16(word)).collect(),
            Bytes(bytes) => bytes.clone(),
            Items(items) => items.iter().flat_map(|item| inside.sequence_item(&inside.data_set(item))).collect(),
            Fragments(fragments) => {
                fragments.iter().flat_map(|bytes| inside.item(0xE000, bytes.len() as u32, bytes)).collect()
            }
        };
        let undefined = matches!(content, Fragments(_)) || matches!(content, Items(_)) && self.undefined;
        if undefined {
            value.extend(inside.item(0xE0DD, 0, &[]));
        } else if value.len() % 2 == 1 {
            value.push(if *own == VR::UI { 0 } else { b' ' });
        }
        let length = if undefined { u32::MAX } else { value.len() as u32 };
        let mut element = self.tag(*tag);
        if self.explicit {
            element.extend(vr.to_bytes());
        }
        let short = !matches!(vr, VR::OB | VR::OW | VR::SQ | VR::UN | VR::UT);
        match (self.explicit, short) {
            (true, true) => element.extend(self.u16(length as u16)),
            (true, false) => element.extend([&[0, 0][..], &self.u32(length)].concat()),
            (false, _) => element.extend(self.u32(length)),
        }
        element.extend(value);
        element
    }

    fn sequence_item(self, item: &[u8]) -> Vec<u8> {
        if self.undefined {
            [self.item(0xE000, u32::MAX, item), self.item(0xE00D, 0, &[])].concat()
        } else {
            self.item(0xE000, item.len() as u32, item)
        }
    }
}

fn file(syntax: &str, data_set: &[u8]) -> Vec<u8> {
    let meta = PLAIN.data_set(&[text(tags::TRANSFER_SYNTAX_UID, VR::UI, syntax)]);
    let group_length = [b"\x02\0\0\0UL\x04\0", &(meta.len() as u32).to_le_bytes()[..]].concat();
    [&[0; 128][..], b"DICM", &group_length, &meta, data_set].concat()
}

/// A data set for every reader. Private sequences and those of other images come before the attributes that are read.
fn patient() -> Vec<Element> {
    let code = vec![text(tags::CODE_VALUE, VR::SH, "121327"), text(tags::SOP_INSTANCE_UID, VR::UI, "9.9")];
    let nested = Element(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, VR::SQ, Items(vec![code.clone()]));
    let icon = vec![words(tags::ROWS, VR::US, &[1]), text(tags::RESCALE_SLOPE, VR::DS, "7")];
    vec![
        text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
        Element(tags::LANGUAGE_CODE_SEQUENCE, VR::SQ, Items(vec![code, vec![nested]])),
        text(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.45"),
        text(tags::MODALITY, VR::CS, "DX"),
        Element(Tag(0x0009, 0x1010), VR::SQ, Items(vec![icon.clone(), vec![]])),
        text(tags::PATIENT_NAME, VR::PN, "Døe^Jane"),
        text(tags::PATIENT_ID, VR::LO, "p1"),
        text(tags::PATIENT_SEX, VR::CS, "F"),
        text(tags::PATIENT_AGE, VR::AS, "045Y"),
        text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST"),
        text(tags::VIEW_POSITION, VR::CS, "PA"),
        words(tags::SAMPLES_PER_PIXEL, VR::US, &[1]),
        text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1"),
        text(tags::NUMBER_OF_FRAMES, VR::IS, "1"),
        words(tags::ROWS, VR::US, &[2]),
        words(tags::COLUMNS, VR::US, &[4]),
        text(tags::PIXEL_SPACING, VR::DS, "0.25\\0.5"),
        words(tags::BITS_ALLOCATED, VR::US, &[16]),
        words(tags::BITS_STORED, VR::US, &[12]),
        words(tags::HIGH_BIT, VR::US, &[11]),
        words(tags::PIXEL_REPRESENTATION, VR::US, &[1]),
        Element(tags::ICON_IMAGE_SEQUENCE, VR::SQ, Items(vec![icon])),
    ]
}

fn window() -> Vec<Element> {
    vec![
        text(tags::WINDOW_CENTER, VR::DS, "300\\7"),
        text(tags::WINDOW_WIDTH, VR::DS, "1000\\8"),
        text(tags::VOILUT_FUNCTION, VR::CS, "SIGMOID"),
    ]
}

fn rescale() -> Vec<Element> {
    vec![text(tags::RESCALE_INTERCEPT, VR::DS, "-100.5"), text(tags::RESCALE_SLOPE, VR::DS, "1.5")]
}

fn lut(tag: Tag, descriptor: [u16; 3], entries: &[u16]) -> Element {
    let item = vec![words(tags::LUT_DESCRIPTOR, VR::SS, &descriptor), words(tags::LUT_DATA, VR::OW, entries)];
    Element(tag, VR::SQ, Items(vec![item]))
}

fn pixels() -> Element {
    words(tags::PIXEL_DATA, VR::OW, &[0, 1, 300, 0x07FF, 0x0800, 0x0FFF, 0x0F00, 42])
}

/// Data sets whose values come from different attributes.
fn data_sets() -> [(&'static str, Vec<Element>); 3] {
    let group = |sequence: Tag, elements: Vec<Element>| Element(sequence, VR::SQ, Items(vec![elements]));
    let groups =
        vec![group(tags::FRAME_VOILUT_SEQUENCE, window()), group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, rescale())];
    let tables = vec![
        lut(tags::MODALITY_LUT_SEQUENCE, [4, 0xFFFE, 16], &[10, 500, 30_000, 65_000]),
        lut(tags::VOILUT_SEQUENCE, [3, 499, 10], &[100, 500, 1023]),
    ];
    [
        ("window and rescale", [patient(), window(), rescale(), vec![pixels()]].concat()),
        ("tables", [patient(), tables, vec![pixels()]].concat()),
        (
            "functional groups",
            [patient(), vec![group(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, groups), pixels()]].concat(),
        ),
    ]
}

/// The results of every reader: the picture, the header, the tags except the syntax, and the id from the first bytes.
fn readings(file: &[u8]) -> (Radiograph, ImageHeader, Tags, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stem.dcm");
    std::fs::write(&path, file).unwrap();
    let tags = Tags { syntax: None, ..Tags::open(&path).unwrap() };
    (Radiograph::open(&path).unwrap(), ImageHeader::open(&path).unwrap(), tags, id_of(&path).unwrap())
}

#[track_caller]
fn assert_same(what: &str, file: &[u8], plain: &[u8]) {
    let ((ours, glance, tags, id), (radiograph, plain_glance, plain_tags, plain_id)) =
        (readings(file), readings(plain));
    assert_eq!(ours.values(), radiograph.values(), "{what}");
    for intensity in [Intensity::Stored, Intensity::Window] {
        assert_eq!(ours.intensities(intensity), radiograph.intensities(intensity), "{what}, {intensity:?}");
    }
    assert_eq!((ours.id(), ours.spacing()), (radiograph.id(), radiograph.spacing()), "{what}");
    assert_eq!((glance, tags, id), (plain_glance, plain_tags, plain_id), "{what}");
}

#[test]
fn the_plain_files_are_read_as_meant() {
    let [window, tables, groups] = data_sets().map(|(_, data_set)| {
        let (radiograph, glance, tags, id) =
            readings(&file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &PLAIN.data_set(&data_set)));
        assert_eq!((radiograph.id(), glance.id.as_str(), id.as_str()), ("1.2.3.45", "1.2.3.45", "1.2.3.45"));
        let size = Size::new(2, 4);
        assert_eq!((glance.size, tags.size, radiograph.size()), (size, Some(size), size));
        assert_eq!((tags.patient_name.as_deref(), tags.spacing), (Some("Døe^Jane"), Some((0.25, 0.5))));
        assert!(radiograph.has_window() && radiograph.is_inverted() && radiograph.remarks().is_empty());
        (radiograph, tags)
    });
    assert_eq!(window.0.values()[[1, 0]], -2048.0 * 1.5 - 100.5);
    assert_eq!((window.0.values(), window.1.window), (groups.0.values(), Some((300.0, 1000.0))));
    assert_eq!(window.0.intensities(Intensity::Window), groups.0.intensities(Intensity::Window));
    assert_eq!(
        tables.0.values().iter().copied().collect::<Vec<_>>(),
        [30_000.0, 65_000.0, 65_000.0, 65_000.0, 10.0, 500.0, 10.0, 65_000.0]
    );
}

#[test]
fn unknown_is_what_the_dictionary_says_in_every_encoding() {
    for (name, data_set) in data_sets() {
        let plain = file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &PLAIN.data_set(&data_set));
        assert_same("implicit", &file(uids::IMPLICIT_VR_LITTLE_ENDIAN, &IMPLICIT.data_set(&data_set)), &plain);
        for (big_endian, vr, undefined) in [false, true].into_iter().flat_map(|big_endian| {
            let vrs = [None, Some(VR::UN)];
            vrs.into_iter().flat_map(move |vr| [false, true].map(|undefined| (big_endian, vr, undefined)))
        }) {
            let style = Style { explicit: true, big_endian, vr, undefined };
            let syntax = if big_endian { BIG_ENDIAN } else { uids::EXPLICIT_VR_LITTLE_ENDIAN };
            let what = format!("{name}, big endian {big_endian}, {vr:?}, undefined lengths {undefined}");
            assert_same(&what, &file(syntax, &style.data_set(&data_set)), &plain);
            if !big_endian {
                assert_same(&format!("{what}, deflated"), &deflated(&style.data_set(&data_set)), &plain);
            }
        }
    }
}

#[test]
fn one_attribute_at_a_time_is_unknown() {
    for (name, data_set) in data_sets() {
        let plain = file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &PLAIN.data_set(&data_set));
        for (number, odd) in data_set.iter().enumerate() {
            for undefined in [false, true] {
                let style = Style { vr: Some(VR::UN), undefined, ..PLAIN };
                let encode = |(at, element)| if at == number { style } else { PLAIN }.element(element);
                let bytes: Vec<u8> = data_set.iter().enumerate().flat_map(encode).collect();
                assert_same(&format!("{name}, {}", odd.0), &file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &bytes), &plain);
            }
        }
    }
}

#[test]
fn a_known_but_wrong_representation_is_that_of_the_dictionary() {
    for (name, data_set) in data_sets() {
        let plain = file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &PLAIN.data_set(&data_set));
        for vr in [VR::LO, VR::SH, VR::UT, VR::OB, VR::OW, VR::US, VR::DS, VR::FD, VR::SQ] {
            let wrong = data_set.iter().flat_map(|element| {
                let style = match (&element.2, element.1) {
                    // text in place of numbers occurs in practice, a number in place of a sequence does not
                    (Items(_), _) if vr != VR::OB => PLAIN,
                    _ => Style { vr: Some(vr), ..PLAIN },
                };
                style.element(element)
            });
            let wrong: Vec<u8> = wrong.collect();
            assert_same(&format!("{name}, {vr}"), &file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &wrong), &plain);
        }
    }
}

#[test]
fn numbers_in_binary_where_the_dictionary_has_texts() {
    let plain = data_sets()[0].1.clone();
    let binary = plain.iter().map(|element| match element.0 {
        tags::RESCALE_SLOPE => Element(element.0, VR::FD, Bytes(1.5_f64.to_le_bytes().into())),
        tags::RESCALE_INTERCEPT => Element(element.0, VR::FL, Bytes((-100.5_f32).to_le_bytes().into())),
        tags::WINDOW_CENTER => words(element.0, VR::US, &[300, 7]),
        tags::WINDOW_WIDTH => Element(element.0, VR::UL, Bytes([1000_u32, 8].map(u32::to_le_bytes).concat())),
        tags::ROWS => Element(element.0, VR::UL, Bytes(2_u32.to_le_bytes().into())),
        _ => element.clone(),
    });
    let [binary, plain] =
        [binary.collect(), plain].map(|data_set| file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &PLAIN.data_set(&data_set)));
    let syntaxless = |file: &[u8]| readings(file).0;
    assert_eq!(syntaxless(&binary).values(), syntaxless(&plain).values());
    assert_same("binary", &binary, &plain);
}

#[test]
fn compressed_pixel_data_are_unknown_too() {
    let mut rle = vec![0; 64];
    (rle[0], rle[4], rle[8]) = (2, 64, 66);
    rle.extend([0xF9, 0]);
    rle.extend([7, 0, 1, 2, 3, 4, 5, 6, 7, 0]);
    let mut data_set = data_sets()[0].1.clone();
    data_set.pop();
    for fragments in [vec![vec![], rle.clone()], vec![vec![0; 4], rle[..40].to_vec(), rle[40..].to_vec()]] {
        data_set.push(Element(tags::PIXEL_DATA, VR::OB, Fragments(fragments)));
        let plain = file(uids::RLE_LOSSLESS, &PLAIN.data_set(&data_set));
        assert_eq!(readings(&plain).0.values()[[1, 3]], 7.0 * 1.5 - 100.5);
        for vr in [VR::UN, VR::OW] {
            let style = Style { vr: Some(vr), undefined: true, ..PLAIN };
            let unknown = data_set.iter().flat_map(|element| match (vr, &element.2) {
                (VR::OW, Items(_)) => PLAIN.element(element),
                _ => style.element(element),
            });
            let unknown: Vec<u8> = unknown.collect();
            assert_same(&format!("{vr}"), &file(uids::RLE_LOSSLESS, &unknown), &plain);
        }
        data_set.pop();
    }
}

#[test]
fn items_are_read_as_they_are_written() {
    // a sequence with explicit items although it is `UN`, or implicit ones although it is `SQ`
    let (name, data_set) = &data_sets()[1];
    let plain = file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &PLAIN.data_set(data_set));
    for (vr, inside) in [(VR::UN, PLAIN), (VR::SQ, IMPLICIT)] {
        let odd = data_set.iter().flat_map(|element| match &element.2 {
            Items(items) => {
                let items = items.iter().flat_map(|item| inside.sequence_item(&inside.data_set(item))).collect();
                Style { vr: Some(vr), ..PLAIN }.element(&Element(element.0, vr, Bytes(items)))
            }
            _ => PLAIN.element(element),
        });
        let odd: Vec<u8> = odd.collect();
        assert_same(&format!("{name}, {vr}"), &file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &odd), &plain);
    }
}

#[test]
fn sequences_nested_without_end_are_refused() {
    let mut nested = Vec::new();
    for _ in 0..100_000 {
        nested.extend(b"\x09\0\x10\x10UN\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF");
    }
    let error = Radiograph::decode(&file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &nested), "x.dcm").unwrap_err().to_string();
    assert!(error.starts_with("`x.dcm`") && error.contains("nested more than 64 deep"), "{error}");
}

fn deflated(data_set: &[u8]) -> Vec<u8> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut deflate, data_set).unwrap();
    file(uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, &deflate.finish().unwrap())
}

#[test]
fn a_deflated_data_set_may_not_grow_beyond_its_image() {
    let plain = PLAIN.data_set(&data_sets()[0].1);
    let private = |bytes: usize| PLAIN.element(&Element(Tag(0x0009, 0x1010), VR::OB, Bytes(vec![0; bytes])));
    let expected = file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &plain);
    // a megabyte of private data, before or after, is allowed
    assert_same("before", &deflated(&[private(1 << 20), plain.clone()].concat()), &expected);
    assert_same("after", &deflated(&[plain.clone(), private(1 << 20)].concat()), &expected);
    let refused = |data_set: &[u8]| Radiograph::decode(&deflated(data_set), "x.dcm").unwrap_err().to_string();
    let after = refused(&[plain.clone(), private(64 << 20)].concat());
    assert!(after.starts_with("`x.dcm`") && after.contains("when inflated, but the image has 16"), "{after}");
    let before = refused(&[private(64 << 20), plain].concat());
    assert!(before.starts_with("`x.dcm`") && before.contains("without pixel data"), "{before}");
}
