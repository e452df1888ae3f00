//! Rules for the loss.

use pleura::lint::Findings;

use super::super::{LossTerm, Recipe};

/// A head's key, its terms, and whether the network has the head.
fn heads(recipe: &Recipe) -> [(&'static str, &[LossTerm], bool); 2] {
    let (loss, heads) = (&recipe.loss, recipe.network.heads);
    [("map", &loss.map, heads.map()), ("score", &loss.score, heads.score())]
}

pub(super) fn each_head_has_a_loss(recipe: &Recipe, findings: &mut Findings) {
    for (head, terms, is_there) in heads(recipe) {
        let about = [format!("loss.{head}"), "network.heads".to_owned()];
        if is_there && terms.is_empty() {
            let hint = "add a term, such as { kind = \"bce\" }, or choose other `heads`";
            findings.error(about, format!("nothing trains the network's {head}"), Some(hint));
        } else if !is_there && !terms.is_empty() {
            let hint = "leave it out, or write `heads = \"both\"`";
            findings.error(about, format!("the network has no {head} (`network.heads`)"), Some(hint));
        }
    }
}

pub(super) fn some_weight(recipe: &Recipe, findings: &mut Findings) {
    for (head, terms, _) in heads(recipe).into_iter().filter(|(_, terms, _)| !terms.is_empty()) {
        if terms.iter().all(|term| term.weight() == 0.0) {
            let about: Vec<_> = (0..terms.len()).map(|i| format!("loss.{head}[{i}].weight")).collect();
            let hint = "give at least one a weight above 0";
            findings.error(about, "every term has weight 0: nothing is minimised", Some(hint));
        }
    }
}

pub(super) fn classes_have_weight(recipe: &Recipe, findings: &mut Findings) {
    for (head, terms, _) in heads(recipe) {
        for (i, term) in terms.iter().enumerate() {
            if matches!(term, LossTerm::CrossEntropy { classes: [0.0, 0.0], .. }) {
                let about = [format!("loss.{head}[{i}].classes")];
                findings.error(about, "must not both be 0: the term is divided by their sum", None);
            }
        }
    }
}

pub(super) fn scores_have_no_area(recipe: &Recipe, findings: &mut Findings) {
    for i in recipe.loss.score.iter().enumerate().filter(|(_, term)| term.is_overlap()).map(|(i, _)| i) {
        let about = [format!("loss.score[{i}].kind")];
        let message = "compares areas, but a score has none";
        findings.warn(about, message, Some("`bce`, `cross-entropy` and `focal` are for scores"));
    }
}

pub(super) fn blends_have_a_loss(recipe: &Recipe, findings: &mut Findings) {
    if recipe.mixup.is_none() {
        return;
    }
    for (head, terms, _) in heads(recipe) {
        for i in terms.iter().enumerate().filter(|(_, term)| matches!(term, LossTerm::Lovasz { .. })).map(|(i, _)| i) {
            let about = [format!("loss.{head}[{i}].kind"), "mixup".to_owned()];
            let hint = "leave out `mixup`, or choose another term, such as `dice`";
            findings.error(about, "sorts marked and unmarked pixels, but blended truth is neither", Some(hint));
        }
    }
}
