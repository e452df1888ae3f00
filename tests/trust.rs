//! How far an answer can be trusted: the members' agreement, calibrated probabilities, and images that people should
//! read first.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use pleura::ensemble::{Ensemble, Finding, Outcome};
use pleura::manifest::Exit;
use pleura::report::read_findings;
use pleura::runtime::Device;
use pleura::submission::{Runs, Submission};
use pleura::{Mask, Size};
use serde_json::Value;
use support::case::{Case, POST, chain, intensities, member, ramp, score};
use support::toy::{Toy, noise, png};

/// Two classifiers and three segmenters, which are the more doubtful the higher their number.
fn models() -> [(&'static str, Toy); 5] {
    let toy = |gain| Toy { gain, ..Toy::default() };
    [("c1", toy(1.0)), ("c2", toy(0.5)), ("s1", toy(1.0)), ("s2", toy(0.8)), ("s3", toy(0.6))]
}

fn toml(keys: &str) -> String {
    let classifiers: String = ["c1", "c2"].map(|name| member("classifier", name, score())).concat();
    let segmenters: String = ["s1", "s2", "s3"].map(|name| member("segmenter", name, "")).concat();
    format!("{POST}\n{keys}\n[classifier]\ngate = {{ kind = \"score\", above = 0.3 }}\n{classifiers}{segmenters}")
}

fn case(keys: &str) -> Case {
    Case::new(&models(), &toml(keys))
}

/// The mean Dice of three masks of a map times these gains.
fn dice(map: &Array2<f32>, above: f32) -> f32 {
    let runs = [1.0, 0.8, 0.6].map(|gain| Runs::from(&Mask::from(map.mapv(|p| p * gain > above))));
    ((runs[0].dice(&runs[1]) + runs[0].dice(&runs[2]) + runs[1].dice(&runs[2])) / 3.0) as f32
}

#[test]
fn agreement_is_that_of_the_members_own_outputs() {
    let near = |a: Option<f32>, b: f32| a.is_some_and(|a| (a - b).abs() < 1e-5);
    for (keys, above) in [("", 0.5), ("agreement = { above = 0.3 }", 0.3)] {
        let found = case(keys).predict(&ramp());
        let map = intensities(&ramp());
        let mean = map.mean().unwrap();
        let agreement = found.agreement;
        assert!(near(agreement.score_spread, mean / 2.0), "{agreement:?}, mean {mean}");
        assert!(near(agreement.dice, dice(&map, above)), "{agreement:?}");
        assert!(dice(&map, above) < 0.95);
        assert_eq!((found.outcome(), found.calibrated), (Outcome::Positive, None));
    }
    // at the size of the output, whichever way the maps come to it
    let sized = case("output.size = [24, 16]");
    let image = sized.image(&ramp());
    let ensemble = sized.open(None);
    let found = ensemble.predict(&image).unwrap();
    let maps: Vec<Array2<f32>> = ensemble
        .explain(&image)
        .unwrap()
        .segmenter
        .unwrap()
        .members
        .into_iter()
        .map(|it| it.answer.map.unwrap())
        .collect();
    let runs: Vec<Runs> = maps.iter().map(|map| Runs::from(&Mask::from(map.mapv(|p| p > 0.5)))).collect();
    let expected = (runs[0].dice(&runs[1]) + runs[0].dice(&runs[2]) + runs[1].dice(&runs[2])) / 3.0;
    assert!(near(found.agreement.dice, expected as f32), "{:?} {expected}", found.agreement);
    assert_eq!(ensemble.explain(&image).unwrap().finding.agreement, found.agreement);
}

/// Images from dark to bright.
fn images(folder: &Path) -> Vec<PathBuf> {
    let image = |seed: u32| {
        let pixels = noise(seed, Size::new(8, 8)).mapv(|v| (f32::from(v) * 0.1 * seed as f32).min(255.0) as u8);
        png(folder, &format!("i{seed:02}"), &pixels)
    };
    (0..24).map(image).collect()
}

fn findings(ensemble: &Ensemble, files: &[PathBuf]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let run = ensemble.predict_files(files, |_, finding, _| finding.map(|finding| findings.push(finding)));
    run.unwrap_or_else(|error| panic!("{}", chain(&error)));
    findings
}

#[test]
fn a_rule_refers_by_exact_values_and_changes_nothing_else() {
    let rules = [
        ("score = [0.28, 0.4]", "the score "),
        ("calibrated = [0.1, 0.3]", "the calibrated probability "),
        ("spread_above = 0.2", "the classifiers' scores differ by "),
        ("dice_below = 0.6", "the segmenters' masks have a mean Dice of "),
        ("stages_disagree = true", "the classifiers' gate lets it pass, but nothing is marked"),
    ];
    let hot = "calibration = { kind = \"temperature\", temperature = 0.5 }";
    // so high that some images pass the gate and have nothing marked
    let case = |keys: &str| Case::new(&models(), &toml(keys).replacen("above = 0.5", "above = 0.7", 1));
    let plain = case(hot);
    let files = images(plain.folder.path());
    let before = findings(&plain.open(Some(Exit::Exact)), &files);
    let full = findings(&plain.open(Some(Exit::Full)), &files);
    for (rule, reason) in rules {
        let with = case(&format!("{hot}\nrefer = {{ {rule} }}"));
        let found = findings(&with.open(Some(Exit::Exact)), &files);
        let referred = found.iter().filter(|finding| finding.outcome() == Outcome::Refer).count();
        assert!(referred > 0 && referred < files.len(), "{rule}: {referred}");
        for ((found, before), full) in found.iter().zip(&before).zip(&full) {
            assert_eq!((&found.mask, found.decision), (&before.mask, before.decision), "{rule}");
            assert!(found.reasons.iter().all(|found| found.starts_with(reason)), "{:?}", found.reasons);
            assert_eq!(found.outcome() == Outcome::Refer, !found.reasons.is_empty());
            // what the rule reads is what a full run has
            if !rule.starts_with("stages") && !rule.starts_with("dice") {
                assert_eq!((found.score, found.calibrated), (full.score, full.calibrated), "{rule}");
                assert_eq!(found.agreement.score_spread, full.agreement.score_spread, "{rule}");
            }
            if found.runs.segmenters > 0 {
                assert_eq!(found.agreement.dice, full.agreement.dice, "{rule}");
            }
        }
    }
    // without a rule, early exit goes on, and bounds stay bounds
    let open = before.iter().filter(|found| found.calibrated.is_some_and(|(low, high)| low < high)).count();
    assert!(open > 0);
    for (before, full) in before.iter().zip(&full) {
        let ((low, high), (exact, _)) = (before.calibrated.unwrap(), full.calibrated.unwrap());
        assert!(low <= exact && exact <= high);
    }
}

/// Runs `pleura` and returns its standard output and error.
fn told(args: &[&str], code: i32) -> (String, String) {
    let output = support::pleura().args(args).output().unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}{error}");
    (out, error)
}

/// Findings by id.
fn lines(path: &Path) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (line["id"].as_str().unwrap().to_owned(), line)).collect()
}

#[test]
fn tune_calibrates_and_predict_refers_in_findings_and_never_in_the_csv() {
    let case = case("");
    let folder = case.folder.path();
    let files = folder.join("images");
    fs::create_dir(&files).unwrap();
    let images = images(&files);
    // the brighter, the likelier: a score of 0.35 is more often positive than it says
    let full = findings(&case.open(Some(Exit::Full)), &images);
    let mut truth = Submission::new(Size::new(8, 8));
    for (number, found) in full.iter().enumerate() {
        let positive = found.score.unwrap().0 > if number.is_multiple_of(3) { 0.2 } else { 0.3 };
        truth.insert(found.id.clone(), &Mask::from(Array2::from_elem((8, 8), positive))).unwrap();
    }
    let truth_csv = folder.join("truth.csv");
    truth.write(&truth_csv).unwrap();
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (manifest, cache, truth_csv) = (at("ensemble.toml"), at("cache"), at("truth.csv"));
    let tune = |method: &str, out: &str, code| {
        let out = at(out);
        let args = ["tune", &manifest, "--images", &at("images"), "--truth", &truth_csv, "--truth-size", "8x8"];
        let more = ["--cache", &cache, "--device", "cpu", "--nested", "3", "--calibrate", method, "--out", &out];
        told(&[args.as_slice(), more.as_slice()].concat(), code)
    };
    for (method, key) in [("temperature", "temperature: "), ("isotonic", "isotonic: ")] {
        let (out, _) = tune(method, &format!("{method}.toml"), 0);
        assert!(out.contains("the scores as they are") && out.contains("nested cross-validation"), "{out}");
        assert!(out.contains(key), "{out}");
        let text = fs::read_to_string(folder.join(format!("{method}.toml"))).unwrap();
        assert!(text.contains(&format!("calibration = {{ kind = \"{method}\"")), "{text}");
        // the calibration of a calibrated manifest replaces it
        let again = pleura::tune::calibrated(
            &text,
            Path::new("x.toml"),
            &pleura::manifest::Calibration::Temperature { temperature: 1.5 },
        );
        let again = again.unwrap();
        assert_eq!(again.matches("calibration").count(), 1, "{again}");
        assert!(again.contains("calibration = { kind = \"temperature\", temperature = 1.5 }"), "{again}");
    }
    let (_, error) = tune("platt", "x.toml", 2);
    assert!(error.contains("expected `temperature` or `isotonic`, found `platt`"), "{error}");

    let calibrated = fs::read_to_string(folder.join("isotonic.toml")).unwrap();
    let refer = "refer = { score = [0.25, 0.4], stages_disagree = true }\n";
    fs::write(folder.join("refer.toml"), calibrated.replacen("[classifier]", &format!("{refer}[classifier]"), 1))
        .unwrap();
    fs::write(folder.join("refer.toml"), format!("{refer}{calibrated}")).unwrap();
    for name in ["isotonic", "refer"] {
        let (manifest, out, lines) =
            (at(&format!("{name}.toml")), at(&format!("{name}.csv")), at(&format!("{name}.jsonl")));
        let args = ["predict", &manifest, &at("images"), "--device", "cpu", "--out", &out, "--findings", &lines];
        let (_, error) = told(&args, 0);
        assert_eq!(error.contains("referred to people: "), name == "refer", "{error}");
    }
    let csv = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!(csv("isotonic.csv"), csv("refer.csv"));
    let (plain, referred) = (lines(&folder.join("isotonic.jsonl")), lines(&folder.join("refer.jsonl")));
    let mut count = 0;
    for (id, line) in &referred {
        let is_referred = line["outcome"] == "refer";
        count += usize::from(is_referred);
        assert_eq!(line.get("reasons").is_some(), is_referred, "{line}");
        assert_eq!((&line["positive"], &line["rle"]), (&plain[id]["positive"], &plain[id]["rle"]));
        assert!(line["calibrated"][0].as_f64().is_some(), "{line}");
    }
    assert!(count > 0 && count < referred.len());

    // the report tells it, and reads it back
    let said = read_findings(folder.join("refer.jsonl")).unwrap();
    assert_eq!(said.iter().filter(|found| found.case.is_referred()).count(), count);
    let groups: String = images
        .iter()
        .enumerate()
        .map(|(number, file)| {
            format!("{},{}\n", file.file_stem().unwrap().to_str().unwrap(), ["north", "south"][number % 2])
        })
        .collect();
    fs::write(folder.join("sites.csv"), format!("ImageId,Site\n{groups}")).unwrap();
    let (page, sites, lines) = (at("page.html"), at("sites.csv"), at("refer.jsonl"));
    told(&["report", &lines, "--truth", &truth_csv, "--size", "8x8", "--out", &page, "--groups", &sites], 0);
    let page = fs::read_to_string(&page).unwrap();
    let needed = [
        "AURC",
        "by people first",
        "the run&#39;s own referral",
        "By group",
        ">Site</th>",
        ">north</th>",
        "calibrated probability",
    ];
    for needed in needed.into_iter().map(|it| it.replace("&#39;", "'")) {
        assert!(page.contains(&needed), "{needed}");
    }
    let wrong = at("wrong.csv");
    fs::write(&wrong, "ImageId,Site\nelsewhere,north\n").unwrap();
    let (_, error) = told(
        &["report", &lines, "--truth", &truth_csv, "--size", "8x8", "--out", &at("p.html"), "--groups", &wrong],
        2,
    );
    assert!(error.contains("has none of the images"), "{error}");

    // and one image's explanation
    let (out, _) = told(&["explain", &at("refer.toml"), images[9].to_str().unwrap(), "--device", "cpu"], 0);
    assert!(out.contains("agreement: the classifiers' scores differ by "), "{out}");
    assert!(out.contains("calibrated probability: "), "{out}");
}

#[test]
fn weights_and_a_calibration_are_not_searched_together() {
    let case = case("");
    let (manifest, folder) = (case.manifest.to_str().unwrap(), case.folder.path().to_str().unwrap());
    let args =
        ["tune", manifest, folder, "--truth", "t.csv", "--cache", folder, "--weights", "--calibrate", "isotonic"];
    let (_, error) = told(&args, 2);
    assert!(error.contains("cannot be used with"), "{error}");
    let device = Ensemble::options().device(Device::Cpu).open(&case.manifest).unwrap();
    assert_eq!(device.manifest().agreement.above, 0.5);
}
