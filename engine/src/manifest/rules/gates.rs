//! Rules for gates: that their inputs exist, and that they decide anything.

use super::{Gate, StageAt};
use crate::lint::{Findings, child};

/// Exactly one of two comparisons must be given.
pub(super) fn can_be_read(stage: &StageAt<'_>, findings: &mut Findings) {
    for (at, gate) in stage.gates() {
        let Gate::Score { above, at_least, .. } = gate else { continue };
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

/// Members that a gate names must exist, run, and give the output that it reads.
pub(super) fn name_members(stage: &StageAt<'_>, findings: &mut Findings) {
    for (at, gate) in stage.gates() {
        if let Some(name) = gate.member() {
            ask(stage, child(&at, "member"), name, gate.reads_map(), findings);
        }
        let Gate::Agree { members, at_least, .. } = gate else { continue };
        for (index, name) in members.iter().enumerate() {
            ask(stage, format!("{at}.members[{index}]"), name, false, findings);
        }
        let scored = stage.run().filter(|(_, member)| member.gives_score()).count();
        let asked = if members.is_empty() { scored } else { members.len() };
        if asked == 0 {
            findings.error([at], "no member of the stage has a score", Some("declare `score`, or `score_from_map`"));
        } else if at_least.is_some_and(|least| least as usize > asked) {
            let message = format!("is more than the {asked} members that vote: no image passes");
            findings.error([child(&at, "at_least")], message, None);
        }
    }
}

fn ask(stage: &StageAt<'_>, at: String, name: &str, map: bool, findings: &mut Findings) {
    let Some((_, member)) = stage.members().find(|(_, member)| member.name == name) else {
        let names: Vec<_> = stage.members().map(|(_, member)| format!("`{}`", member.name)).collect();
        return findings.error(
            [at],
            format!("the stage has no member `{name}`"),
            Some(&format!("it has {}", names.join(", "))),
        );
    };
    if member.weight == 0.0 {
        findings.error([at], format!("member `{name}` has weight 0 and is not run"), None);
    } else if map && member.map.is_none() {
        findings.error([at], format!("member `{name}` has no `map` to count pixels of"), None);
    } else if !map && !member.gives_score() {
        let hint = Some("declare its `score`, or `score_from_map`");
        findings.error([at], format!("member `{name}` has no score"), hint);
    }
}

/// Warns about gates that every image passes, or none.
pub(super) fn decide(stage: &StageAt<'_>, findings: &mut Findings) {
    for (at, gate) in stage.gates() {
        match *gate {
            Gate::Score { above: Some(above), .. }
            | Gate::AnyPixel { above, .. }
            | Gate::Area { above, .. }
            | Gate::Component { above, .. }
            | Gate::Agree { above, .. }
                if above >= 1.0 =>
            {
                findings.warn([child(&at, "above")], "no probability is above 1: no image passes", None);
            }
            Gate::Score { at_least: Some(0.0), .. }
            | Gate::Area { at_least: 0, .. }
            | Gate::Component { at_least: 0, .. } => {
                findings.warn([child(&at, "at_least")], "every probability is at least 0: every image passes", None);
            }
            Gate::Area { at_least, at: [height, width], .. }
            | Gate::Component { at_least, at: [height, width], .. }
                if u64::from(at_least) > u64::from(height) * u64::from(width) =>
            {
                let message = format!("{height} x {width} pixels are fewer than {at_least}: no image passes");
                findings.warn([child(&at, "at_least"), child(&at, "at")], message, None);
            }
            _ => {}
        }
    }
}
