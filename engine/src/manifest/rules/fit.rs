//! Rules for the shape of a network's input.

use super::super::{Fit, Intensity, Member, Unit, Values};
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
    if member.input.unit == Unit::Stored && member.input.standardize {
        let about = [child(at, "input.unit"), child(at, "input.standardize")];
        findings.warn(about, "has no effect: a standardized image has no unit", None);
    }
}
