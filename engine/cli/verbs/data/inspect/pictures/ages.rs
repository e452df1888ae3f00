//! The ages of patients, with and without a mask.

use super::super::Image;
use super::chart::{Chart, Values};
use super::{NEGATIVE, NEITHER, POSITIVE};

/// Width of a bar, in years.
const BIN: u32 = 5;

/// A class's name, its colour, and a test for its images.
type Class = (&'static str, &'static str, fn(&Image) -> bool);

/// Stacked bars of five years: positives at the bottom, negatives above, images without a truth on top. `None` if no
/// file states an age.
pub fn draw(images: &[Image]) -> Option<String> {
    let classes: [Class; 3] = [
        ("mask", POSITIVE, Image::positive),
        ("no mask", NEGATIVE, |image| image.truth.is_some() && !image.positive()),
        ("no truth", NEITHER, |image| image.truth.is_none()),
    ];
    let aged: Vec<_> = images.iter().filter_map(|image| Some((image.tags.years()? as u32 / BIN, image))).collect();
    let (first, last) = (aged.iter().map(|(bin, _)| *bin).min()?, aged.iter().map(|(bin, _)| *bin).max()?);
    let bins: Vec<[usize; 3]> = (first..=last)
        .map(|bin| {
            let here = || aged.iter().filter(move |(of, _)| *of == bin);
            classes.map(|(_, _, is)| here().filter(|(_, image)| is(image)).count())
        })
        .collect();
    let most = bins.iter().map(|counts| counts.iter().sum::<usize>()).max()? as f64;
    let title = format!("Ages of patients, {} images", aged.len());
    let across = (f64::from(first), f64::from(last + 1));
    let labels = ("age in years", "images");
    let mut chart = Chart::new((&title, &title), labels, across, Values::Counts(most));
    for (bin, counts) in (first..).zip(&bins) {
        let mut foot = 0.0;
        for (&count, (name, colour, _)) in counts.iter().zip(classes).filter(|(count, _)| **count > 0) {
            let top = foot + count as f64;
            let told = format!("{} to {} years, {name}: {count}", bin * BIN, bin * BIN + BIN - 1);
            chart.bar((bin.into(), (bin + 1).into()), (foot, top), colour, &told);
            foot = top;
        }
    }
    (first..=last + 1).filter(|bin| bin % 2 == 0).for_each(|bin| chart.tick(bin.into(), &[&(bin * BIN).to_string()]));
    for (index, (name, colour, _)) in classes.into_iter().enumerate() {
        let count: usize = bins.iter().map(|counts| counts[index]).sum();
        if count > 0 {
            chart.key(colour, &format!("{name}: {count}"));
        }
    }
    Some(chart.finish())
}
