//! Rules for the changes of a member's own map, before the merge.

use super::{Member, Merge, Place, StageAt};
use crate::lint::{Findings, child};

/// Thresholds, multiplication by the score, and masks are allowed only where they have an effect.
pub(super) fn maps_are_changed_in_place(stage: &StageAt<'_>, findings: &mut Findings) {
    for (at, member) in stage.members() {
        let threshold = thresholds(member, &at);
        if let Some(key) = threshold.first() {
            let why = if *stage.merge != Merge::Mean {
                Some("a member's threshold is an offset in a mean, and this merge is not a mean")
            } else if member.times_score {
                Some("a map that is multiplied by the score cannot have its own threshold")
            } else if !member.postprocess.is_empty() {
                Some("the member's own `postprocess` already makes a mask")
            } else if stage.place == Place::Crop {
                Some("the crop stage has its own threshold, `above`")
            } else {
                None
            };
            if let Some(why) = why {
                findings.error([key.clone()], why, Some("leave it out"));
            }
        }
        let changed = [
            ("times_score", member.times_score, "only a segmenter's map can be multiplied by the classifier's score"),
            ("postprocess", !member.postprocess.is_empty(), "only a segmenter's map can become a mask"),
        ];
        for (key, _, why) in changed.into_iter().filter(|(_, set, _)| *set && stage.place != Place::Segmenter) {
            findings.error([child(&at, key)], why, None);
        }
        if member.crop && stage.place == Place::Crop {
            findings.error([child(&at, "crop")], "the crop stage itself cannot be cropped", Some("leave it out"));
        }
    }
}

/// The keys that declare thresholds.
fn thresholds(member: &Member, at: &str) -> Vec<String> {
    let own = member.threshold.iter().map(|_| child(at, "threshold"));
    let snapshots = member.snapshots.iter().enumerate().filter(|(_, snapshot)| snapshot.threshold.is_some());
    own.chain(snapshots.map(|(index, _)| format!("{at}.snapshots[{index}].threshold"))).collect()
}

/// Conditions on views must be valid, and there must be views to compare.
pub(super) fn steps_depend_on_views(stage: &StageAt<'_>, findings: &mut Findings) {
    for (at, member) in stage.members() {
        for list in ["prepare", "tta"] {
            let steps = if list == "prepare" { &member.prepare } else { &member.tta };
            for (index, _) in steps.iter().enumerate().filter(|(_, step)| step.when.is_some()) {
                findings.error(
                    [format!("{at}.{list}[{index}].when")],
                    "only `postprocess` steps can depend on views",
                    None,
                );
            }
        }
        let steps = member.postprocess.iter().enumerate();
        for (index, when) in steps.filter_map(|(index, step)| Some((index, step.when?))) {
            let at_when = format!("{at}.postprocess[{index}].when");
            if when.views_dice_below.is_some() == when.views_dice_at_least.is_some() {
                let hint = Some("write one of `views_dice_below` and `views_dice_at_least`");
                findings.error([at_when], "expected exactly one comparison", hint);
            } else if member.tta.is_empty() {
                findings.error([at_when], "without `tta` there is only one view to compare", None);
            }
        }
        let mut levels = member.postprocess.iter().enumerate().filter_map(|(i, step)| Some((i, step.when?.mask_above)));
        let first = levels.next();
        for (index, _) in levels.filter(|(_, level)| first.is_some_and(|(_, first)| first != *level)) {
            let at_level = format!("{at}.postprocess[{index}].when.mask_above");
            findings.error(
                [at_level],
                "differs from the previous step's",
                Some("views are compared once, at one level"),
            );
        }
    }
}
