//! The share of positives by sex and view.

use std::collections::{BTreeMap, BTreeSet};

use pleura::chart::COLOURS;
use pleura::report::wilson;

use super::super::Image;
use super::super::summary::{UNKNOWN, sex, view};
use super::chart::{Chart, Values};

/// Groups of bars by view, a bar per sex, with Wilson's intervals. `None` if no image has a truth, or none has a sex or
/// a view.
pub fn draw(images: &[Image]) -> Option<String> {
    let mut counts: BTreeMap<(String, String), (usize, usize)> = BTreeMap::new();
    for image in images.iter().filter(|image| image.truth.is_some()) {
        let (positive, all) = counts.entry((view(image), sex(image))).or_default();
        *positive += usize::from(image.positive());
        *all += 1;
    }
    let views: BTreeSet<_> = counts.keys().map(|(view, _)| view.clone()).collect();
    let sexes: BTreeSet<_> = counts.keys().map(|(_, sex)| sex.clone()).collect();
    if views.iter().chain(&sexes).all(|name| name == UNKNOWN) {
        return None;
    }
    let bounds = counts.values().map(|&(positive, all)| wilson(positive, all).1);
    let most = bounds.fold(None, |most: Option<f64>, bound| Some(most.map_or(bound, |most| most.max(bound))))?;
    let title = "Share of images with a mask, by sex and view";
    let described = format!("{title}; lines are 95 % intervals");
    let labels = ("view; lines are 95 % intervals (Wilson)", "share with a mask");
    let across = (0.0, views.len() as f64);
    let mut chart = Chart::new((title, &described), labels, across, Values::Shares(most));
    // a fifth of each group is gap
    let width = 0.8 / sexes.len() as f64;
    for (group, view) in views.iter().enumerate() {
        for (place, sex) in sexes.iter().enumerate() {
            let Some(&(positive, all)) = counts.get(&(view.clone(), sex.clone())) else { continue };
            let (left, share) = (group as f64 + 0.1 + width * place as f64, positive as f64 / all as f64);
            let told = format!("{view}, {sex}: {positive} of {all}");
            chart.bar((left, left + width), (0.0, share), COLOURS[place % COLOURS.len()], &told);
            let (low, high) = wilson(positive, all);
            chart.whisker(left + width / 2.0, (low, high));
            chart.note(left + width / 2.0, high, &format!("{positive} of {all}"));
        }
        chart.tick(group as f64 + 0.5, &[view]);
    }
    sexes.iter().enumerate().for_each(|(place, sex)| chart.key(COLOURS[place % COLOURS.len()], sex));
    Some(chart.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // by hand: z²/n = 0.384146, so (0.2 + 0.192073 ± 1.959964·sqrt(0.016 + 0.009604)) / 1.384146
        let (low, high) = wilson(2, 10);
        assert!((low - 0.056_682).abs() < 1e-5 && (high - 0.509_838).abs() < 1e-5, "{low} {high}");
        // none or all: the interval ends at 0 or 1, up to rounding
        assert!(wilson(0, 4).0 < 1e-9 && wilson(4, 4).1 > 1.0 - 1e-9);
    }
}
