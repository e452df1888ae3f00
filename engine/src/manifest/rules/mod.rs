//! The rules of a manifest beyond the shape of its keys.

mod across;
mod finding;
mod fit;
mod gates;
mod own;
mod steps;
mod trust;
mod values;
mod weights;

use std::collections::HashMap;

use super::{Gate, Intensity, Manifest, Member, Merge, Stage};
use crate::lint::{Findings, child};

const MEMBER_RULES: [fn(&Member, &str, &mut Findings); 18] = [
    mean_and_std,
    scale_is_not_zero,
    percentiles_rise,
    fit::the_centre_is_there,
    fit::stored_units_are_of_stored_values,
    fit::zeros_are_those_of_the_file,
    fit::windows_have_maps,
    fit::logits_are_averaged,
    some_view,
    one_score,
    some_output,
    values::maps_are_resized_as_they_can_be,
    values::classes_are_named,
    values::classes_compete,
    values::channels_are_joined,
    weights::model_or_snapshots,
    weights::folds_are_told,
    steps::of_member,
];

const STAGE_RULES: [fn(&StageAt<'_>, &mut Findings); 11] = [
    names_differ,
    some_weight,
    weights_count,
    values::a_stack_has_one_channel,
    gates::can_be_read,
    gates::name_members,
    gates::decide,
    maps_are_there,
    scores_are_there,
    own::maps_are_changed_in_place,
    own::steps_depend_on_views,
];

/// One of the three stages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Crop,
    Classifier,
    Segmenter,
}

/// A stage with its place, for the rules.
struct StageAt<'m> {
    members: &'m [Member],
    merge: &'m Merge,
    gate: Option<&'m Gate>,
    at: &'static str,
    place: Place,
}

impl<'m> StageAt<'m> {
    /// The stages of a manifest, in the order in which images pass through them.
    fn all(manifest: &'m Manifest) -> Vec<Self> {
        let stage = |stage: &'m Stage, at, place| Self {
            members: &stage.members,
            merge: &stage.merge,
            gate: stage.gate.as_ref(),
            at,
            place,
        };
        let crop = manifest.crop.iter().map(|crop| Self {
            members: &crop.members,
            merge: &crop.merge,
            gate: None,
            at: "crop",
            place: Place::Crop,
        });
        let classifier = manifest.classifier.iter().map(|found| stage(found, "classifier", Place::Classifier));
        let segmenter = stage(&manifest.segmenter, "segmenter", Place::Segmenter);
        crop.chain(classifier).chain([segmenter]).collect()
    }

    /// The members and their keys.
    fn members(&self) -> impl Iterator<Item = (String, &'m Member)> {
        self.members.iter().enumerate().map(|(i, member)| (format!("{}.members[{i}]", self.at), member))
    }

    /// The members that run.
    fn run(&self) -> impl Iterator<Item = (String, &'m Member)> {
        self.members().filter(|(_, member)| member.weight > 0.0)
    }

    /// The gate, and those it consists of, with their keys.
    fn gates(&self) -> Vec<(String, &'m Gate)> {
        let mut gates: Vec<_> = self.gate.iter().copied().map(|gate| (child(self.at, "gate"), gate)).collect();
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

/// Reports every rule that a manifest breaks.
pub(super) fn check(manifest: &Manifest, findings: &mut Findings) {
    let stages = StageAt::all(manifest);
    for stage in &stages {
        for (at, member) in stage.members() {
            MEMBER_RULES.iter().for_each(|rule| rule(member, &at, findings));
        }
        STAGE_RULES.iter().for_each(|rule| rule(stage, findings));
    }
    across::classifier_decides(manifest, findings);
    across::crop_is_used(manifest, &stages, findings);
    steps::after_merge(manifest, findings);
    finding::can_be_written(manifest, findings);
    trust::calibration_is_a_function(manifest, findings);
    trust::referral_can_be_decided(manifest, findings);
    if manifest.runtime.fp16 && !manifest.runtime.tensorrt {
        findings.warn(
            ["runtime.fp16".into(), "runtime.tensorrt".into()],
            "has no effect without `tensorrt`, except on OpenVINO",
            None,
        );
    }
}

fn mean_and_std(member: &Member, at: &str, findings: &mut Findings) {
    let input = &member.input;
    for (key, values) in [("input.mean", &input.mean), ("input.std", &input.std)] {
        if values.len() > 1 && values.len() != input.channels as usize {
            let message = format!("has {} numbers, but the input has {} channel(s)", values.len(), input.channels);
            let about = [child(at, key), child(at, "input.channels")];
            findings.error(about, message, Some("write one number, or one per channel"));
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
        findings.error(about, "there is no view to run: `identity` is false and `tta` is empty", None);
    }
}

fn one_score(member: &Member, at: &str, findings: &mut Findings) {
    let about = [child(at, "score_from_map"), child(at, "score")];
    if member.score.is_some() && member.score_from_map.is_some() {
        findings.error(about, "`score` is declared as well", Some("keep one of the two"));
    } else if member.score_from_map.is_some() && member.map.is_none() {
        let about = [child(at, "score_from_map"), child(at, "map")];
        findings.error(about, "no `map` is declared to compute it from", Some("declare the `map` output"));
    }
}

fn some_output(member: &Member, at: &str, findings: &mut Findings) {
    if member.map.is_none() && member.score.is_none() && member.score_from_map.is_none() {
        let about = [at.to_owned() + ".map", at.to_owned() + ".score", at.to_owned() + ".score_from_map"];
        findings.error(about, "the member has neither a `map` nor a `score` output", Some("declare its output"));
    }
}

fn names_differ(stage: &StageAt<'_>, findings: &mut Findings) {
    let mut seen = HashMap::new();
    for (at, member) in stage.members() {
        let name = child(&at, "name");
        if let Some(first) = seen.get(&member.name) {
            let message = format!("`{}` is the name of another member", member.name);
            findings.error([name, String::clone(first)], message, Some("names must be unique within a stage"));
        } else {
            seen.insert(&member.name, name);
        }
    }
}

fn some_weight(stage: &StageAt<'_>, findings: &mut Findings) {
    if stage.run().next().is_none() {
        let about: Vec<_> = stage.members().map(|(at, _)| child(&at, "weight")).collect();
        let hint = Some("give at least one a weight above 0");
        findings.error(about, "every member has weight 0: none runs", hint);
    }
}

fn weights_count(stage: &StageAt<'_>, findings: &mut Findings) {
    let merge = child(stage.at, "merge");
    for (at, member) in stage.members().filter(|(_, member)| member.weight != 1.0) {
        let about = [child(&at, "weight"), merge.clone()];
        match stage.merge {
            Merge::Stack(_) if member.weight == 0.0 => {
                let hint = Some("leave the member out of the manifest, and out of the stacking model");
                findings.error(
                    about,
                    "a stacking model needs every member's output, and a member of weight 0 does not \
                                       run",
                    hint,
                );
            }
            Merge::Stack(_) | Merge::Max | Merge::Min if member.weight != 0.0 => {
                findings.warn(about, "has no effect: this merge has no weights", None);
            }
            _ => {}
        }
    }
}

fn maps_are_there(stage: &StageAt<'_>, findings: &mut Findings) {
    let gate = stage.gates().into_iter().find(|(_, gate)| gate.reads_merged_map());
    let reason = match gate {
        _ if stage.place == Place::Segmenter => "a segmenter needs".to_owned(),
        _ if stage.place == Place::Crop => "the crop stage finds its box in a map: the member needs".to_owned(),
        Some((gate, _)) => format!("the gate `{gate}` counts pixels, and needs"),
        None => return,
    };
    // A member without any output has already been reported.
    for (at, _) in stage.run().filter(|(_, member)| member.map.is_none() && member.score.is_some()) {
        findings.error(
            [child(&at, "map")],
            format!("{reason} a `map` output"),
            Some("declare it, or leave the member out"),
        );
    }
}

fn scores_are_there(stage: &StageAt<'_>, findings: &mut Findings) {
    let gates = stage.gates();
    let named = |member: &Member| gates.iter().any(|(_, gate)| gate.member() == Some(member.name.as_str()));
    let reason = match gates.iter().find(|(_, gate)| gate.reads_merged_score()) {
        Some((gate, _)) => format!("the gate `{gate}` needs"),
        None if stage.place == Place::Classifier && stage.run().any(|(_, member)| member.gives_score()) => {
            "other members have a score; their merge needs".to_owned()
        }
        None => return,
    };
    let merges = gates.iter().any(|(_, gate)| gate.reads_merged_score());
    let hint = Some("declare `score`, or `score_from_map`");
    let scoreless = stage.run().filter(|(_, member)| !member.gives_score() && member.map.is_some());
    // A member that a gate names exists for that gate.
    for (at, _) in scoreless.filter(|(_, member)| merges || !named(member)) {
        let about = [child(&at, "score"), child(&at, "score_from_map")];
        findings.error(about, format!("{reason} a score from every member"), hint);
    }
}
