//! Folders, globs and lists, and what is found in them.

use std::fs;

use dicom_dictionary_std::uids;

use super::*;

fn names(folder: &Path, files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|file| file.strip_prefix(folder).unwrap().to_string_lossy().into_owned()).collect()
}

fn dicom() -> Vec<u8> {
    [&[0; 128][..], b"DICM"].concat()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("b/c")).unwrap();
    fs::create_dir_all(at(".hidden")).unwrap();
    for name in ["z.DCM", "b/y.png", "b/c/x.jpeg", ".hidden/w.dcm", "b/.v.dcm", "notes.txt", "labels.csv", "bare"] {
        fs::write(at(name), "text").unwrap();
    }
    fs::write(at("b/IMG0001"), dicom()).unwrap();
    fs::write(at("b/1.2.840.10008"), dicom()).unwrap();
    fs::write(at("b/1.2.840.10009"), "text").unwrap();
    folder
}

#[test]
fn folders_give_their_images_sorted() {
    let folder = folder();
    let found = find_with(&[folder.path()], io::empty()).unwrap();
    assert_eq!(names(folder.path(), &found), ["b/1.2.840.10008", "b/IMG0001", "b/c/x.jpeg", "b/y.png", "z.DCM"]);
}

#[test]
fn globs_lists_and_files_each_file_once() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let list = format!("{}\r\n\n{}\n", at("labels.csv").display(), at("b/c").display());
    let inputs = [at("z.DCM"), at("**/*.png"), PathBuf::from("-"), at("b/../z.DCM")];
    let found = find_with(&inputs, list.as_bytes()).unwrap();
    assert_eq!(names(folder.path(), &found), ["z.DCM", "b/y.png", "labels.csv", "b/c/x.jpeg"]);
}

#[test]
fn what_names_no_image_is_an_error() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let message = |input: String, list: &str| find_with(&[input], list.as_bytes()).unwrap_err().to_string();
    assert_eq!(message(at("none"), ""), format!("no file or folder `{}`", at("none")));
    assert!(message(at("*.tif"), "").ends_with("*.tif` holds no DICOM, PNG or JPEG image"));
    assert!(message(at("empty"), "").ends_with("empty` holds no DICOM, PNG or JPEG image"));
    assert!(message(at("***"), "").contains("is not a glob"));
    assert_eq!(message("-".into(), "\n"), "the list on standard input holds no DICOM, PNG or JPEG image");
    let endless = "x".repeat(1 << 17);
    assert_eq!(message("-".into(), &endless), "cannot read `standard input`");
    assert_eq!(message("-".into(), "gone.dcm\n"), "no file or folder `gone.dcm`");
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_end() {
    let folder = folder();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("b/up")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("b/dangling.dcm")).unwrap();
    std::os::unix::fs::symlink("itself.dcm", folder.path().join("b/itself.dcm")).unwrap();
    assert_eq!(find_with(&[folder.path()], io::empty()).unwrap().len(), 5);
}

/// A file of this SOP class, with pixels or without.
fn object(class: &str, pixels: bool) -> Vec<u8> {
    let uid = |group: u16, number: u16, uid: &str| {
        let uid = format!("{uid}{}", if uid.len() % 2 == 1 { "\0" } else { "" });
        let length = (uid.len() as u16).to_le_bytes();
        [&group.to_le_bytes()[..], &number.to_le_bytes(), b"UI", &length, uid.as_bytes()].concat()
    };
    let pixels: &[u8] = if pixels { b"\xE0\x7F\x10\0OW\0\0\x02\0\0\0\x01\x02" } else { b"" };
    [&dicom()[..], &uid(2, 2, class), &uid(2, 0x10, "1.2.840.10008.1.2.1"), &uid(8, 0x16, class), pixels].concat()
}

#[test]
fn a_discs_folder_gives_its_images_and_names_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("DICOM")).unwrap();
    let (image, report) = (uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE, uids::BASIC_TEXT_SR_STORAGE);
    let directory = uids::MEDIA_STORAGE_DIRECTORY_STORAGE;
    for (name, bytes) in [
        ("DICOMDIR", object(directory, false)),
        ("DICOM/I1", object(image, true)),
        ("DICOM/I2.IMA", object(image, false)),
        ("DICOM/I3.img", object(image, true)),
        ("DICOM/I4.dc3", object(image, true)),
        ("DICOM/I5.v2", object(image, true)),
        // a bare data set
        ("DICOM/I6", object(image, true)[194..].to_vec()),
        ("DICOM/I7", b"\x89PNG\r\n\x1a\n".to_vec()),
        ("DICOM/SR.dcm", object(report, false)),
        ("DICOM/odd.dcm", object(report, true)),
        ("DICOM/private", object("1.3.12.2.1107.5.9.1", false)),
        ("DICOM/analyze.img", b"volume".to_vec()),
        ("README", b"text".to_vec()),
        ("viewer.exe", b"MZ".to_vec()),
        ("empty", Vec::new()),
    ] {
        fs::write(at(name), bytes).unwrap();
    }
    let found = search_with(&[folder.path()], io::empty()).unwrap();
    let images = ["I1", "I2.IMA", "I3.img", "I4.dc3", "I5.v2", "I6", "I7", "odd.dcm"];
    assert_eq!(names(folder.path(), &found.images), images.map(|name| format!("DICOM/{name}")));
    let left_out: Vec<_> = found.left_out.iter().map(|file| (file.path.clone(), file.reason.as_str())).collect();
    let not_one = "not a DICOM, PNG or JPEG file";
    let expected = [
        ("DICOM/SR.dcm", "a Basic Text SR, which has no pixels"),
        ("DICOM/analyze.img", not_one),
        ("DICOM/private", "an object of SOP class 1.3.12.2.1107.5.9.1, which has no pixels"),
        ("DICOMDIR", "a DICOMDIR, which has no pixels"),
        ("README", not_one),
        ("empty", not_one),
    ];
    assert_eq!(left_out, expected.map(|(name, reason)| (at(name), reason)));
    // a file named explicitly is taken for an image, and opening it reports otherwise
    assert_eq!(find_with(&[at("DICOMDIR")], io::empty()).unwrap(), [at("DICOMDIR")]);
    let message = crate::Radiograph::open(at("DICOMDIR")).unwrap_err().to_string();
    assert!(message.ends_with("a DICOMDIR, which has no pixels"), "{message}");
    let message = find_with(&[at("DICOM*R*")], io::empty()).unwrap_err().to_string();
    assert!(message.contains("left out is") && message.contains("a DICOMDIR"), "{message}");
}

#[test]
fn names_of_collections_that_cannot_be_looked_into() {
    for name in ["a.png", "a.JPEG", "x/a.dcm", "1.2.840.1", "I1", "a.IMA"] {
        assert!(may_be_image_name(Path::new(name)), "{name}");
    }
    for name in ["DICOMDIR", ".a.png", "x/.hidden", "notes.txt", "a.png.part", "viewer.exe", "x/.."] {
        assert!(!may_be_image_name(Path::new(name)), "{name}");
    }
}
