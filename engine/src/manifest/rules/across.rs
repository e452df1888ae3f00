//! Rules between stages.

use super::{Manifest, Member, Place, StageAt};
use crate::lint::{Findings, child};

/// A classifier stage must have a gate, or a score that multiplies segmenters' maps.
pub(super) fn classifier_decides(manifest: &Manifest, findings: &mut Findings) {
    let stages = StageAt::all(manifest);
    let members = manifest.segmenter.members.iter().enumerate();
    let multiplied = members.filter(|(_, member)| member.times_score && member.weight > 0.0);
    let multiplied: Vec<_> = multiplied.map(|(index, _)| format!("segmenter.members[{index}].times_score")).collect();
    let Some(classifier) = stages.iter().find(|stage| stage.place == Place::Classifier) else {
        for at in multiplied {
            let hint = Some("declare a [classifier] stage");
            findings.error([at], "no [classifier] stage has a score to multiply by", hint);
        }
        return;
    };
    if !multiplied.is_empty()
        && let Some((at, _)) = classifier.run().find(|(_, member)| !member.gives_score())
    {
        let hint = Some("declare `score`, or `score_from_map`");
        findings.error(
            [child(&at, "score"), at],
            "maps are multiplied by the stage's score, but this member has none",
            hint,
        );
    }
    if multiplied.is_empty() && classifier.gate.is_none() {
        let hint = Some("declare a gate, or leave the classifier out");
        findings.warn([child(classifier.at, "gate")], "without a gate the classifier has no effect", hint);
    }
}

/// A crop stage must be used by a member, and a member with `crop = true` needs a crop stage.
pub(super) fn crop_is_used(manifest: &Manifest, stages: &[StageAt<'_>], findings: &mut Findings) {
    let crops = |member: &Member| member.crop && member.weight > 0.0;
    let wanted: Vec<_> = stages.iter().flat_map(StageAt::members).filter(|(_, member)| crops(member)).collect();
    match &manifest.crop {
        None => {
            for (at, _) in wanted {
                findings.error(
                    [child(&at, "crop")],
                    "no [crop] stage is declared",
                    Some("declare it, or leave this out"),
                );
            }
        }
        Some(_) if wanted.is_empty() => {
            findings.warn(["crop".into()], "no member has `crop = true`", Some("leave the stage out"));
        }
        Some(_) => {}
    }
}
