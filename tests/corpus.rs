//! Replays the inputs of the fuzz targets: files of every kind, and those that once broke a target.

#[path = "corpus/targets.rs"]
mod targets;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use proptest::prelude::*;

#[test]
fn every_file_of_the_corpus_is_survived() {
    for (name, target) in targets::TARGETS {
        let files = corpus(name);
        assert!(files.len() >= 5, "the corpus of `{name}` is all but empty");
        for (file, bytes) in files {
            // Name the file, in case it breaks the target.
            eprintln!("{name}.zip: {file}");
            target(&bytes);
        }
    }
}

/// The files of a target's archive, by name.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name).with_extension("zip");
    let mut archive = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
    let files = archive.len();
    let read = |index| {
        let mut file = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().to_owned(), bytes)
    };
    (0..files).map(read).collect()
}

/// Changes a byte, removes a part or repeats one, as careless tools and attackers do to valid files.
fn harmed(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let len = bytes.len().max(1);
    (0..len, 0..len, any::<u8>(), 0..3_u8).prop_map(move |(from, to, byte, kind)| {
        let mut bytes = bytes.clone();
        let (from, to) = (from.min(to).min(bytes.len()), from.max(to).min(bytes.len()));
        match kind {
            0 => bytes.get_mut(from).into_iter().for_each(|it| *it = byte),
            1 => drop(bytes.drain(from..to)),
            _ => bytes.extend_from_within(from..to),
        }
        bytes
    })
}

fn harmed_files(name: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let files: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, bytes)| bytes).collect();
    proptest::sample::select(files).prop_flat_map(harmed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn harmed_manifests_are_survived(bytes in harmed_files("manifest")) { targets::manifest(&bytes); }

    #[test]
    fn harmed_run_lengths_are_survived(bytes in harmed_files("rle")) { targets::rle(&bytes); }

    #[test]
    fn harmed_submissions_are_survived(bytes in harmed_files("csv")) { targets::csv(&bytes); }

    #[test]
    fn harmed_tables_are_survived(bytes in harmed_files("plugin_table")) { targets::plugin_table(&bytes); }

    #[test]
    fn harmed_images_are_survived(bytes in harmed_files("dicom")) { targets::dicom(&bytes); }
}
