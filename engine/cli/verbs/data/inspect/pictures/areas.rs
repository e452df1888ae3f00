//! The areas of masks.

use super::super::super::truth::Truth;
use super::POSITIVE;
use super::chart::{Chart, Values};

/// Number of bars per factor of ten.
const BINS: f64 = 8.0;

/// Bars of equal ratio, as most masks are small and a few large. `None` if nothing is marked.
pub fn draw(truth: &Truth) -> Option<String> {
    let pixels = truth.size.area() as f64;
    // areas just below a bin's edge by rounding belong to it
    let bin = |area: usize| ((area as f64 / pixels).log10() * BINS + 1e-9).floor() as i32;
    let bins: Vec<_> = truth.positives().map(|marks| bin(marks.runs.area())).collect();
    let (first, last) = (*bins.iter().min()?, *bins.iter().max()?);
    let count = |bin: i32| bins.iter().filter(|&&of| of == bin).count();
    let most = (first..=last).map(count).max()? as f64;
    let title = format!("Mask areas of {} positive images", bins.len());
    let labels = ("share of the image that is marked (log scale: each bar is 1.33 times the one before)", "images");
    let across = (f64::from(first), f64::from(last + 1));
    let mut chart = Chart::new((&title, &title), labels, across, Values::Counts(most));
    for bin in (first..=last).filter(|&bin| count(bin) > 0) {
        let edge = |bin: i32| 100.0 * 10_f64.powf(f64::from(bin) / BINS);
        let told = format!("{:.3} % to {:.3} %: {}", edge(bin), edge(bin + 1), count(bin));
        chart.bar((bin.into(), (bin + 1).into()), (0.0, count(bin) as f64), POSITIVE, &told);
    }
    let decades = first.div_euclid(BINS as i32)..=(last + 1).div_euclid(BINS as i32);
    for (decade, lead) in decades.flat_map(|decade| [1.0, 3.0].map(|lead| (decade, lead))) {
        let at = BINS * (f64::from(decade) + f64::log10(lead));
        if at < across.0 || at > across.1 {
            continue;
        }
        let percent = lead * 10_f64.powi(decade + 2);
        let percent_text = format!("{percent:.*} %", (-decade - 2).max(0) as usize);
        if lead == 1.0 {
            chart.tick(at, &[&percent_text, &format!("{:.0} px", percent / 100.0 * pixels)]);
        } else {
            chart.tick(at, &[&percent_text]);
        }
    }
    Some(chart.finish())
}
