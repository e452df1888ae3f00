//! Early exit between a member's views and between its snapshots: the results of a full run, with fewer inferences.

mod support;

use std::fmt::Write;
use std::path::PathBuf;

use pleura::Size;
use pleura::ensemble::{Ensemble, Finding, Form};
use pleura::manifest::Exit;
use pleura::runtime::Device;
use support::case::{Case, POST, chain, member, score};
use support::toy::{Toy, noise, png};

/// Three views that a network which sees only the left half scores differently.
const VIEWS: &str = "tta = [{ plugin = \"flip\", params = { axis = \"horizontal\" } }, \
                     { plugin = \"gamma\", params = { gamma = 2.0 } }]";

fn models() -> [(&'static str, Toy); 4] {
    let toy = |gain, left_only| Toy { gain, left_only, ..Toy::default() };
    [("a", toy(1.0, false)), ("b", toy(0.9, true)), ("c", toy(0.8, false)), ("s", toy(1.0, false))]
}

/// A classifier stage of two members, the first with two snapshots, and a segmenter.
fn toml(merge: &str, gate: &str) -> String {
    let snapshots = "snapshots = [{ model = \"a.onnx\", weight = 2.0 }, { model = \"b.onnx\" }]";
    let first = member("classifier", "a", &format!("{}\n{VIEWS}\n{snapshots}", score()));
    let first = first.replace("model = \"a.onnx\"\ninput", "input");
    let second = member("classifier", "c", &format!("{}\n{VIEWS}\nweight = 2.0", score()));
    let segmenter = member("segmenter", "s", "");
    format!("{POST}\n[classifier]\nmerge = {merge}\ngate = {gate}\n{first}{second}{segmenter}")
}

/// Images from dark to bright.
fn images(case: &Case) -> Vec<PathBuf> {
    let image = |seed: u32| {
        let pixels = noise(seed, Size::new(8, 8)).mapv(|v| (f32::from(v) * 0.1 * seed as f32).min(255.0) as u8);
        png(case.folder.path(), &format!("i{seed:02}"), &pixels)
    };
    (0..16).map(image).collect()
}

fn findings(ensemble: &Ensemble, files: &[PathBuf]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let run = ensemble.predict_files(files, |_, finding, _| finding.map(|finding| findings.push(finding)));
    run.unwrap_or_else(|e| panic!("{}", chain(&e)));
    findings
}

/// The number of planes that the models received.
fn planes(ensemble: &Ensemble) -> usize {
    let shapes = ensemble.times().models.into_values().flat_map(|usage| usage.shapes);
    shapes.map(|(shape, runs)| shape[0] * runs).sum()
}

#[test]
fn views_that_cannot_matter_are_not_looked_at_and_nothing_changes() {
    let gates = [
        "{ kind = \"score\", above = 0.37 }",
        "{ kind = \"score\", at_least = 0.2, member = \"a\" }",
        "{ kind = \"agree\", above = 0.3 }",
        "{ kind = \"all\", of = [{ kind = \"score\", at_least = 0.3 }, { kind = \"score\", above = 0.2, member = \"c\" }] }",
        "{ kind = \"any\", of = [{ kind = \"score\", above = 0.4 }, { kind = \"agree\", above = 0.5, at_least = 1 }] }",
    ];
    let merges = ["mean", "max", "min", "geometric", "mean-logits"].map(|kind| format!("{{ kind = \"{kind}\" }}"));
    let (mut report, mut spared) = (String::new(), 0);
    for gate in gates {
        for merge in &merges {
            let case = Case::new(&models(), &toml(merge, gate));
            let files = images(&case);
            let (exact, full) = (case.open(Some(Exit::Exact)), case.open(Some(Exit::Full)));
            let (found, all) = (findings(&exact, &files), findings(&full, &files));
            let passed = all.iter().filter(|finding| finding.runs.segmenters > 0).count();
            for (exact, full) in found.iter().zip(&all) {
                assert_eq!((&exact.mask, exact.decision), (&full.mask, full.decision), "{merge} {gate}");
                let ((low, high), (score, _)) = (exact.score.unwrap(), full.score.unwrap());
                assert!(low <= score && score <= high, "{merge} {gate}: {score} outside {low}..{high}");
            }
            // Of an image's planes in a full run, nine are the classifiers'.
            let (less, more) = (planes(&exact), planes(&full));
            assert_eq!(more, 16 * 9 + passed, "{merge} {gate}");
            writeln!(report, "{less:4} of {more} planes, {passed:2} of 16 pass: {merge} {gate}").unwrap();
            // A member that had begun, and was not run to the end.
            spared += found.iter().filter(|finding| finding.classifiers.len() < finding.runs.classifiers).count();
            assert!(less <= more, "{report}");
        }
    }
    eprintln!("{report}{spared} turns were ended between views");
    assert!(spared > 100);
}

#[test]
fn findings_are_the_same_for_any_batch_and_with_a_cache() {
    // Some images end between the views of the first member, others of the second.
    for (gate, ended) in [("{ kind = \"agree\", above = 0.3 }", 1), ("{ kind = \"score\", above = 0.37 }", 2)] {
        let case = Case::new(&models(), &toml("{ kind = \"mean\" }", gate));
        let files = images(&case);
        let open = |batch: usize| Ensemble::options().device(Device::Cpu).threads(1).batch(batch);
        let expected = findings(&open(1).open(&case.manifest).unwrap(), &files);
        let between = |finding: &Finding| finding.runs.classifiers == ended && finding.classifiers.len() == ended - 1;
        assert!(expected.iter().any(between), "{expected:?}");
        for batch in [2, 3, 16] {
            assert_eq!(findings(&open(batch).open(&case.manifest).unwrap(), &files), expected, "batch {batch}");
        }
        let insisting = models().map(|(name, toy)| (name, Toy { fixed: Some((3, 8, 8)), ..toy }));
        let other = Case::new(&insisting, &toml("{ kind = \"mean\" }", gate));
        assert_eq!(findings(&open(2).open(&other.manifest).unwrap(), &files), expected, "a batch of the models' own");
        let cache = case.folder.path().join("cache");
        for replayed in [false, true] {
            let ensemble = open(2).cache(&cache, Form::Exact).open(&case.manifest).unwrap();
            assert_eq!(findings(&ensemble, &files), expected, "replayed: {replayed}");
            assert_eq!(ensemble.inferences().run == 0, replayed);
        }
    }
}

#[test]
fn one_view_is_enough_where_the_other_cannot_lift_the_score() {
    let left = Toy { left_only: true, ..Toy::default() };
    let flip = "tta = [{ plugin = \"flip\", params = { axis = \"horizontal\" } }]";
    let classifier = member("classifier", "c", &format!("{}\n{flip}", score()));
    let segmenter = member("segmenter", "c", "");
    let toml = format!("{POST}\n[classifier]\ngate = {{ kind = \"score\", above = 0.7 }}\n{classifier}{segmenter}");
    let case = Case::new(&[("c", left)], &toml);
    for (grey, planes_seen) in [(51, 1), (230, 2)] {
        let image = case.image(&ndarray::Array2::from_elem((8, 8), grey));
        let ensemble = case.open(Some(Exit::Exact));
        let finding = ensemble.predict(&image).unwrap();
        assert_eq!(planes(&ensemble), planes_seen, "grey {grey}");
        // The left half's mean, over all pixels.
        let seen = f32::from(grey) / 255.0 / 2.0;
        let (low, high) = finding.score.unwrap();
        let expected = if planes_seen == 1 { (seen / 2.0, (seen + 1.0) / 2.0) } else { (seen, seen) };
        assert!((low - expected.0).abs() < 1e-6 && (high - expected.1).abs() < 1e-6, "{low}..{high}");
    }
}
