//! Stages, members, merges, gates and early exit, on toy networks whose outputs can be computed by hand.

mod support;

use std::path::Path;

use ndarray::{Array2, array};
use pleura::ensemble::{Decision, Ensemble};
use pleura::manifest::Exit;
use pleura::runtime::Device;
use pleura::{Radiograph, Size};
use support::case::{Case, POST, chain, close, intensities, member, ramp, score};
use support::toy::{Toy, noise, png};

#[test]
fn an_identity_network_gives_back_the_stored_values() {
    let case = Case::new(&[("a", Toy::default())], &format!("{POST}\n{}", member("segmenter", "a", "")));
    let finding = case.predict(&ramp());
    // SIIM's 8-bit values reach the network exactly as v / 255, to the last bit.
    assert_eq!(finding.map.as_ref().unwrap(), &intensities(&ramp()));
    assert_eq!(finding.mask.pixels(), intensities(&ramp()).mapv(|p| p > 0.5));
    assert_eq!(finding.decision, Decision::Postprocess);
}

#[test]
fn every_merge_gives_what_it_is_called() {
    let models = [
        ("a", Toy { gain: 0.0, shift: 0.2, ..Toy::default() }),
        ("b", Toy { gain: 0.0, shift: 0.8, ..Toy::default() }),
    ];
    let cases = [
        ("{ kind = \"mean\" }", 0.65),
        ("{ kind = \"mean-logits\" }", 0.666_667),
        ("{ kind = \"geometric\" }", 0.565_685),
        ("{ kind = \"max\" }", 0.8),
        ("{ kind = \"min\" }", 0.2),
        ("{ kind = \"vote\", above = 0.5 }", 0.75),
    ];
    for (merge, expected) in cases {
        let toml = format!(
            "{POST}\n[segmenter]\nmerge = {merge}\n{}{}",
            member("segmenter", "a", "weight = 1.0"),
            member("segmenter", "b", "weight = 3.0")
        );
        let map = Case::new(&models, &toml).predict(&ramp()).map.unwrap();
        assert!(close(&map, &Array2::from_elem((8, 8), expected)), "{merge}: {} not {expected}", map[(0, 0)]);
    }
}

#[test]
fn a_member_of_weight_0_is_not_run() {
    let models = [("a", Toy::default()), ("nan", Toy { gain: f32::NAN, ..Toy::default() })];
    let toml = format!("{POST}\n{}{}", member("segmenter", "a", ""), member("segmenter", "nan", "weight = 0.0"));
    let finding = Case::new(&models, &toml).predict(&ramp());
    assert_eq!(finding.runs.segmenters, 1);
}

#[test]
fn a_network_that_answers_nan_skips_the_image_and_is_named() {
    let models = [("a", Toy::default()), ("bad", Toy { gain: f32::NAN, ..Toy::default() })];
    let toml = format!("{POST}\n{}{}", member("segmenter", "a", ""), member("segmenter", "bad", ""));
    let case = Case::new(&models, &toml);
    let error = case.open(None).predict(&case.image(&ramp())).unwrap_err().to_string();
    assert!(error.contains("member `bad`, output `map`: holds NaN"), "{error}");
}

#[test]
fn logits_declared_as_probabilities_are_an_error_and_not_a_mask() {
    let case = Case::new(
        &[("a", Toy { gain: 9.0, shift: -4.0, ..Toy::default() })],
        &format!("{POST}\n{}", member("segmenter", "a", "")),
    );
    let error = case.open(None).predict(&case.image(&ramp())).unwrap_err().to_string();
    assert!(error.contains("which is not a probability"), "{error}");
}

#[test]
fn layouts_channels_precision_and_fixed_shapes_give_the_same_map() {
    let plain = Case::new(&[("a", Toy::default())], &format!("{POST}\n{}", member("segmenter", "a", "")));
    let expected = plain.predict(&ramp()).map.unwrap();
    let toys = [
        ("channels = 3", Toy { channels: 3, ..Toy::default() }, 1e-6),
        ("channels = 3, layout = \"nhwc\"", Toy { channels: 3, nhwc: true, ..Toy::default() }, 1e-6),
        // Half precision keeps 11 bits: 1/2048 of a value up to 1.
        ("channels = 1", Toy { half: true, ..Toy::default() }, 5e-4),
        ("channels = 1", Toy { fixed: Some((3, 8, 8)), ..Toy::default() }, 1e-6),
    ];
    for (keys, toy, tolerance) in toys {
        let toml = format!(
            "{POST}\n[[segmenter.members]]\nname = \"a\"\nmodel = \"a.onnx\"\n\
             input = {{ name = \"image\", size = [8, 8], {keys} }}\n\
             map = {{ output = \"map\", values = \"probabilities\" }}\n"
        );
        let map = Case::new(&[("a", toy)], &toml).predict(&ramp()).map.unwrap();
        let worst = map.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= tolerance, "{keys}: off by {worst}");
    }
}

#[test]
fn maps_are_resized_as_logits_or_as_probabilities_as_declared() {
    // A step from logit -9 to logit 9, doubled in size: half way, logits give sigmoid(-4.5), probabilities 0.25.
    let pixels = array![[0u8, 255], [0, 255]];
    let resized = |as_values: &str| {
        let toml = format!(
            "output = {{ size = [4, 4] }}\n{POST}\n[[segmenter.members]]\nname = \"a\"\nmodel = \"a.onnx\"\n\
             input = {{ name = \"image\", size = [2, 2], channels = 1 }}\n\
             map = {{ output = \"map\", values = \"logits\", resize_as = \"{as_values}\" }}\n"
        );
        Case::new(&[("a", Toy { gain: 18.0, shift: -9.0, ..Toy::default() })], &toml).predict(&pixels).map.unwrap()
    };
    assert!((resized("logits")[(0, 1)] - 0.010_987).abs() < 1e-4);
    assert!((resized("probabilities")[(0, 1)] - 0.250_06).abs() < 1e-4);
}

#[test]
fn views_are_undone() {
    // The network sees each flipped image and gives the same output: flipped back, all views agree with the identity.
    for tta in [
        "[{ plugin = \"flip\", params = { axis = \"horizontal\" } }]",
        "[{ plugin = \"flip\", params = { axis = \"both\" } }, { plugin = \"rotate\", params = { degrees = [90.0, 180.0] } }]",
    ] {
        let toml = format!("{POST}\n{}", member("segmenter", "a", &format!("tta = {tta}")));
        let map = Case::new(&[("a", Toy::default())], &toml).predict(&ramp()).map.unwrap();
        assert!(close(&map, &intensities(&ramp())), "{tta}");
    }
}

#[test]
fn a_scaled_view_runs_at_its_own_size_and_comes_back() {
    let tta = "tta = [{ plugin = \"scale\", params = { factors = [2.0], multiple = 8 } }]";
    let toml = format!("{POST}\n{}", member("segmenter", "a", tta));
    let flat = Array2::from_elem((8, 8), 102u8);
    let map = Case::new(&[("a", Toy::default())], &toml).predict(&flat).map.unwrap();
    assert!(close(&map, &Array2::from_elem((8, 8), 0.4)));
    // A network of fixed size is reported before anything runs.
    let case = Case::new(&[("a", Toy { fixed: Some((1, 8, 8)), ..Toy::default() })], &toml);
    let error = chain(&Ensemble::options().device(Device::Cpu).open(&case.manifest).err().unwrap());
    assert!(error.contains("a view is 16×16, but the model takes 8×8 only"), "{error}");
}

#[test]
fn the_gate_keeps_segmenters_from_running() {
    let models = [("c", Toy::default()), ("s", Toy::default())];
    let toml = format!(
        "{POST}\n[classifier]\ngate = {{ kind = \"score\", above = 0.5 }}\n{}{}",
        member("classifier", "c", score()),
        member("segmenter", "s", "")
    );
    let case = Case::new(&models, &toml);
    let dark = case.predict(&Array2::from_elem((8, 8), 120));
    assert_eq!((dark.decision, dark.runs.segmenters, dark.mask.area()), (Decision::ClassifierGate, 0, 0));
    let bright = case.predict(&Array2::from_elem((8, 8), 140));
    assert_eq!((bright.decision, bright.runs.segmenters, bright.mask.area()), (Decision::Postprocess, 1, 64));
    assert_eq!(bright.score, Some((140.0 / 255.0, 140.0 / 255.0)));
}

#[test]
fn early_exit_answers_as_the_full_run_and_runs_less() {
    let gains = [("a", 1.0), ("b", 0.9), ("c", 0.5), ("d", 0.8), ("e", 0.3)];
    let models: Vec<_> = gains.iter().map(|&(name, gain)| (name, Toy { gain, ..Toy::default() })).collect();
    let gates = [
        "{ kind = \"score\", above = 0.37 }",
        "{ kind = \"any-pixel\", above = 0.65 }",
        "{ kind = \"area\", above = 0.5, at_least = 9, at = [8, 8] }",
        "{ kind = \"all\", of = [{ kind = \"score\", at_least = 0.3 }, { kind = \"any-pixel\", above = 0.6 }] }",
        "{ kind = \"any\", of = [{ kind = \"score\", above = 0.4 }, { kind = \"area\", above = 0.4, at_least = 70, at = [16, 16] }] }",
    ];
    let merges = [
        "{ kind = \"mean\" }",
        "{ kind = \"max\" }",
        "{ kind = \"min\" }",
        "{ kind = \"geometric\" }",
        "{ kind = \"vote\", above = 0.35 }",
        "{ kind = \"mean-logits\" }",
    ];
    let mut saved = 0;
    for gate in gates {
        for merge in merges {
            let stage =
                |stage: &str| -> String { gains.iter().map(|(name, _)| member(stage, name, score())).collect() };
            let toml = format!(
                "{POST}\n[classifier]\nmerge = {merge}\ngate = {gate}\n{}[segmenter]\nmerge = {merge}\ngate = {gate}\n{}",
                stage("classifier"),
                stage("segmenter")
            );
            let case = Case::new(&models, &toml);
            let (exact, full) = (case.open(Some(Exit::Exact)), case.open(Some(Exit::Full)));
            let images: Vec<_> = (0..12).map(|seed| dimmed(&case, seed)).collect();
            for (exact, full) in exact.predict_batch(&images).into_iter().zip(full.predict_batch(&images)) {
                let (exact, full) = (exact.unwrap(), full.unwrap());
                assert_eq!(exact.mask, full.mask, "{merge} {gate}");
                let ((low, high), (score, _)) = (exact.score.unwrap(), full.score.unwrap());
                assert!(low <= score && score <= high, "{merge} {gate}: {score} outside {low}..{high}");
                saved += full.runs.classifiers + full.runs.segmenters - exact.runs.classifiers - exact.runs.segmenters;
            }
        }
    }
    assert!(saved > 0, "early exit never spared a run");
}

/// Noise with a brightness that depends on the seed.
fn dimmed(case: &Case, seed: u32) -> Radiograph {
    let factor = 0.3 + 0.06 * seed as f32;
    case.image(&noise(seed, Size::new(8, 8)).mapv(|v| (f32::from(v) * factor).min(255.0) as u8))
}

#[test]
fn one_bad_image_does_not_harm_the_others() {
    let toml = format!("{POST}\n{}", member("segmenter", "a", ""));
    let case = Case::new(&[("a", Toy::default())], &toml);
    let missing = case.folder.path().join("missing.png");
    let good = png(case.folder.path(), "good", &ramp());
    let text = case.folder.path().join("text.dcm");
    std::fs::write(&text, "no radiograph").unwrap();
    let mut seen = Vec::new();
    case.open(Some(Exit::Exact))
        .predict_files(&[good.clone(), missing, text, good], |path: &Path, finding, _| {
            seen.push((path.file_stem().unwrap().to_owned(), finding.is_ok()));
            Ok::<(), std::convert::Infallible>(())
        })
        .unwrap();
    let oks: Vec<bool> = seen.iter().map(|(_, ok)| *ok).collect();
    assert_eq!(oks, [true, false, false, true]);
}

#[test]
fn a_member_of_weight_0_needs_no_score() {
    let idle = member("classifier", "map-only", "weight = 0.0");
    let toml = format!(
        "{POST}\n[classifier]\ngate = {{ kind = \"score\", above = 0.5 }}\n{}{idle}{}",
        member("classifier", "c", score()),
        member("segmenter", "c", "")
    );
    let case = Case::new(&[("c", Toy::default()), ("map-only", Toy::default())], &toml);
    let bright = case.predict(&Array2::from_elem((8, 8), 255));
    assert_eq!((bright.decision, bright.mask.area()), (Decision::Postprocess, 64));
}

#[test]
fn every_member_s_sha256_is_checked_also_of_a_file_that_is_open_already() {
    let wrong = format!("sha256 = \"{}\"", "0".repeat(64));
    let toml = format!("{POST}\n{}{}", member("segmenter", "a", ""), member("segmenter", "a", &wrong)).replacen(
        "name = \"a\"",
        "name = \"first\"",
        1,
    );
    let case = Case::new(&[("a", Toy::default())], &toml);
    let error = chain(&Ensemble::options().device(Device::Cpu).open(&case.manifest).err().unwrap());
    assert!(error.contains("`segmenter.members[1].sha256`") && error.contains("has changed"), "{error}");
}

#[test]
fn stacks_merge_scores_or_maps() {
    let stack = |stage: &str| {
        format!(
            "[{stage}]\nmerge = {{ kind = \"stack\", model = \"{stage}.onnx\", input = \"answers\", \
             output = \"merged\", values = \"probabilities\" }}\n"
        )
    };
    let models = [("a", Toy { gain: 0.5, ..Toy::default() }), ("b", Toy::default())];
    let stage = |stage: &str| [member(stage, "a", score()), member(stage, "b", score())].concat();
    let any_pixel = "gate = { kind = \"any-pixel\", above = 0.7 }\n";
    // Maps if the gate looks at pixels, scores if it looks at the score.
    for (gate, maps) in [(any_pixel, true), ("gate = { kind = \"score\", above = 0.7 }\n", false)] {
        let classifier = [stack("classifier"), gate.into(), stage("classifier")].concat();
        let toml = [POST, "\n", &classifier, &stack("segmenter"), &stage("segmenter")].concat();
        let case = Case::new(&models, &toml);
        support::toy::stack(&case.folder.path().join("classifier.onnx"), 2, maps);
        support::toy::stack(&case.folder.path().join("segmenter.onnx"), 2, true);
        let bright = case.predict(&Array2::from_elem((8, 8), 255));
        assert_eq!((bright.decision, bright.runs.segmenters), (Decision::Postprocess, 2), "{gate}");
        assert!(close(&bright.map.unwrap(), &Array2::from_elem((8, 8), 0.75)));
        // (0.5 + 1) / 2 * 0.9 is below the gate.
        assert_eq!(case.predict(&Array2::from_elem((8, 8), 229)).decision, Decision::ClassifierGate, "{gate}");
        // A stack of the other kind is refused, on opening and by a check.
        support::toy::stack(&case.folder.path().join("classifier.onnx"), 2, !maps);
        let error = chain(&Ensemble::options().device(Device::Cpu).open(&case.manifest).err().unwrap());
        assert!(error.contains("expected (N, M"), "{error}");
        let report = pleura::check::check(&case.manifest, &Ensemble::options().device(Device::Cpu)).unwrap();
        assert!(report.diagnostics.iter().any(|it| it.message.contains("expected (N, M")), "{report:?}");
    }
}

#[test]
fn an_image_that_breaks_the_model_does_not_take_its_batch_along() {
    let toml = format!("{POST}\n{}", member("segmenter", "a", ""));
    let case = Case::new(&[("a", Toy { fragile: true, ..Toy::default() })], &toml);
    let images = [150, 255, 160].map(|level| case.image(&Array2::from_elem((8, 8), level)));
    let ensemble = Ensemble::options().device(Device::Cpu).batch(3).open(&case.manifest).unwrap();
    let findings = ensemble.predict_batch(&images);
    assert_eq!(findings[0].as_ref().unwrap().mask.area(), 64);
    assert!(findings[1].as_ref().unwrap_err().to_string().contains("member `a`"));
    assert_eq!(findings[2].as_ref().unwrap().mask.area(), 64);
}

#[test]
fn a_run_that_is_ended_early_returns() {
    let case = Case::new(&[("a", Toy::default())], &format!("{POST}\n{}", member("segmenter", "a", "")));
    let files = vec![png(case.folder.path(), "image", &ramp()); 40];
    let mut seen = 0;
    let ended = case.open(None).predict_files(&files, |_, _, _| {
        seen += 1;
        Err("enough")
    });
    assert_eq!((ended, seen), (Err("enough"), 1));
}

#[test]
fn views_of_a_strided_network_on_an_image_that_is_not_square_come_back() {
    let pixels = noise(3, Size::new(8, 16));
    let run = |tta: &str, as_values: &str, pixels: &Array2<u8>| {
        let toml = format!(
            "output = {{ size = [8, 16] }}\n{POST}\n[[segmenter.members]]\nname = \"a\"\nmodel = \"a.onnx\"\n\
             input = {{ name = \"image\", size = [8, 16], channels = 1 }}\n\
             map = {{ output = \"map\", values = \"probabilities\", resize_as = \"{as_values}\" }}\n{tta}\n"
        );
        let toy = Toy { gain: 0.8, shift: 0.1, halve: true, ..Toy::default() };
        Case::new(&[("a", toy)], &toml).predict(pixels).map.unwrap()
    };
    let turns = "tta = [{ plugin = \"rotate\", params = { degrees = [90.0, 180.0, 270.0] } }]";
    let scaled = "tta = [{ plugin = \"scale\", params = { factors = [2.0], multiple = 8 } }]";
    let flat = Array2::from_elem((8, 16), 200u8);
    for as_values in ["probabilities", "logits"] {
        assert!(close(&run(turns, as_values, &pixels), &run("", as_values, &pixels)), "{as_values}");
        assert!(close(&run(scaled, as_values, &flat), &run("", as_values, &flat)), "{as_values}");
    }
}
