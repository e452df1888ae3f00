//! Rules for a member's sets of weights.

use super::Member;
use crate::lint::{Findings, child};

/// Either one ONNX file or snapshots must be given.
pub(super) fn model_or_snapshots(member: &Member, at: &str, findings: &mut Findings) {
    let about = [child(at, "snapshots"), child(at, "model")];
    match (&member.model, member.snapshots.is_empty()) {
        (Some(_), false) => findings.error(about, "`model` is declared as well", Some("keep one of the two")),
        (None, true) => {
            let hint = Some("name the ONNX file, or several as `snapshots`");
            findings.error([child(at, "model"), at.to_owned()], "neither `model` nor `snapshots` is given", hint);
        }
        _ => {}
    }
    if member.sha256.is_some() && !member.snapshots.is_empty() {
        let hint = Some("each snapshot has its own");
        findings.error([child(at, "sha256")], "no `model` is declared that it could be the hash of", hint);
    }
}

/// Either every snapshot names the fold that it has not seen, or none does.
pub(super) fn folds_are_told(member: &Member, at: &str, findings: &mut Findings) {
    let told = member.snapshots.iter().filter(|snapshot| snapshot.fold.is_some()).count();
    if told > 0
        && let Some(silent) = member.snapshots.iter().position(|snapshot| snapshot.fold.is_none())
    {
        let about = [format!("{at}.snapshots[{silent}].fold"), format!("{at}.snapshots[{silent}]")];
        findings.error(about, "other snapshots name their `fold`", Some("name it for all of them, or for none"));
    }
}
