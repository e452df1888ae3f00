//! What a manifest must fulfil beyond the shape of its keys.

use std::collections::HashMap;

use super::{Gate, Intensity, Manifest, Member, Merge, Stage};
use crate::lint::{Findings, child};

const MEMBER_RULES: [fn(&Member, &str, &mut Findings); 6] =
    [mean_and_std, scale_is_not_zero, percentiles_rise, some_view, one_score, some_output];

const STAGE_RULES: [fn(&StageAt<'_>, &mut Findings); 7] =
    [names_differ, some_weight, weights_count, gates_can_be_read, gates_decide, maps_are_there, scores_are_there];

/// A stage and what the rules need to know of its place.
struct StageAt<'m> {
    stage: &'m Stage,
    at: &'static str,
    is_segmenter: bool,
}

impl<'m> StageAt<'m> {
    /// The members and their keys.
    fn members(&self) -> impl Iterator<Item = (String, &'m Member)> {
        self.stage.members.iter().enumerate().map(|(i, member)| (format!("{}.members[{i}]", self.at), member))
    }

    /// The members that are run.
    fn run(&self) -> impl Iterator<Item = (String, &'m Member)> {
        self.members().filter(|(_, member)| member.weight > 0.0)
    }

    /// The gate, and those it consists of, with their keys.
    fn gates(&self) -> Vec<(String, &'m Gate)> {
        let mut gates: Vec<_> = self.stage.gate.iter().map(|gate| (child(self.at, "gate"), gate)).collect();
        let mut next = 0;
        while let Some((at, gate)) = gates.get(next).cloned() {
            if let Gate::Any { of } | Gate::All { of } = gate {
                gates.extend(of.iter().enumerate().map(|(i, gate)| (format!("{at}.of[{i}]"), gate)));
            }
            next += 1;
        }
        gates
    }
}

/// Tells every rule that a manifest breaks.
pub(super) fn check(manifest: &Manifest, findings: &mut Findings) {
    let classifier = manifest.classifier.as_ref().map(|stage| StageAt { stage, at: "classifier", is_segmenter: false });
    let segmenter = StageAt { stage: &manifest.segmenter, at: "segmenter", is_segmenter: true };
    for stage in classifier.iter().chain([&segmenter]) {
        for (at, member) in stage.members() {
            MEMBER_RULES.iter().for_each(|rule| rule(member, &at, findings));
        }
        STAGE_RULES.iter().for_each(|rule| rule(stage, findings));
    }
    if manifest.runtime.fp16 && !manifest.runtime.tensorrt {
        findings.warn(["runtime.fp16".into(), "runtime.tensorrt".into()], "has no effect without `tensorrt`", None);
    }
}

fn mean_and_std(member: &Member, at: &str, findings: &mut Findings) {
    let input = &member.input;
    for (key, values) in [("input.mean", &input.mean), ("input.std", &input.std)] {
        if values.len() > 1 && values.len() != input.channels as usize {
            let message = format!("has {} numbers, and the input has {} channel(s)", values.len(), input.channels);
            let about = [child(at, key), child(at, "input.channels")];
            findings.error(about, message, Some("write one number, or one a channel"));
        }
    }
    for i in input.std.iter().enumerate().filter(|(_, std)| **std == 0.0).map(|(i, _)| i) {
        findings.error([format!("{at}.input.std[{i}]")], "must not be 0: intensities are divided by it", None);
    }
}

fn scale_is_not_zero(member: &Member, at: &str, findings: &mut Findings) {
    if member.input.scale == 0.0 {
        let hint = Some("write 1, or 255 for a model that takes 0..=255");
        findings.error([child(at, "input.scale")], "must not be 0: every image would look the same", hint);
    }
}

fn percentiles_rise(member: &Member, at: &str, findings: &mut Findings) {
    if let Intensity::Percentiles { low, high } = member.intensity
        && low >= high
    {
        let about = [child(at, "intensity.low"), child(at, "intensity.high")];
        findings.error(about, format!("must be below `high`: {low} is not below {high}"), None);
    }
}

fn some_view(member: &Member, at: &str, findings: &mut Findings) {
    if !member.identity && member.tta.is_empty() {
        let about = [child(at, "identity"), child(at, "tta")];
        findings.error(about, "without the identity and without `tta` there is no view to run", None);
    }
}

fn one_score(member: &Member, at: &str, findings: &mut Findings) {
    let about = [child(at, "score_from_map"), child(at, "score")];
    if member.score.is_some() && member.score_from_map.is_some() {
        findings.error(about, "there is a `score` as well", Some("keep one of the two"));
    } else if member.score_from_map.is_some() && member.map.is_none() {
        let about = [child(at, "score_from_map"), child(at, "map")];
        findings.error(about, "there is no `map` to take it from", Some("declare the `map` output"));
    }
}

fn some_output(member: &Member, at: &str, findings: &mut Findings) {
    if member.map.is_none() && member.score.is_none() && member.score_from_map.is_none() {
        let about = [at.to_owned() + ".map", at.to_owned() + ".score", at.to_owned() + ".score_from_map"];
        findings.error(about, "the member has neither a `map` nor a `score` output", Some("declare what it puts out"));
    }
}

fn names_differ(stage: &StageAt<'_>, findings: &mut Findings) {
    let mut seen = HashMap::new();
    for (at, member) in stage.members() {
        let name = child(&at, "name");
        if let Some(first) = seen.get(&member.name) {
            let message = format!("`{}` is the name of another member", member.name);
            findings.error([name, String::clone(first)], message, Some("members are told apart by name"));
        } else {
            seen.insert(&member.name, name);
        }
    }
}

fn some_weight(stage: &StageAt<'_>, findings: &mut Findings) {
    if stage.run().next().is_none() {
        let about: Vec<_> = stage.members().map(|(at, _)| child(&at, "weight")).collect();
        let hint = Some("give at least one a weight above 0");
        findings.error(about, "every member has weight 0: none is run", hint);
    }
}

fn weights_count(stage: &StageAt<'_>, findings: &mut Findings) {
    let merge = child(stage.at, "merge");
    for (at, member) in stage.members().filter(|(_, member)| member.weight != 1.0) {
        let about = [child(&at, "weight"), merge.clone()];
        match stage.stage.merge {
            Merge::Stack(_) if member.weight == 0.0 => {
                let hint = Some("leave the member out of the manifest, and out of the stacking model");
                findings.error(about, "a stacking model is fed by every member, and one of weight 0 is not run", hint);
            }
            Merge::Stack(_) | Merge::Max | Merge::Min if member.weight != 0.0 => {
                findings.warn(about, "has no effect: this merge knows no weights", None);
            }
            _ => {}
        }
    }
}

fn gates_can_be_read(stage: &StageAt<'_>, findings: &mut Findings) {
    for (at, gate) in stage.gates() {
        let Gate::Score { above, at_least } = gate else { continue };
        let about = [at.clone(), child(&at, "above"), child(&at, "at_least")];
        match (above, at_least) {
            (Some(_), Some(_)) => findings.error(about, "both `above` and `at_least` are given", Some("keep one")),
            (None, None) => {
                let hint = Some("write `above` (strict) or `at_least`");
                findings.error(about, "neither `above` nor `at_least` is given", hint);
            }
            _ => {}
        }
    }
}

/// Gates that every image passes, or none, and a classifier without one.
fn gates_decide(stage: &StageAt<'_>, findings: &mut Findings) {
    for (at, gate) in stage.gates() {
        match *gate {
            Gate::Score { above: Some(above), .. } | Gate::AnyPixel { above } | Gate::Area { above, .. }
                if above >= 1.0 =>
            {
                findings.warn([child(&at, "above")], "nothing is above 1: no image passes", None);
            }
            Gate::Score { at_least: Some(0.0), .. } | Gate::Area { at_least: 0, .. } => {
                findings.warn([child(&at, "at_least")], "everything is at least 0: every image passes", None);
            }
            Gate::Area { at_least, at: [height, width], .. } if u64::from(at_least) > pixels(height, width) => {
                let message = format!("{height} x {width} pixels are fewer than {at_least}: no image passes");
                findings.warn([child(&at, "at_least"), child(&at, "at")], message, None);
            }
            _ => {}
        }
    }
    if !stage.is_segmenter && stage.stage.gate.is_none() {
        let hint = Some("declare a gate, or leave the classifier out");
        findings.warn([child(stage.at, "gate")], "without a gate the classifier decides nothing", hint);
    }
}

fn pixels(height: u32, width: u32) -> u64 {
    u64::from(height) * u64::from(width)
}

fn maps_are_there(stage: &StageAt<'_>, findings: &mut Findings) {
    let gate = stage.gates().into_iter().find(|(_, gate)| matches!(gate, Gate::AnyPixel { .. } | Gate::Area { .. }));
    let reason = match gate {
        _ if stage.is_segmenter => "a segmenter needs".to_owned(),
        Some((gate, _)) => format!("the gate `{gate}` counts pixels, and needs"),
        None => return,
    };
    // A member without any output is told so already.
    for (at, _) in stage.run().filter(|(_, member)| member.map.is_none() && member.score.is_some()) {
        findings.error(
            [child(&at, "map")],
            format!("{reason} a `map` output"),
            Some("declare it, or leave the member out"),
        );
    }
}

fn scores_are_there(stage: &StageAt<'_>, findings: &mut Findings) {
    let has_score = |member: &Member| member.score.is_some() || member.score_from_map.is_some();
    let gate = stage.gates().into_iter().find(|(_, gate)| matches!(gate, Gate::Score { .. }));
    let reason = match gate {
        Some((gate, _)) => format!("the gate `{gate}` needs"),
        None if !stage.is_segmenter && stage.run().any(|(_, member)| has_score(member)) => {
            "other members give a score; their merge needs".to_owned()
        }
        None => return,
    };
    let hint = Some("declare `score`, or `score_from_map`");
    for (at, _) in stage.run().filter(|(_, member)| !has_score(member) && member.map.is_some()) {
        let about = [child(&at, "score"), child(&at, "score_from_map")];
        findings.error(about, format!("{reason} a score of every member"), hint);
    }
}
