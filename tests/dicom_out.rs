//! `predict --dicom`: objects for a PACS, judged by dciodvfy and highdicom.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dicom_core::VR;
use dicom_dictionary_std::tags;
use pleura::Size;
use support::case::{Case, POST, member};
use support::dicom::dicom;
use support::toy::{Toy, noise};

const FINDING: &str = "finding = { code = \"36118008\", scheme = \"SCT\", meaning = \"Pneumothorax\" }\n";
/// What dciodvfy may warn of: what the source does not state cannot be repeated, the side of a part that may be unpaired
/// is unknown, and the scheme of our own codes is ours. Errors are never known.
const KNOWN: [&str; 3] = [
    "Warning - Missing attribute or value that would be needed to build DICOMDIR",
    "Warning - is only permitted to be empty when actually unknown",
    "Warning - Unrecognized defined term <99PLEURA>",
];

/// One with everything right, one of nothing, and one whose tags are broken as in SIIM's second stage.
fn images(folder: &Path) -> Vec<PathBuf> {
    let right = |uid| {
        [
            (tags::SOP_INSTANCE_UID, VR::UI, uid),
            (tags::STUDY_INSTANCE_UID, VR::UI, "1.2.3"),
            (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.4"),
            (tags::PATIENT_NAME, VR::PN, "Doe^Jane"),
            (tags::PATIENT_ID, VR::LO, "7"),
            (tags::PATIENT_AGE, VR::AS, "045Y"),
            (tags::STUDY_DATE, VR::DA, "20200229"),
            (tags::WINDOW_CENTER, VR::DS, "120\\90"),
            (tags::WINDOW_WIDTH, VR::DS, "180\\60"),
        ]
    };
    let broken = [
        (tags::SOP_INSTANCE_UID, VR::UI, "ID_00ff"),
        (tags::PATIENT_AGE, VR::AS, "35"),
        (tags::PATIENT_SEX, VR::CS, "female, probably"),
        (tags::STUDY_DATE, VR::DA, "29/02/20"),
    ];
    vec![
        dicom(folder, "right", Some(7), &right("1.2.3.4.5")),
        dicom(folder, "nothing", None, &right("1.2.3.4.6")),
        dicom(folder, "broken", Some(7), &broken),
    ]
}

fn case(post: &str) -> Case {
    let toml = format!("{FINDING}{post}\n{}", member("segmenter", "s", ""));
    Case::new(&[("s", Toy::default())], &toml)
}

/// Writes the objects to `folder/out` and the findings to `folder/findings.jsonl`.
fn predict(case: &Case, folder: &Path, images: &[PathBuf]) -> assert_cmd::assert::Assert {
    let mut command = support::pleura();
    command.args(["predict", "--device", "cpu", "--out"]).arg(folder.join("out.csv"));
    command.arg("--findings").arg(folder.join("findings.jsonl")).arg("--dicom").arg(folder.join("out"));
    command.arg(&case.manifest).args(images).assert()
}

/// The files of a folder by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder.join("out")).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn uid(bytes: &[u8]) -> String {
    let object = dicom_object::from_reader(bytes).unwrap();
    object.element(tags::SOP_INSTANCE_UID).unwrap().to_str().unwrap().into_owned()
}

#[test]
fn objects_are_valid_and_say_what_was_found() {
    let case = case(POST);
    let folder = tempfile::tempdir().unwrap();
    let images = images(folder.path());
    predict(&case, folder.path(), &images).success();
    let written = files(folder.path());
    let names: Vec<&str> = written.keys().map(String::as_str).collect();
    let expected = [
        "1.2.3.4.5-pr.dcm",
        "1.2.3.4.5-sc.dcm",
        "1.2.3.4.5-seg.dcm",
        "1.2.3.4.5-sr.dcm",
        "1.2.3.4.6-sc.dcm",
        "1.2.3.4.6-sr.dcm",
        "ID_00ff-pr.dcm",
        "ID_00ff-sc.dcm",
        "ID_00ff-seg.dcm",
        "ID_00ff-sr.dcm",
    ];
    assert_eq!(names, expected);
    let python = std::env::var("PLEURA_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/clinic.py");
    let has = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|run| run.status.success())
    };
    if std::env::var_os("CI").is_none() && !has(&python, &["-c", "import highdicom"]) {
        support::skipped("no highdicom: set PLEURA_PYTHON");
    } else {
        let run = Command::new(python)
            .arg(script)
            .arg(folder.path().join("findings.jsonl"))
            .arg(folder.path().join("out"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{told}{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(told.matches("\"faults\": []").count(), 3, "{told}");
        assert_eq!((told.matches("[\"Present\"]").count(), told.matches("[\"Absent\"]").count()), (2, 1), "{told}");
        assert!(told.contains("035Y") && told.contains("045Y"), "{told}");
    }
    let lacks = |program: &str| std::env::var_os("CI").is_none() && Command::new(program).output().is_err();
    if lacks("dciodvfy") || lacks("dcmpschk") {
        return support::skipped("no dciodvfy or no dcmpschk: install dicom3tools and dcmtk");
    }
    // dcmtk's own judge of presentation states, which takes none of a patient without a name
    for name in names.iter().filter(|name| **name == "1.2.3.4.5-pr.dcm") {
        let run =
            Command::new("dcmpschk").arg(folder.path().join("out").join(name)).output().expect("dcmtk is installed");
        let said = String::from_utf8_lossy(&run.stderr).into_owned() + &String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("Test passed"), "{name}: {said}");
    }
    for name in names {
        let run = Command::new("dciodvfy").arg(folder.path().join("out").join(name)).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned() + &String::from_utf8_lossy(&run.stdout);
        let faults: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with("Error") || line.starts_with("Warning"))
            .filter(|line| !KNOWN.iter().any(|known| line.starts_with(known)))
            .collect();
        assert!(faults.is_empty() && !said.is_empty(), "{name}: {faults:#?}");
    }
}

#[test]
fn what_is_written_twice_is_the_same_and_another_threshold_has_other_uids() {
    let (one, other) = (case(POST), case(&POST.replace("0.5", "0.6")));
    assert_ne!(POST, POST.replace("0.5", "0.6"));
    let folder = tempfile::tempdir().unwrap();
    let images = images(folder.path());
    predict(&one, folder.path(), &images).success();
    let first = files(folder.path());
    predict(&one, folder.path(), &images).success();
    assert!(first == files(folder.path()), "a repeated run changes a file");
    predict(&other, folder.path(), &images).success();
    for (name, bytes) in files(folder.path()) {
        assert_ne!(uid(&bytes), uid(&first[&name]), "{name}");
    }
    // an ensemble that marks nothing leaves no mask of an earlier one
    predict(&case(&POST.replace("0.5", "0.9999")), folder.path(), &images).success();
    assert!(files(folder.path()).keys().all(|name| !name.contains("seg") && !name.contains("pr")));
}

#[test]
fn pictures_have_a_capture_alone_and_a_manifest_says_what_it_finds() {
    let folder = tempfile::tempdir().unwrap();
    let picture = support::toy::png(folder.path(), "grey", &noise(3, Size::new(8, 8)));
    predict(&case(POST), folder.path(), std::slice::from_ref(&picture)).success();
    assert_eq!(files(folder.path()).into_keys().collect::<Vec<_>>(), ["grey-sc.dcm"]);
    let silent = Case::new(&[("s", Toy::default())], &format!("{POST}\n{}", member("segmenter", "s", "")));
    let said = predict(&silent, folder.path(), &[picture]).code(2);
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(said.contains("does not say what its masks mean") && said.contains("36118008"), "{said}");
}
