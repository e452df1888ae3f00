//! Rules for the values of outputs.

use super::super::{Member, Merge, Values};
use super::StageAt;
use crate::lint::{Findings, child};

pub(super) fn softmax_is_of_softmax(member: &Member, at: &str, findings: &mut Findings) {
    if let Some(map) = &member.map
        && map.resize_as == Some(Values::Softmax)
        && map.values != Values::Softmax
    {
        let about = [child(at, "map.resize_as"), child(at, "map.values")];
        findings.error(about, "only a map of `softmax` values can be resized as such", Some("leave it out"));
    }
}

/// The first class is the background in most exports, so a default would be a guess.
pub(super) fn softmax_names_its_class(member: &Member, at: &str, findings: &mut Findings) {
    let map = member.map.as_ref().map(|map| ("map", map.values, map.channel));
    let score = member.score.as_ref().map(|score| ("score", score.values, score.channel));
    for (output, values, channel) in map.into_iter().chain(score) {
        if values == Values::Softmax && channel.is_none() {
            let about = [child(at, &format!("{output}.values"))];
            let message = "a softmax has a probability for each class, and `channel` does not say which";
            findings.error(about, message, Some("add `channel = 1`, or the class that is wanted, counted from 0"));
        }
    }
}

pub(super) fn a_stack_is_no_softmax(stage: &StageAt<'_>, findings: &mut Findings) {
    if let Merge::Stack(stack) = stage.merge
        && stack.values == Values::Softmax
    {
        let message = "a stack has one output, and a softmax needs two or more";
        findings.error([child(stage.at, "merge.values")], message, Some("write \"logits\" or \"probabilities\""));
    }
}
