//! Rules for plugin steps, by their place.

use super::{Manifest, Member};
use crate::lint::{Findings, child};
use crate::manifest::{Isolation, Step};

/// The steps of a member.
pub(super) fn of_member(member: &Member, at: &str, findings: &mut Findings) {
    for (list, steps) in [("prepare", &member.prepare), ("tta", &member.tta), ("postprocess", &member.postprocess)] {
        can_be_stopped(&child(at, list), steps, findings);
    }
}

/// The steps after the merge.
pub(super) fn after_merge(manifest: &Manifest, findings: &mut Findings) {
    can_be_stopped("postprocess", &manifest.postprocess, findings);
    for (index, _) in manifest.postprocess.iter().enumerate().filter(|(_, step)| step.when.is_some()) {
        let hint = Some("move the step into the members' own `postprocess`");
        findings.error([format!("postprocess[{index}].when")], "merged maps have no views to compare", hint);
    }
}

/// A timeout is allowed only for an isolated plugin.
fn can_be_stopped(list: &str, steps: &[Step], findings: &mut Findings) {
    for (index, step) in steps.iter().enumerate() {
        if step.timeout.is_some() && step.isolation != Isolation::Process {
            let about = ["timeout", "isolation"].map(|key| format!("{list}[{index}].{key}"));
            let hint = Some("add isolation = \"process\", or leave this out");
            findings.error(about, "only an isolated plugin has a timeout", hint);
        }
    }
}
