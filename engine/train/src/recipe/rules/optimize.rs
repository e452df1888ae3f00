//! Rules for the optimiser.

use pleura::lint::Findings;

use super::super::{Average, Optimizer, Recipe};
use super::{keys, repeated};

pub(super) fn moments_decay(recipe: &Recipe, findings: &mut Findings) {
    match recipe.optimizer {
        Optimizer::Sgd { momentum, nesterov, .. } => {
            if momentum >= 1.0 {
                findings.error(keys(["optimizer.momentum"]), "must be below 1: steps would only grow", None);
            } else if nesterov && momentum == 0.0 {
                let about = keys(["optimizer.nesterov", "optimizer.momentum"]);
                findings.error(about, "there is no `momentum` to look ahead by", Some("0.9 is usual"));
            }
        }
        Optimizer::Adam { betas, .. } | Optimizer::Adamw { betas, .. } => {
            for i in betas.iter().enumerate().filter(|(_, beta)| **beta >= 1.0).map(|(i, _)| i) {
                let about = [format!("optimizer.betas[{i}]")];
                findings.error(about, "must be below 1: the moment would stay 0", Some("[0.9, 0.999] is usual"));
            }
        }
    }
}

pub(super) fn averages_move(recipe: &Recipe, findings: &mut Findings) {
    match recipe.average {
        Some(Average::Ema { decay }) if decay >= 1.0 => {
            let hint = Some("0.99 and 0.999 are usual");
            findings.error(keys(["average.decay"]), "must be below 1: the average would never move", hint);
        }
        Some(Average::Ema { decay: 0.0 }) => {
            findings.warn(keys(["average.decay"]), "with a decay of 0 the average is the weights themselves", None);
        }
        _ => {}
    }
}

pub(super) fn swa_epochs_are_reached(recipe: &Recipe, findings: &mut Findings) {
    let Some(Average::Swa { epochs }) = &recipe.average else { return };
    if recipe.keep_top > 1 {
        let hint = Some("leave it out, or `average`");
        findings.error(keys(["keep_top", "average"]), "stochastic weight averaging makes one set of weights", hint);
    }
    let total: u64 = recipe.phases.iter().map(|phase| u64::from(phase.epochs)).sum();
    let lengths = || (0..recipe.phases.len()).map(|i| format!("phases[{i}].epochs"));
    for (i, epoch) in epochs.iter().enumerate().filter(|(_, epoch)| u64::from(**epoch) >= total) {
        let about: Vec<_> = std::iter::once(format!("average.epochs[{i}]")).chain(lengths()).collect();
        let hint = format!("the phases have {total} in all, counted from 0 to {}", total.saturating_sub(1));
        findings.error(about, format!("there is no epoch {epoch}"), Some(&hint));
    }
    if let Some((i, epoch)) = repeated(epochs) {
        findings.error([format!("average.epochs[{i}]")], format!("epoch {epoch} is listed twice"), None);
    }
    for i in recipe.phases.iter().enumerate().filter(|(_, phase)| phase.patience.is_some()).map(|(i, _)| i) {
        let about = [format!("phases[{i}].patience"), "average".to_owned()];
        findings.warn(about, "the phase may end before the epochs that `average` names are reached", None);
    }
}
