//! Changes between a run and its continuation.

use pleura_files::digest;

use super::*;

#[test]
fn what_changed_is_named_and_an_unfinished_run_is_not_thrown_away() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    bench.interrupted("out", 3, &[]);
    let journal = fs::read(bench.journal("out")).unwrap();
    let refused = |more: &[&str], words: &[&str]| {
        let run = bench.predict("out", more);
        assert_eq!(run.status.code(), Some(2), "{}", said(&run));
        words.iter().for_each(|word| assert!(said(&run).contains(word), "{word}: {}", said(&run)));
        assert!(fs::read(bench.journal("out")).unwrap() == journal);
    };
    refused(&[], &["--resume", "or delete", "out.csv.journal"]);
    let sample = bench.at("sample.csv");
    fs::write(&sample, "ImageId,EncodedPixels\nimage00,-1\n").unwrap();
    refused(&["--resume", "--sample", sample.to_str().unwrap()], &["the sample: then none, now sha256"]);
    refused(&["--resume", "--maps", bench.at("maps").to_str().unwrap()], &["the folder of maps"]);
    let change = |toml: &str| fs::write(&bench.case.manifest, format!("schema = 1\nname = \"case\"\n{toml}")).unwrap();
    change(&bench.toml.replace("above = 0.35", "above = 0.4"));
    refused(&["--resume"], &["the manifest: then sha256", "leave out `--resume`"]);
    change(&bench.toml);
    Toy { gain: 0.8, ..Toy::default() }.write(&bench.at("s.onnx"));
    refused(&["--resume"], &["the model `s.onnx`"]);
    // Without `--resume`, the other run starts from the beginning.
    let run = bench.predict("out", &[]);
    assert!(
        run.status.success() && said(&run).contains("replaced the journal of a different, unfinished run"),
        "{}",
        said(&run)
    );
    assert!(bench.outputs("out") != whole);
}

#[test]
fn a_finished_run_says_so_and_another_is_run() {
    let bench = Bench::new();
    fs::write(bench.at("images/broken.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let first = bench.predict("out", &["--resume"]);
    assert_eq!(first.status.code(), Some(1), "{}", said(&first));
    assert!(said(&first).contains("nothing to resume"), "{}", said(&first));
    assert_eq!(bench.receipt("out")["skipped"].as_array().unwrap().len(), 1);
    let receipt = bench.receipt("out");
    let again = |finished: bool| {
        let run = bench.predict("out", &["--resume"]);
        assert_eq!(run.status.code(), Some(1), "{}", said(&run));
        assert_eq!(said(&run).contains("already finished"), finished, "{}", said(&run));
        assert!(String::from_utf8_lossy(&run.stdout).contains("out.csv"));
        assert_eq!(bench.receipt("out") == receipt, finished);
        assert!(!bench.journal("out").exists());
        said(&run)
    };
    again(true);
    bench.draw(IMAGES, 0);
    assert!(again(false).contains("the images differ from those"));
    fs::remove_file(bench.at(&format!("images/image{IMAGES:02}.png"))).unwrap();
    again(false);
    fs::write(bench.at("out.csv"), "ImageId,EncodedPixels\n").unwrap();
    assert!(again(false).contains("out.csv` has changed"));
}

#[test]
fn an_image_that_changed_and_a_map_that_is_gone_are_done_again() {
    let bench = Bench::new();
    let maps = bench.at("maps");
    let with_maps = ["--maps", maps.to_str().unwrap()];
    let done = bench.interrupted("out", 8, &with_maps);
    let mut pictures: Vec<PathBuf> = fs::read_dir(&maps).unwrap().map(|entry| entry.unwrap().path()).collect();
    // the file being written when the run was killed has another extension
    pictures.retain(|path| path.extension().is_some_and(|end| end == "png"));
    assert!(pictures.len() > 3);
    let before = fs::read(&pictures[0]).unwrap();
    fs::remove_file(&pictures[0]).unwrap();
    bench.draw(1, 99);
    let said = bench.resume("out", &with_maps);
    // image 1 may or may not have the removed map
    assert!((1..=2).any(|again| said.contains(&format!("resumed: {} of {IMAGES}", done - again))), "{said}");
    if !pictures[0].ends_with("image01.png") {
        assert!(fs::read(&pictures[0]).unwrap() == before);
    }
    let whole = bench.predict("whole", &["--maps", bench.at("other").to_str().unwrap()]);
    assert!(whole.status.success() && bench.outputs("out") == bench.outputs("whole"));
    let count = |folder: &str| fs::read_dir(bench.at(folder)).unwrap().count();
    assert_eq!(count("maps"), count("other"));
}

#[test]
fn what_is_outside_the_sample_is_inferred_neither_at_first_nor_later() {
    let bench = Bench::new();
    let ids: String = (0..IMAGES).step_by(2).map(|index| format!("image{index:02},-1\n")).collect();
    let sample = bench.at("sample.csv");
    fs::write(&sample, format!("ImageId,EncodedPixels\n{ids}")).unwrap();
    let sampled = ["--sample", sample.to_str().unwrap()];
    let run = |out: &str, more: &[&str]| {
        let run = bench.predict(out, &[&sampled, more].concat());
        assert_eq!(run.status.code(), Some(1), "{}", said(&run));
        assert!(said(&run).contains("its id `image01` is not in the sample"), "{}", said(&run));
        assert_eq!(bench.receipt(out)["skipped"].as_array().unwrap().len(), IMAGES / 2);
        bench.receipt(out)["inferences"]["run"].as_u64().unwrap()
    };
    let whole = run("whole", &[]);
    assert!(whole <= IMAGES as u64, "{whole}");
    bench.interrupted("out", 4, &sampled);
    let (done, ran) = journaled(&bench.journal("out"));
    assert_eq!((run("out", &["--resume"]), &bench.receipt("out")["resumed"]), (whole - ran, &done.into()));
    assert!(bench.outputs("out") == bench.outputs("whole"));
}

#[test]
fn what_a_manifest_extends_is_part_of_it() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    let long = fs::read_to_string(&bench.case.manifest).unwrap();
    let base = |text: &str| fs::write(bench.at("base.toml"), text).unwrap();
    base(&long);
    fs::write(&bench.case.manifest, "extends = \"base.toml\"\n").unwrap();
    bench.interrupted("out", 3, &[]);
    base(&long.replace("above = 0.35", "above = 0.4"));
    let run = bench.predict("out", &["--resume"]);
    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
    assert!(said(&run).contains("the manifest: then sha256"), "{}", said(&run));
    base(&format!("# a remark\n{long}"));
    let run = bench.predict("out", &["--resume"]);
    assert!(run.status.success(), "{}", said(&run));
    // findings name the manifest
    assert!(bench.outputs("out")[0] == whole[0]);

    // the hash that is compared is that of what `check` prints
    let output = support::pleura().arg("check").arg(&bench.case.manifest).arg("--resolved").output().unwrap();
    let (printed, receipt) = (digest::bytes(&output.stdout), bench.receipt("out"));
    assert_eq!(receipt["manifest"]["sha256"].as_str().unwrap_or_default(), printed, "{receipt}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("extends"));
}
