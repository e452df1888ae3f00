//! Rules for calibration and referral.

use super::super::{Calibration, Manifest, Member, Merge, Refer, Stage};
use crate::lint::Findings;

/// A calibration is a function, and there is a score to apply it to.
pub(super) fn calibration_is_a_function(manifest: &Manifest, findings: &mut Findings) {
    let Some(calibration) = &manifest.calibration else { return };
    match calibration {
        Calibration::Temperature { temperature } => {
            if !(*temperature > 0.0 && temperature.is_finite()) {
                findings.error(["calibration.temperature".into()], "must be above 0: logits are divided by it", None);
            }
        }
        Calibration::Isotonic { scores, probabilities } => {
            if scores.len() != probabilities.len() {
                let message = format!("has {} numbers, but `scores` has {}", probabilities.len(), scores.len());
                let about = ["calibration.probabilities".into(), "calibration.scores".into()];
                findings.error(about, message, Some("write one probability for each score"));
            }
            if !scores.is_sorted_by(|a, b| a < b) {
                findings.error(["calibration.scores".into()], "expected ascending numbers", None);
            }
            if !probabilities.is_sorted() {
                let message = "a higher score must not have a lower probability";
                findings.error(["calibration.probabilities".into()], message, None);
            }
        }
    }
    needs_score(manifest, "calibration", findings);
}

/// What a rule of referral reads is there.
pub(super) fn referral_can_be_decided(manifest: &Manifest, findings: &mut Findings) {
    let Some(refer) = &manifest.refer else { return };
    if *refer == Refer::default() {
        let rules = "write `score`, `calibrated`, `spread_above`, `dice_below` or `stages_disagree`, or leave it out";
        findings.error(["refer".into()], "no rule is given", Some(rules));
    }
    for (key, interval) in [("refer.score", refer.score), ("refer.calibrated", refer.calibrated)] {
        if interval.is_some_and(|[low, high]| low > high) {
            findings.error([key.into()], "expected the lower number first", None);
        }
    }
    if refer.score.is_some() {
        needs_score(manifest, "refer.score", findings);
    }
    if refer.calibrated.is_some() && manifest.calibration.is_none() {
        let hint = Some("fit one with `pleura tune --calibrate`");
        findings.error(["refer.calibrated".into()], "no `calibration` is declared", hint);
    }
    let classifiers = manifest.classifier.as_ref().map_or(0, |stage| running(stage, Member::gives_score));
    if refer.spread_above.is_some() && classifiers < 2 {
        let are = if classifiers == 1 { "is" } else { "are" };
        let message = format!("compares the classifiers' scores, but there {are} {classifiers} with one");
        findings.error(["refer.spread_above".into(), "classifier.members".into()], message, None);
    }
    let segmenters = running(&manifest.segmenter, |_| true);
    if refer.dice_below.is_some() && segmenters < 2 {
        let message = format!("compares the segmenters' masks, but there is {segmenters}");
        findings.error(["refer.dice_below".into(), "segmenter.members".into()], message, None);
    }
    if refer.stages_disagree && manifest.classifier.as_ref().is_none_or(|stage| stage.gate.is_none()) {
        let message = "the classifier stage decides nothing: there is none, or it has no gate";
        findings.error(["refer.stages_disagree".into(), "classifier".into()], message, None);
    }
}

/// The number of members that run and are of a kind.
fn running(stage: &Stage, of: impl Fn(&Member) -> bool) -> usize {
    stage.members.iter().filter(|member| member.weight > 0.0 && of(member)).count()
}

fn needs_score(manifest: &Manifest, at: &str, findings: &mut Findings) {
    let message = match &manifest.classifier {
        None => "there is no [classifier] stage whose score it reads",
        Some(stage) if running(stage, |member| !member.gives_score()) > 0 => {
            "not every classifier has a score, so the stage has none"
        }
        Some(stage) if matches!(stage.merge, Merge::Stack(_)) && reads_map(stage) => {
            "the classifiers' maps are stacked, so the stage has no score"
        }
        Some(_) => return,
    };
    findings.error([at.to_owned(), "classifier".to_owned()], message, None);
}

fn reads_map(stage: &Stage) -> bool {
    stage.gate.iter().flat_map(|gate| gate.tests()).any(super::Gate::reads_merged_map)
}

#[cfg(test)]
mod tests {
    use crate::manifest::tests::told;

    /// A manifest with these keys and, on request, a classifier stage.
    fn manifest(keys: &str, classifiers: usize) -> String {
        let member = |stage: &str, name: &str, output: &str| {
            let input = "input = { name = \"x\", size = [8, 8], channels = 1 }";
            format!("[[{stage}.members]]\nname = \"{name}\"\nmodel = \"{name}.onnx\"\n{input}\n{output}\n")
        };
        let score = "score = { output = \"s\", values = \"logits\" }";
        let stage: String = (0..classifiers).map(|i| member("classifier", &format!("c{i}"), score)).collect();
        let gate = if classifiers > 0 { "classifier.gate = { kind = \"score\", above = 0.5 }\n" } else { "" };
        let segmenter = member("segmenter", "s", "map = { output = \"m\", values = \"logits\" }");
        let post = "postprocess = [{ plugin = \"threshold\" }]";
        format!("schema = 1\nname = \"trust\"\n{post}\n{gate}{keys}\n{stage}{segmenter}")
    }

    #[test]
    fn what_can_be_read_is_sound() {
        for (keys, classifiers) in [
            ("calibration = { kind = \"temperature\", temperature = 1.5 }", 1),
            ("calibration = { kind = \"isotonic\", scores = [0.1, 0.5], probabilities = [0, 0] }", 1),
            ("refer = { score = [0.2, 0.2], stages_disagree = true }", 1),
            ("refer = { spread_above = 0.2 }\nagreement = { above = 0.3 }", 2),
        ] {
            assert_eq!(told(&manifest(keys, classifiers)), [""; 0], "{keys}");
        }
    }

    #[test]
    fn each_fault_is_told() {
        let fitted = |fields: &str| format!("calibration = {{ {fields} }}");
        let isotonic = |scores: &str, probabilities: &str| {
            fitted(&format!("kind = \"isotonic\", scores = {scores}, probabilities = {probabilities}"))
        };
        let cases = [
            (fitted("kind = \"temperature\", temperature = 0"), 1, "calibration.temperature: must be above 0"),
            (fitted("kind = \"temperature\", temperature = -2"), 1, "calibration.temperature"),
            (fitted("kind = \"temperature\", temperature = 2"), 0, "calibration: there is no [classifier] stage"),
            (fitted("kind = \"platt\", temperature = 2"), 1, "calibration.kind"),
            (isotonic("[0.5, 0.5]", "[0, 1]"), 1, "calibration.scores: expected ascending numbers"),
            (isotonic("[0.4, 0.5]", "[0.5, 0.1]"), 1, "a higher score must not have a lower probability"),
            (isotonic("[0.4, 0.5]", "[0.5]"), 1, "has 1 numbers, but `scores` has 2; write one probability for each"),
            (isotonic("[0.4, 1.5]", "[0.5, 1]"), 1, "calibration.scores[1]"),
            (isotonic("[]", "[]"), 1, "calibration.scores"),
            ("refer = {}".into(), 1, "refer: no rule is given; write `score`"),
            ("refer = { score = [0.2, 0.4] }".into(), 0, "refer.score: there is no [classifier] stage"),
            ("refer = { score = [0.4, 0.2] }".into(), 1, "refer.score: expected the lower number first"),
            (
                "refer = { calibrated = [0.2, 0.4] }".into(),
                1,
                "no `calibration` is declared; fit one with `pleura tune",
            ),
            ("refer = { spread_above = 0.2 }".into(), 1, "compares the classifiers' scores, but there is 1 with one"),
            ("refer = { dice_below = 0.2 }".into(), 1, "compares the segmenters' masks, but there is 1"),
            (
                "refer = { stages_disagree = true }".into(),
                0,
                "refer.stages_disagree: the classifier stage decides nothing",
            ),
            ("refer = { spread = 0.2 }".into(), 1, "refer.spread: unknown key"),
            ("agreement = { above = 2 }".into(), 1, "agreement.above"),
        ];
        for (keys, classifiers, expected) in cases {
            let found = told(&manifest(&keys, classifiers));
            assert!(found.iter().any(|found| found.contains(expected)), "{keys}: {found:?}");
        }
    }
}
