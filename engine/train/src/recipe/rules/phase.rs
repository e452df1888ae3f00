//! Rules for phases.

use pleura::lint::Findings;

use super::super::{Phase, Recipe, Sampling, Schedule};
use super::repeated;

/// Learning rates above this must be a mistake.
const ABSURD: f32 = 10.0;

pub(super) fn sizes_fit_the_network(recipe: &Recipe, findings: &mut Findings) {
    let stride = recipe.network.architecture.stride();
    // A score is pooled from features of any size.
    if !recipe.network.heads.map() || stride == 1 {
        return;
    }
    for (i, phase) in recipe.phases.iter().enumerate() {
        for (key, sizes) in [("size", Some(phase.size)), ("crop", phase.crop)] {
            let sides = sizes.into_iter().flatten().enumerate();
            for (side, length) in sides.filter(|(_, length)| length % stride != 0) {
                let about =
                    [format!("phases[{i}].{key}[{side}]"), "network.architecture".into(), "network.heads".into()];
                let (below, above) = (length / stride * stride, (length / stride + 1).saturating_mul(stride));
                let hint = if below == 0 { format!("such as {above}") } else { format!("such as {below} or {above}") };
                let message = format!("must be a multiple of {stride} for this architecture, found {length}");
                findings.error(about, message, Some(&hint));
            }
        }
    }
}

/// A crop must not be larger than the image.
fn crop_is_a_part(phase: &Phase, at: &str, findings: &mut Findings) {
    let Some(crop) = phase.crop else { return };
    for (side, (crop, size)) in crop.into_iter().zip(phase.size).enumerate().filter(|(_, (crop, size))| crop > size) {
        let about = [format!("{at}.crop[{side}]"), format!("{at}.size[{side}]")];
        findings.error(about, format!("must not be above the image's side, {size}, found {crop}"), None);
    }
    if crop == phase.size {
        let about = [format!("{at}.crop"), format!("{at}.size")];
        findings.warn(about, "has no effect: it is the whole image", None);
    }
}

pub(super) fn phases_make_sense(recipe: &Recipe, findings: &mut Findings) {
    for (i, phase) in recipe.phases.iter().enumerate() {
        let at = format!("phases[{i}]");
        learning_rate(phase, &at, findings);
        crop_is_a_part(phase, &at, findings);
        schedule_makes_sense(&phase.schedule, phase.lr, phase.epochs, &at, findings);
        patience_can_end(phase, &at, findings);
        if matches!(phase.sampling, Sampling::PositiveShare { to: Some(_), .. }) && phase.epochs == 1 {
            let about = [format!("{at}.sampling.to"), format!("{at}.epochs")];
            findings.warn(about, "has no effect: the phase's first epoch is its last", None);
        }
    }
}

fn learning_rate(phase: &Phase, at: &str, findings: &mut Findings) {
    if phase.lr > ABSURD {
        let message = format!("a learning rate of {} is unusually high", phase.lr);
        findings.warn([format!("{at}.lr")], message, Some("Adam takes about 1e-4, SGD about 1e-2"));
    }
}

/// Checks that a schedule of `epochs` epochs, in the table `at`, falls from `lr` and has the epochs that it names.
pub(in super::super) fn schedule_makes_sense(
    schedule: &Schedule,
    lr: f32,
    epochs: u32,
    at: &str,
    findings: &mut Findings,
) {
    if let &Schedule::Cosine { min, .. } | &Schedule::Sgdr { min, .. } | &Schedule::Plateau { min, .. } = schedule
        && min > lr
    {
        let about = [format!("{at}.schedule.min"), format!("{at}.lr")];
        findings.error(about, format!("must not be above `lr`: {min} is above {lr}"), None);
    }
    let Schedule::Step { at: steps, .. } = schedule else { return };
    for (i, step) in steps.iter().enumerate().filter(|(_, step)| **step >= epochs) {
        let about = [format!("{at}.schedule.at[{i}]"), format!("{at}.epochs")];
        let hint = format!("epochs are counted from 0 to {}", epochs.saturating_sub(1));
        findings.error(about, format!("there is no epoch {step}"), Some(&hint));
    }
    if let Some((i, step)) = repeated(steps) {
        findings.error([format!("{at}.schedule.at[{i}]")], format!("epoch {step} is listed twice"), None);
    }
}

fn patience_can_end(phase: &Phase, at: &str, findings: &mut Findings) {
    let message = "has no effect: the phase ends before";
    if phase.patience.is_some_and(|patience| patience >= phase.epochs) {
        findings.warn([format!("{at}.patience"), format!("{at}.epochs")], message, None);
    }
    if matches!(phase.schedule, Schedule::Plateau { patience, .. } if patience >= phase.epochs) {
        findings.warn([format!("{at}.schedule.patience"), format!("{at}.epochs")], message, None);
    }
}
