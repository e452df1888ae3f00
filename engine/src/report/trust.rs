//! How far results can be trusted: what is referred, the risk of the rest, and numbers by group.

use super::chart;
use super::groups;
use super::stats::{Coverage, Metric, Ranking, headline};
use super::summary::FEWEST;
use super::{Case, MISSED};

/// What the page says of trust.
pub(super) struct Trust {
    /// The risk–coverage curve, or why there is none.
    pub(super) curve: Result<String, String>,
    /// What the curve sorts images by.
    pub(super) by: &'static str,
    /// The images that are referred to people; `None` if none is.
    pub(super) referred: Option<Referred>,
    /// The numbers of each group.
    pub(super) groups: Vec<GroupRow>,
}

/// Images that are referred to people, and the others.
pub(super) struct Referred {
    pub(super) images: usize,
    pub(super) of: usize,
    /// The mean Dice of those that are kept, and of those that are referred.
    pub(super) kept_dice: String,
    pub(super) referred_dice: String,
    /// Images with wrong decisions among them: a lesion that is missed or one that is not there.
    pub(super) wrong: usize,
    pub(super) wrong_of: usize,
}

/// The numbers of a group.
pub(super) struct GroupRow {
    pub(super) kind: String,
    /// Whether it is the first of its kind.
    pub(super) is_first: bool,
    pub(super) name: String,
    pub(super) images: usize,
    pub(super) metrics: Vec<Metric>,
}

impl Trust {
    /// Of the cases with a truth.
    pub(super) fn new(judged: &[&Case]) -> Self {
        let (by, confident) = confidence(judged);
        let referred = referred(judged);
        let risk = |case: &Case| 1.0 - case.dice().unwrap_or(1.0);
        let curve = if confident.len() < FEWEST {
            Err(format!("Only {} images have an exact score, which is too few for a curve.", confident.len()))
        } else {
            let point = referred.as_ref().map(|_| {
                let kept: Vec<f64> = judged.iter().filter(|case| !case.is_referred()).map(|case| risk(case)).collect();
                (kept.len() as f64 / judged.len() as f64, mean(&kept).unwrap_or(0.0))
            });
            let found = Coverage::new(&confident);
            found.map(|found| chart::coverage(&found, point)).ok_or_else(String::new)
        };
        Self { curve, by, referred, groups: rows(judged) }
    }
}

/// (confidence, risk) of the images whose confidence is known: how far the probability is from even odds.
fn confidence(judged: &[&Case]) -> (&'static str, Vec<(f64, f64)>) {
    let is_calibrated = judged.iter().any(|case| case.exact_calibrated().is_some());
    let by = if is_calibrated { "calibrated probability" } else { "score" };
    let of = |case: &&&Case| {
        let probability = if is_calibrated { case.exact_calibrated() } else { case.exact_score() };
        Some(((probability? - 0.5).abs(), 1.0 - case.dice()?))
    };
    (by, judged.iter().filter_map(|case| of(&case)).collect())
}

fn referred(judged: &[&Case]) -> Option<Referred> {
    let (sent, kept): (Vec<&Case>, Vec<&Case>) = judged.iter().copied().partition(|case| case.is_referred());
    let dice = |cases: &[&Case]| {
        let dice: Vec<f64> = cases.iter().filter_map(|case| case.dice()).collect();
        mean(&dice).map_or("–".to_owned(), |mean| format!("{mean:.3}"))
    };
    let wrong =
        |cases: &[&Case]| cases.iter().filter(|case| case.outcome().is_some_and(|it| MISSED.contains(&it))).count();
    (!sent.is_empty()).then(|| Referred {
        images: sent.len(),
        of: judged.len(),
        kept_dice: dice(&kept),
        referred_dice: dice(&sent),
        wrong: wrong(&sent),
        wrong_of: wrong(judged),
    })
}

fn rows(judged: &[&Case]) -> Vec<GroupRow> {
    let mut rows = Vec::new();
    for kind in groups::kinds(judged) {
        for (place, (name, members)) in kind.groups.into_iter().enumerate() {
            let cases: Vec<&Case> = members.iter().map(|&place| judged[place]).collect();
            let exact: Vec<_> = cases
                .iter()
                .enumerate()
                .filter_map(|(number, case)| Some((number, case.exact_score()?, !case.truth.as_ref()?.is_empty())))
                .collect();
            let ranking = Ranking::new(exact.iter().copied());
            let ranked = if ranking.has_both() { exact.len() } else { 0 };
            let metrics = headline(&cases, &ranking, ranked);
            let is_first = place == 0;
            rows.push(GroupRow { kind: kind.name.clone(), is_first, name, images: cases.len(), metrics });
        }
    }
    rows
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
