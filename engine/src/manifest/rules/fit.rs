//! Rules for the shape of a network's input.

use super::super::{Average, Fit, Input, Intensity, Measured, Member, Normalize, Unit, Values};
use crate::lint::{Findings, child};

/// A centre can be cut out of an image that is large enough, and its map be put back.
pub(super) fn the_centre_is_there(member: &Member, at: &str, findings: &mut Findings) {
    let Fit::CenterCrop { short_side } = member.input.fit else { return };
    let [height, width] = member.input.size;
    if short_side < height.max(width) {
        let about = [child(at, "input.fit.short_side"), child(at, "input.size")];
        let message = format!("expected at least {}, the longer side of `size`, found {short_side}", height.max(width));
        findings.error(about, message, None);
    }
    if let Some(map) = &member.map
        && map.resized_as() != Values::Probabilities
    {
        let about = [child(at, "map.resize_as"), child(at, "map.values"), child(at, "input.fit")];
        let message = "the map of a cut-out centre is 0 around it, which only probabilities can be";
        findings.error(about, message, Some("add `resize_as = \"probabilities\"`"));
    }
}

/// A window or percentiles have no unit.
pub(super) fn stored_units_are_of_stored_values(member: &Member, at: &str, findings: &mut Findings) {
    if member.input.unit == Unit::Stored && member.intensity != Intensity::Stored {
        let about = [child(at, "input.unit"), child(at, "intensity")];
        let hint = Some("leave one of the two out");
        findings.error(about, "only `intensity = { kind = \"stored\" }` has the file's own values", hint);
    }
    if member.input.unit == Unit::Stored && member.input.normalize != Normalize::None {
        let about = [child(at, "input.unit"), child(at, "input.normalize")];
        findings.warn(about, "has no effect: an image that is normalized by its own values has no unit", None);
    }
}

/// Plugins change what was 0 in the file.
pub(super) fn zeros_are_those_of_the_file(member: &Member, at: &str, findings: &mut Findings) {
    if member.input.normalize.of() == Some(Measured::Nonzero) && !member.prepare.is_empty() {
        let about = [child(at, "input.normalize.of"), child(at, "prepare")];
        let message = "pixels that are 0 in the file are not known after `prepare` plugins";
        findings.error(about, message, Some("write \"image\", or leave the plugins out"));
    }
}

/// Windows have maps, and what lies around a small image is known.
pub(super) fn windows_have_maps(member: &Member, at: &str, findings: &mut Findings) {
    let Fit::Windows(windows) = member.input.fit else { return };
    let key = |key: &str| child(at, &format!("input.fit.{key}"));
    if member.score.is_some() {
        let about = [child(at, "score"), child(at, "input.fit")];
        let hint = Some("compute it from the map with `score_from_map`");
        findings.error(about, "windows have a score each, and the image has none", hint);
    }
    if windows.resized.is_some() && windows.spacing.is_some() {
        findings.error([key("resized"), key("spacing")], "expected one of the two", Some("leave one out"));
    }
    if windows.border.is_none() && !has_one_zero(&member.input) {
        let message = if member.input.normalize.of() == Some(Measured::Input) {
            "each window is normalized by itself, so no intensity around a small image is 0 in all of them"
        } else {
            "the channels differ in `mean`, so no intensity around a small image is 0 in all of them"
        };
        let hint = Some("add `border`, an intensity in 0..=1");
        findings.error([key("border"), child(at, "input.mean"), child(at, "input.fit")], message, hint);
    }
}

/// Whether one intensity of an image becomes 0 in all channels.
fn has_one_zero(input: &Input) -> bool {
    let same = input.mean.iter().all(|mean| *mean == input.mean[0]);
    same && input.normalize.of() != Some(Measured::Input)
}

/// Only values before a sigmoid can be averaged as logits.
pub(super) fn logits_are_averaged(member: &Member, at: &str, findings: &mut Findings) {
    let Some(map) = member.map.as_ref().filter(|_| member.average == Average::Logits) else { return };
    let about = |key: &str| [child(at, "average"), child(at, key)];
    if map.resized_as() == Values::Probabilities {
        let hint = Some("add `resize_as = \"logits\"` to the map, or leave `average` out");
        findings.error(about("map.values"), "the map is resized as probabilities, which are no logits", hint);
    }
    if map.zero_below.is_some() {
        let message = "`zero_below` is a probability of each view, and views are averaged as logits";
        findings.error(about("map.zero_below"), message, Some("leave one of the two out"));
    }
}
