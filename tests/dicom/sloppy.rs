//! Written files with faults that do not matter: read, with a remark.

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use pleura::Radiograph;
use pleura::manifest::Intensity;

use super::made::{BIG_ENDIAN, bytes, file, grey, item, lut, open, shown, text, values};

#[test]
fn a_window_that_makes_no_sense_is_ignored_and_remarked() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[51, 255]);
    text(&mut object, tags::WINDOW_CENTER, VR::DS, "100");
    text(&mut object, tags::WINDOW_WIDTH, VR::DS, "0");
    let radiograph = open(&object);
    assert!(!radiograph.has_window());
    assert_eq!(shown(&radiograph, Intensity::Window), [0.2, 1.0]);
    assert!(radiograph.remarks()[0].contains("WindowWidth is 0"), "{:?}", radiograph.remarks());
}

#[test]
fn the_id_is_the_stem_where_the_data_set_has_none() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    object.remove_element(tags::SOP_INSTANCE_UID);
    assert_eq!(open(&object).id(), "image");
}

#[test]
fn padding_after_the_pixels_is_remarked() {
    let mut object = grey(1, 5, 8, 8, false);
    for (length, remarks) in [(6, 0), (8, 1)] {
        bytes(&mut object, tags::PIXEL_DATA, &[1, 2, 3, 4, 5, 9, 9, 9][..length]);
        let radiograph = open(&object);
        assert_eq!((values(&radiograph), radiograph.remarks().len()), (vec![1.0, 2.0, 3.0, 4.0, 5.0], remarks));
    }
}

#[test]
fn a_table_that_cannot_be_used_leaves_the_window() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[100, 200]);
    text(&mut object, tags::WINDOW_CENTER, VR::DS, "100.5");
    text(&mut object, tags::WINDOW_WIDTH, VR::DS, "101");
    let window = shown(&open(&object), Intensity::Window);
    assert_eq!(window, [0.5, 1.0]);
    let items = [InMemDicomObject::new_empty(), lut([5, 0, 8], &[0, 1])];
    for (broken, why) in items.into_iter().zip(["its item is empty", "LUTData is 4 bytes long"]) {
        item(&mut object, tags::VOILUT_SEQUENCE, broken);
        let radiograph = open(&object);
        assert_eq!(shown(&radiograph, Intensity::Window), window);
        let [remark] = radiograph.remarks() else { panic!("{:?}", radiograph.remarks()) };
        assert!(remark.starts_with(&format!("ignoring the VOI LUT: {why}")), "{remark}");
    }
    object.put(DataElement::new(tags::VOILUT_SEQUENCE, VR::SQ, DataSetSequence::empty()));
    assert_eq!(open(&object).remarks(), [""; 0], "a sequence without items is valid");
    // an empty modality table is the same as none
    item(&mut object, tags::MODALITY_LUT_SEQUENCE, InMemDicomObject::new_empty());
    text(&mut object, tags::RESCALE_SLOPE, VR::DS, "2");
    let radiograph = open(&object);
    assert_eq!(values(&radiograph), [200.0, 400.0]);
    assert_eq!(radiograph.remarks(), ["ignoring the modality LUT: its item is empty"]);
}

#[test]
fn data_sets_without_preamble_or_meta_are_read_and_remarked() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN, BIG_ENDIAN] {
        let whole = file(&object, syntax);
        // file meta: DICM, then the group length's element of 12 bytes, which counts the rest
        let length = u32::from_le_bytes(whole[140..144].try_into().unwrap()) as usize;
        for bare in [&whole[132..], &whole[144 + length..]] {
            let radiograph = Radiograph::decode(bare, "a.dcm").unwrap();
            assert_eq!((values(&radiograph), radiograph.remarks().len()), (vec![1.0, 2.0], 1), "{syntax}");
        }
    }
}

#[test]
fn code_strings_in_small_letters_are_read_and_remarked() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[100, 200]);
    text(&mut object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "monochrome1");
    text(&mut object, tags::WINDOW_CENTER, VR::DS, "100");
    text(&mut object, tags::WINDOW_WIDTH, VR::DS, "20");
    text(&mut object, tags::VOILUT_FUNCTION, VR::CS, "linear_exact");
    let radiograph = open(&object);
    assert!(radiograph.is_inverted());
    assert_eq!(shown(&radiograph, Intensity::Window), [0.5, 0.0]);
    assert_eq!(radiograph.remarks(), ["its PhotometricInterpretation is monochrome1: read as MONOCHROME1"]);
}

#[test]
fn sloppy_file_meta_is_remarked() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    let sound = file(&object, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(Radiograph::decode(&sound, "a.dcm").unwrap().remarks(), [""; 0]);
    // the group length's element is 12 bytes from byte 132 on
    let without = [&sound[..132], &sound[144..]].concat();
    let mut zero = sound.clone();
    zero[140..144].fill(0);
    let mut instance = sound.clone();
    let at = instance.windows(7).position(|uid| uid == b"1.2.3.4").unwrap();
    instance[at..at + 7].copy_from_slice(b"ID_abcd");
    let unmarked = [&[0; 128], &sound[132..]].concat();
    let expected = [
        (without, "the file meta information is not valid: the group length is missing"),
        (zero, "the file meta information is not valid: the group length is wrong"),
        (instance, "the file meta information is not valid: MediaStorageSOPInstanceUID is not a UID"),
        (unmarked, "the preamble lacks the DICM prefix"),
    ];
    for (file, remark) in expected {
        let radiograph = Radiograph::decode(&file, "a.dcm").unwrap();
        assert_eq!((values(&radiograph), radiograph.remarks()), (vec![1.0, 2.0], &[remark.to_string()][..]));
        assert_eq!(radiograph.id(), "ID_0a1b2c3d4");
    }
}

#[test]
fn a_preamble_may_be_followed_by_the_data_set() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN, BIG_ENDIAN] {
        let whole = file(&object, syntax);
        let length = u32::from_le_bytes(whole[140..144].try_into().unwrap()) as usize;
        let bare = [&whole[..132], &whole[144 + length..]].concat();
        let radiograph = Radiograph::decode(&bare, "a.dcm").unwrap();
        assert_eq!(values(&radiograph), [1.0, 2.0], "{syntax}");
        let [remark] = radiograph.remarks() else { panic!("{:?}", radiograph.remarks()) };
        assert!(
            remark.starts_with("the DICOM file meta information is missing: read as") && remark.ends_with(syntax),
            "{remark}"
        );
    }
}
