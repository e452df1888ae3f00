//! Features of members besides a mean: snapshots, crops, masks of their own, thresholds, and gates that look at one of
//! them. The outputs of toy networks can be computed by hand.

mod support;

use std::collections::HashMap;

use ndarray::{Array2, s};
use pleura::ensemble::{Decision, Ensemble, Finding, Region};
use pleura::manifest::Exit;
use pleura::runtime::Device;
use pleura::{Radiograph, Size};
use support::case::{Case, POST, chain, close, intensities, member, ramp, score};
use support::toy::{Toy, png};

/// A network with the same output everywhere.
fn flat(shift: f32) -> Toy {
    Toy { gain: 0.0, shift, ..Toy::default() }
}

/// A member with several snapshots, in TOML.
fn snapshots(stage: &str, name: &str, list: &str, more: &str) -> String {
    member(stage, name, more).replace(&format!("model = \"{name}.onnx\"\n"), &format!("snapshots = [{list}]\n"))
}

/// The findings of all exit modes, which must agree.
fn findings(case: &Case, image: &Radiograph) -> [Finding; 2] {
    [Exit::Exact, Exit::Full]
        .map(|exit| case.open(Some(exit)).predict(image).unwrap_or_else(|e| panic!("{}", chain(&e))))
}

#[test]
fn snapshots_answer_as_one_before_the_merge() {
    let models = [("low", flat(0.2)), ("high", flat(0.6)), ("other", flat(0.9))];
    let list = "{ model = \"low.onnx\", weight = 3 }, { model = \"high.onnx\" }";
    // (3 · 0.2 + 0.6) / 4 = 0.3; a vote counts the two networks, not the three files.
    for (merge, expected) in [("mean", 0.6), ("max", 0.9), ("vote", 0.5)] {
        let above = if merge == "vote" { ", above = 0.5" } else { "" };
        let toml = format!(
            "{POST}\n[segmenter]\nmerge = {{ kind = \"{merge}\"{above} }}\n{}{}",
            snapshots("segmenter", "net", list, ""),
            member("segmenter", "other", "")
        );
        let map = Case::new(&models, &toml).predict(&ramp()).map.unwrap();
        assert!(close(&map, &Array2::from_elem((8, 8), expected)), "{merge}: {}", map[(0, 0)]);
    }
}

#[test]
fn an_out_of_fold_run_asks_only_weights_that_have_not_seen_the_image() {
    let list = "{ model = \"a.onnx\", fold = 0 }, { model = \"b.onnx\", fold = 1 }";
    let toml = format!("{POST}\n{}", snapshots("segmenter", "net", list, ""));
    let case = Case::new(&[("a", flat(0.2)), ("b", flat(0.9))], &toml);
    let image = case.image(&ramp());
    let run = |fold: Option<u32>, id: &str| {
        let options = Ensemble::options().device(Device::Cpu).threads(1).keep_maps(true);
        let options = match fold {
            Some(fold) => options.folds(HashMap::from([(id.to_owned(), fold)])),
            None => options,
        };
        options.open(&case.manifest).unwrap().predict(&image).map(|finding| finding.map.unwrap()[(0, 0)])
    };
    for (fold, expected) in [(None, 0.55), (Some(0), 0.2), (Some(1), 0.9)] {
        let found = run(fold, "image").unwrap();
        assert!((found - expected).abs() < 1e-6, "{fold:?}: {found}");
    }
    let error = run(Some(2), "image").unwrap_err().to_string();
    assert_eq!(error, "member `net` has no snapshot with `fold = 2`, the image's fold");
    assert_eq!(run(Some(0), "another").unwrap_err().to_string(), "the list of folds does not have its id");
}

#[test]
fn thresholds_of_their_own_meet_in_the_middle() {
    // (0.4 - 0.3) and (0.6 - 0.7): the mean is on neither side.
    let models = [("a", flat(0.4)), ("b", flat(0.6))];
    let cases = [(0.3, 0.7, false), (0.3, 0.69, true), (0.31, 0.7, false), (0.0, 1.0, false), (0.0, 0.0, true)];
    for (a, b, marked) in cases {
        let own = |name, threshold| member("segmenter", name, &format!("threshold = {threshold:?}"));
        let toml = format!("{POST}\n{}{}", own("a", a), own("b", b));
        let case = Case::new(&models, &toml);
        let [exact, full] = findings(&case, &case.image(&ramp()));
        assert_eq!(exact.mask, full.mask);
        assert_eq!(!full.mask.is_empty(), marked, "{a} {b}");
    }
    // On its own, a network at its threshold is not above it, to the last bit.
    for threshold in [0.1_f32, 0.2, 0.35, 0.7] {
        let own = member("segmenter", "a", &format!("threshold = {threshold:?}"));
        let case = Case::new(&[("a", flat(threshold))], &format!("{POST}\n{own}"));
        assert_eq!(case.predict(&ramp()).map.unwrap()[(0, 0)], 0.5);
    }
}

#[test]
fn early_exit_knows_how_far_shifted_maps_reach() {
    // The second can add at most (1 - 0.9) + 0.5: with the first at 0.1 the gate is out of reach.
    let models = [("a", flat(0.1)), ("b", flat(1.0))];
    let gated = "[segmenter]\ngate = { kind = \"any-pixel\", above = 0.5 }\n";
    for (threshold, ran) in [(0.9, 1), (0.05, 2)] {
        let own = member("segmenter", "b", &format!("threshold = {threshold:?}"));
        let toml = format!("{POST}\n{gated}{}{own}", member("segmenter", "a", "threshold = 0.5"));
        let case = Case::new(&models, &toml);
        let [exact, full] = findings(&case, &case.image(&ramp()));
        assert_eq!((exact.runs.segmenters, exact.mask), (ran, full.mask), "{threshold}");
    }
}

#[test]
fn faint_pixels_vanish_in_each_view_before_the_mean() {
    let own = member("segmenter", "a", "tta = [{ plugin = \"flip\", params = { axis = \"horizontal\" } }]")
        .replace("\"probabilities\" }", "\"probabilities\", zero_below = 0.4 }");
    let case = Case::new(&[("a", Toy::default())], &format!("{POST}\n{own}"));
    let floored = intensities(&ramp()).mapv(|p| if p < 0.4 { 0.0 } else { p });
    // The toy is the identity: both views, undone, are the floored image.
    assert!(close(&case.predict(&ramp()).map.unwrap(), &floored));
}

#[test]
fn members_masks_are_united() {
    let models = [("a", Toy::default()), ("b", Toy { gain: -1.0, shift: 1.0, ..Toy::default() })];
    let mask = |above: f32| format!("postprocess = [{{ plugin = \"threshold\", params = {{ above = {above:?} }} }}]");
    let toml = format!(
        "{POST}\n[segmenter]\nmerge = {{ kind = \"max\" }}\n{}{}",
        member("segmenter", "a", &mask(0.8)),
        member("segmenter", "b", &mask(0.7))
    );
    let finding = Case::new(&models, &toml).predict(&ramp());
    let expected = intensities(&ramp()).mapv(|p| p > 0.8 || 1.0 - p > 0.7);
    assert_eq!(finding.mask.pixels(), expected);
    assert!(finding.map.unwrap().iter().all(|&p| p == 0.0 || p == 1.0));
}

#[test]
fn steps_wait_for_views_to_disagree() {
    let mut image = Array2::from_elem((8, 8), 0_u8);
    image.slice_mut(s![..4, ..]).fill(200);
    let own = |when: &str| {
        let tta = "tta = [{ plugin = \"flip\", params = { axis = \"horizontal\" } }]";
        let large = "plugin = \"min-area\", params = { area = 40, at = [8, 8] }";
        let steps = format!(
            "postprocess = [\n  {{ plugin = \"threshold\", params = {{ above = 0.3 }} }},\n  \
             {{ {large}, when = {{ {when} = 0.65, mask_above = 0.5 }} }},\n]"
        );
        format!("{POST}\n{}", member("segmenter", "a", &format!("{tta}\n{steps}")))
    };
    // The network sees only the left half, so the mirrored view marks the right half: they do not overlap, and their
    // mean marks both.
    let halves = Toy { left_only: true, ..Toy::default() };
    let cases = [
        (Toy::default(), "views_dice_below", 32),
        (halves, "views_dice_below", 0),
        (Toy::default(), "views_dice_at_least", 0),
        (halves, "views_dice_at_least", 32),
    ];
    for (toy, when, area) in cases {
        let finding = Case::new(&[("a", toy)], &own(when)).predict(&image);
        assert_eq!(finding.mask.area(), area, "{when}, left only: {}", toy.left_only);
    }
}

#[test]
fn maps_are_multiplied_by_the_exact_score() {
    let models = [("c", flat(0.5)), ("d", flat(0.9)), ("s", Toy::default())];
    let classifier = |name| member("classifier", name, score());
    let toml =
        format!("{POST}\n{}{}{}", classifier("c"), classifier("d"), member("segmenter", "s", "times_score = true"));
    let finding = Case::new(&models, &toml).predict(&ramp());
    assert!(close(&finding.map.unwrap(), &(intensities(&ramp()) * 0.7)));
    assert_eq!((finding.runs.classifiers, finding.decision), (2, Decision::Postprocess));
}

#[test]
fn gates_look_at_one_member_or_at_all_of_them() {
    let models = [("u", Toy::default()), ("c", flat(0.8)), ("d", flat(0.6)), ("s", flat(0.9))];
    let bright = |count: usize| Array2::from_shape_fn((8, 8), |(y, x)| if y * 8 + x < count { 255 } else { 0 });
    // The gate of the 9th: a U-Net finds a component that is large enough, or all classifiers are sure.
    let gate = |agree: f32, least: u32| {
        format!(
            "gate = {{ kind = \"any\", of = [\n  \
             {{ kind = \"component\", above = 0.5, at_least = {least}, at = [8, 8], member = \"u\" }},\n  \
             {{ kind = \"agree\", above = {agree:?}, members = [\"c\", \"d\"] }},\n] }}\n"
        )
    };
    let cases = [(0.7, 17, 16, false), (0.7, 16, 16, true), (0.5, 17, 16, true), (0.6, 17, 16, false)];
    for (agree, least, count, passes) in cases {
        let toml = format!(
            "{POST}\n[classifier]\n{}{}{}{}{}",
            gate(agree, least),
            member("classifier", "u", ""),
            member("classifier", "c", score()),
            member("classifier", "d", score()),
            member("segmenter", "s", "")
        );
        let case = Case::new(&models, &toml);
        let [exact, full] = findings(&case, &case.image(&bright(count)));
        assert_eq!(exact.mask, full.mask, "{agree} {least}");
        assert_eq!(full.decision == Decision::Postprocess, passes, "{agree} {least}");
        // The component decides: no other member runs.
        assert_eq!(exact.runs.classifiers, if least <= 16 { 1 } else { exact.runs.classifiers });
    }
}

#[test]
fn members_see_the_box_and_their_maps_are_pasted_back() {
    // Bright from (4, 2) to (11, 13) of 16 × 16, and a bright speck outside the largest component.
    let mut image = Array2::from_elem((16, 16), 20_u8);
    image.slice_mut(s![4..12, 2..14]).fill(220);
    image[(15, 0)] = 220;
    let crop = |more: &str| {
        format!(
            "[crop]\nabove = 0.5\ncomponents = 1\nmargin = 0.25\notherwise = \"skip\"\n{}",
            member("crop", "box", more).replace("size = [8, 8]", "size = [16, 16]")
        )
    };
    let models = [("box", Toy::default()), ("s", flat(0.75))];
    let toml = format!("{POST}\n{}{}", crop(""), member("segmenter", "s", "crop = true"));
    let case = Case::new(&models, &toml);
    let finding = case.predict(&image);
    // 8 rows and 12 columns, extended by 2 and 3 on each side, and clipped at the border.
    assert_eq!(finding.crop, Some(Region { top: 2, left: 0, height: 12, width: 16, of: Size::new(16, 16) }));
    let expected = Array2::from_shape_fn((16, 16), |(y, _)| if (2..14).contains(&y) { 0.75 } else { 0.0 });
    assert_eq!(finding.map.unwrap(), expected);
    // If nothing is found, the manifest determines the result.
    let dark = Array2::from_elem((16, 16), 20_u8);
    let image = Radiograph::open(png(case.folder.path(), "dark", &dark)).unwrap();
    let error = case.open(None).predict(&image).unwrap_err().to_string();
    assert!(error.starts_with("the crop stage found nothing above 0.5"), "{error}");
    let whole = Case::new(&models, &toml.replace("\"skip\"", "\"whole\""));
    assert_eq!(whole.predict(&dark).mask.area(), 256);
}

#[test]
fn a_cropped_network_is_shown_the_box_alone() {
    let mut image = Array2::from_elem((16, 16), 20_u8);
    image.slice_mut(s![4..12, 4..12]).assign(&ramp().mapv(|v| 140 + v / 3));
    let box_of = member("crop", "a", "").replace("size = [8, 8]", "size = [16, 16]");
    let toml = format!(
        "{POST}\n[crop]\nabove = 0.5\notherwise = \"skip\"\n{box_of}{}",
        member("segmenter", "a", "crop = true")
    );
    let map = Case::new(&[("a", Toy::default())], &toml).predict(&image).map.unwrap();
    // The box has the input's size: nothing is resized, and the output is the image itself.
    let expected = Array2::from_shape_fn((16, 16), |place| {
        let inside = (4..12).contains(&place.0) && (4..12).contains(&place.1);
        if inside { f32::from(image[place]) / 255.0 } else { 0.0 }
    });
    assert!(close(&map, &expected));
}

#[test]
fn masks_are_brought_to_their_size_by_the_nearest_pixel() {
    let toml = format!("{POST}\noutput = {{ size = [8, 8], mask_size = [12, 4] }}\n{}", member("segmenter", "a", ""));
    let finding = Case::new(&[("a", Toy::default())], &toml).predict(&ramp());
    let small = intensities(&ramp()).mapv(|p| p > 0.5);
    assert_eq!(finding.mask.pixels(), Array2::from_shape_fn((12, 4), |(y, x)| small[(y * 8 / 12, x * 2)]));
    assert_eq!(finding.areas, [small.iter().filter(|&&marked| marked).count()], "steps count at the merged size");
}
