//! Rules for the values of outputs.

use super::super::{Against, Join, Member, Merge, Values};
use super::StageAt;
use crate::lint::{Findings, child};

/// A map is resized only as what it can be.
pub(super) fn maps_are_resized_as_they_can_be(member: &Member, at: &str, findings: &mut Findings) {
    if let Some(map) = &member.map
        && let Some(resize_as) = map.resize_as
    {
        let message = match (map.values, resize_as) {
            (_, Values::Labels) => "labels have no values between them; the map of the class, 0 and 1, is resized",
            (Values::Labels, Values::Logits | Values::Softmax) => "the map of a class of labels is 0 and 1",
            (Values::Logits | Values::Probabilities, Values::Softmax) => {
                "only a map of `softmax` values can be resized as such"
            }
            _ => return,
        };
        findings.error([child(at, "map.resize_as"), child(at, "map.values")], message, Some("leave it out"));
    }
}

/// The keys that pick channels, of a map or a score.
struct Picked<'m> {
    output: &'static str,
    values: Values,
    channel: Option<u32>,
    channels: &'m [u32],
    join: Option<Join>,
}

fn picked(member: &Member) -> impl Iterator<Item = Picked<'_>> {
    let map = member.map.as_ref().map(|it| ("map", it.values, it.channel, it.channels.as_slice(), it.join));
    let score = member.score.as_ref().map(|it| ("score", it.values, it.channel, it.channels.as_slice(), it.join));
    let outputs = map.into_iter().chain(score);
    outputs.map(|(output, values, channel, channels, join)| Picked { output, values, channel, channels, join })
}

/// The first class is the background in most exports, so a default would be a guess.
pub(super) fn classes_are_named(member: &Member, at: &str, findings: &mut Findings) {
    for Picked { output, values, channel, channels, .. } in picked(member) {
        if channel.is_none() && channels.is_empty() {
            let message = match values {
                Values::Softmax => "a softmax has a probability for each class, and `channel` does not say which",
                Values::Labels => "labels are of several classes, and `channel` does not say which is wanted",
                Values::Logits | Values::Probabilities => continue,
            };
            let about = [child(at, &format!("{output}.values"))];
            findings.error(about, message, Some("add `channel = 1`, or the class that is wanted, counted from 0"));
        }
    }
}

/// Only exclusive classes compete.
pub(super) fn classes_compete(member: &Member, at: &str, findings: &mut Findings) {
    let Some(map) = &member.map else { return };
    if map.against == Against::Likeliest && map.values != Values::Softmax {
        let about = [child(at, "map.against"), child(at, "map.values")];
        findings.error(about, "only the classes of a softmax compete", Some("leave it out"));
    }
}

pub(super) fn channels_are_joined(member: &Member, at: &str, findings: &mut Findings) {
    for Picked { output, values, channel, channels, join } in picked(member) {
        let key = |key: &str| child(at, &format!("{output}.{key}"));
        let twice = channels.iter().enumerate().any(|(place, channel)| channels[..place].contains(channel));
        if channel.is_some() && !channels.is_empty() {
            findings.error([key("channel"), key("channels")], "expected one of the two", Some("leave one out"));
        } else if channels.len() == 1 {
            findings.error(
                [key("channels")],
                "expected two or more channels",
                Some("write `channel` for a single one"),
            );
        } else if twice {
            findings.error([key("channels")], "a channel appears twice", None);
        }
        match join {
            None if channels.len() > 1 => {
                let hint = "add `join = \"sum\"` for exclusive classes, or `join = \"max\"`";
                findings.error(
                    [key("channels")],
                    "several channels, and `join` does not say how they become one",
                    Some(hint),
                );
            }
            Some(_) if channels.is_empty() => {
                findings.error([key("join")], "there are no `channels` to join", Some("add them, or leave it out"));
            }
            Some(Join::Sum) if values == Values::Logits => {
                let message = "logits are independent channels, whose probabilities may add up to more than 1";
                let hint = "write `join = \"max\"`, or `values = \"softmax\"` if the classes are exclusive";
                findings.error([key("join"), key("values")], message, Some(hint));
            }
            _ => {}
        }
    }
}

pub(super) fn a_stack_has_one_channel(stage: &StageAt<'_>, findings: &mut Findings) {
    if let Merge::Stack(stack) = stage.merge
        && matches!(stack.values, Values::Softmax | Values::Labels)
    {
        let message = "a stack has one channel, of logits or probabilities";
        findings.error([child(stage.at, "merge.values")], message, Some("write \"logits\" or \"probabilities\""));
    }
}
