//! Rules for images: their preparation, folds and augmentation.

use pleura::lint::Findings;
use pleura::manifest::Intensity;

use super::super::{Folds, Recipe, Sampling, Transform};
use super::{keys, repeated};

pub(super) fn mean_and_std_fit_the_channels(recipe: &Recipe, findings: &mut Findings) {
    let (data, channels) = (&recipe.data, recipe.network.channels);
    for (key, values) in [("data.mean", &data.mean), ("data.std", &data.std)] {
        if values.len() > 1 && values.len() != channels as usize {
            let message = format!("has {} numbers, but the network has {channels} channel(s)", values.len());
            findings.error(keys([key, "network.channels"]), message, Some("write one number, or one per channel"));
        }
    }
    for i in data.std.iter().enumerate().filter(|(_, std)| **std == 0.0).map(|(i, _)| i) {
        findings.error([format!("data.std[{i}]")], "must not be 0: intensities are divided by it", None);
    }
}

pub(super) fn intensities_stay_apart(recipe: &Recipe, findings: &mut Findings) {
    if recipe.data.scale == 0.0 {
        let hint = Some("write 1, or 255 for a network that takes 0..=255");
        findings.error(keys(["data.scale"]), "must not be 0: every image would look the same", hint);
    }
    if let Intensity::Percentiles { low, high } = recipe.data.intensity
        && low >= high
    {
        let message = format!("must be below `high`: {low} is not below {high}");
        findings.error(keys(["data.intensity.low", "data.intensity.high"]), message, None);
    }
}

pub(super) fn positives_and_negatives_are_there(recipe: &Recipe, findings: &mut Findings) {
    if !recipe.data.positives_only {
        return;
    }
    if recipe.network.heads.score() {
        let message = "a score cannot learn from positives alone";
        let hint = Some("leave it out, or write `heads = \"map\"`");
        findings.warn(keys(["data.positives_only", "network.heads"]), message, hint);
    }
    for (i, phase) in recipe.phases.iter().enumerate() {
        if matches!(phase.sampling, Sampling::PositiveShare { .. }) {
            let about = [format!("phases[{i}].sampling"), "data.positives_only".to_owned()];
            let message = "has no effect: with `data.positives_only` there are no negatives to draw";
            findings.warn(about, message, Some("keep one of the two"));
        }
    }
}

pub(super) fn folds_are_there(recipe: &Recipe, findings: &mut Findings) {
    let Folds { count, train: Some(train), .. } = &recipe.folds else { return };
    if train.is_empty() {
        let hint = Some("leave it out to train all of them");
        return findings.error(keys(["folds.train"]), "names no fold: nothing is trained", hint);
    }
    for (i, fold) in train.iter().enumerate().filter(|(_, fold)| *fold >= count) {
        let about = [format!("folds.train[{i}]"), "folds.count".to_owned()];
        let hint = format!("folds are counted from 0 to {}", count.saturating_sub(1));
        findings.error(about, format!("there is no fold {fold}"), Some(&hint));
    }
    if let Some((i, fold)) = repeated(train) {
        findings.error([format!("folds.train[{i}]")], format!("fold {fold} is listed twice"), None);
    }
}

pub(super) fn patients_are_named(recipe: &Recipe, findings: &mut Findings) {
    let folds = &recipe.folds;
    if folds.patients.is_none() && folds.patient_column != Folds::default().patient_column {
        let about = keys(["folds.patient_column", "folds.patients"]);
        findings.warn(about, "has no effect without `patients`, the CSV with that column", None);
    }
}

pub(super) fn ranges_rise(recipe: &Recipe, findings: &mut Findings) {
    for (i, augment) in recipe.augment.iter().enumerate() {
        for (j, transform) in augment.one_of.iter().enumerate() {
            let (key, [least, most]) = match *transform {
                Transform::Crop { keep } => ("keep", keep),
                Transform::Gamma { range } => ("range", range),
                _ => continue,
            };
            if least > most {
                let about = [format!("augment[{i}].one_of[{j}].{key}")];
                findings.error(about, format!("expected the minimum, then the maximum: {least} is above {most}"), None);
            }
        }
    }
}

pub(super) fn transforms_happen(recipe: &Recipe, findings: &mut Findings) {
    for i in recipe.augment.iter().enumerate().filter(|(_, augment)| augment.p == 0.0).map(|(i, _)| i) {
        findings.warn([format!("augment[{i}].p")], "has no effect: its probability is 0", None);
    }
}
