//! Ids that are not file names: each image has its own file, and none ends a run.

use std::fs;

use pleura_demo::{Encoding, Phantom};

use crate::support::toy::{noise, png};
use crate::{Bench, said};
use pleura::Size;

/// Ids that are the same with odd characters as underscores, one of 5,000 characters, and odd ones.
fn odd_ids() -> Vec<String> {
    let mut ids: Vec<String> = ["a b", "a_b", "a+b", "..", "-v", "NUL", "ä/ö"].map(str::to_owned).into();
    ids.push("x".repeat(5000));
    ids
}

#[test]
fn masks_go_out_and_come_back() {
    let bench = Bench::new();
    let rows: Vec<_> = odd_ids().iter().enumerate().map(|(at, id)| format!("{id},{at} 3\n")).collect();
    fs::write(bench.at("masks.csv"), format!("ImageId,EncodedPixels\n{}", rows.concat())).unwrap();
    for _ in 0..2 {
        let out = bench.expect(0, "data convert masks masks.csv --size 8x8 --out masks");
        assert!(said(&out).contains("`masks/ids.csv` maps files to ids"), "{}", said(&out));
    }
    let files = fs::read_dir(bench.at("masks")).unwrap().count();
    assert_eq!(files, odd_ids().len() + 1, "a picture each, and ids.csv");
    bench.expect(0, "data convert rle masks --out back.csv --sample masks.csv");
    assert_eq!(bench.read("back.csv"), bench.read("masks.csv"));
}

#[test]
fn maps_and_pictures_of_odd_ids_do_not_end_a_run() {
    let bench = Bench::new();
    for (number, id) in ["a b", "a_b", "a+b"].into_iter().enumerate() {
        png(&bench.at("images"), id, &noise(number as u32 + 10, Size::new(8, 8)));
    }
    let mut phantom = Phantom::new(5, 0, 64);
    phantom.uid = "x".repeat(5000);
    phantom.write(&bench.at("images/long.dcm"), Encoding::new(0)).unwrap();
    let runs = [1, 2].map(|_| {
        let out = bench.expect(0, "predict ensemble.toml images --device cpu --maps maps --out s.csv");
        assert!(said(&out).contains("`maps/ids.csv`"), "{}", said(&out));
        crate::contents(&bench.at("maps"))
    });
    assert_eq!(runs[0].len(), 8 + 1);
    assert!(runs[0] == runs[1], "names are the same every time");
    assert!(runs[0].keys().all(|path| path.file_name().unwrap().len() <= 124));
    assert_eq!(bench.read("s.csv").lines().count(), 1 + 8);
    bench.expect(0, "data convert images images --out pngs");
    assert_eq!(fs::read_dir(bench.at("pngs")).unwrap().count(), 8 + 1);
}

#[test]
fn a_map_that_cannot_be_written_costs_that_map() {
    let bench = Bench::new();
    fs::create_dir_all(bench.at("maps/image1.png")).unwrap();
    fs::create_dir_all(bench.at("pngs/image1.png")).unwrap();
    let out = bench.expect(1, "predict ensemble.toml images --device cpu --maps maps --out s.csv");
    assert!(said(&out).contains("`image1` has a row, but no map: "), "{}", said(&out));
    assert_eq!(bench.read("s.csv").lines().count(), 1 + 4);
    assert_eq!(fs::read_dir(bench.at("maps")).unwrap().count(), 4);
    for words in ["data convert images images --out pngs", "data convert masks truth.csv --size 8x8 --out pngs"] {
        let out = bench.expect(1, words);
        assert!(said(&out).contains("image1") && said(&out).contains("skipped"), "{}", said(&out));
        assert_eq!(fs::read_dir(bench.at("pngs")).unwrap().count(), 4);
    }
}
