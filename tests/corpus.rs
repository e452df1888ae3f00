//! Replays the inputs of the fuzz targets: files of every kind, and those that once broke something.

#[path = "corpus/targets.rs"]
mod targets;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

#[test]
fn every_file_of_the_corpus_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for (name, target) in targets::TARGETS {
        let files: Vec<_> = fs::read_dir(corpus.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() >= 5, "the corpus of `{name}` is all but empty");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            // The file that breaks it is to be known.
            eprintln!("{}", file.display());
            target(&bytes);
        }
    }
}

/// A byte changed, a part left out, a part twice: what a careless tool, or a careful enemy, makes of a sound file.
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

fn corpus(name: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let files: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    proptest::sample::select(files).prop_flat_map(harmed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn harmed_manifests_are_survived(bytes in corpus("manifest")) { targets::manifest(&bytes); }

    #[test]
    fn harmed_run_lengths_are_survived(bytes in corpus("rle")) { targets::rle(&bytes); }

    #[test]
    fn harmed_submissions_are_survived(bytes in corpus("csv")) { targets::csv(&bytes); }

    #[test]
    fn harmed_tables_are_survived(bytes in corpus("plugin_table")) { targets::plugin_table(&bytes); }

    #[test]
    fn harmed_images_are_survived(bytes in corpus("dicom")) { targets::dicom(&bytes); }
}
