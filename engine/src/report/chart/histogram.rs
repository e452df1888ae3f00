//! The distribution of Dice: images whose masks overlap in bins, and separately those without overlap, whose Dice is 0
//! or 1.

use super::plot::{Frame, Plot};
use crate::report::summary::Outcomes;

const BINS: usize = 10;
const BOTTOM: f64 = 264.0;
const TOP: f64 = 22.0;
/// The gap on either side of a bar.
const GAP: f64 = 1.5;

/// Draws `dice` of the true positives, and a bar for each other outcome.
pub(crate) fn histogram(dice: &[f64], outcomes: &Outcomes) -> String {
    let Outcomes { true_negatives: tn, false_positives: fp, false_negatives: fneg, found_elsewhere, .. } = *outcomes;
    let mut bins = [0; BINS];
    dice.iter().for_each(|&dice| bins[((dice * BINS as f64) as usize).min(BINS - 1)] += 1);
    let says = format!(
        "Dice of {} images whose masks in truth and in the prediction overlap; beside them {tn} true negatives, \
         {fp} false positives, {fneg} false negatives and {found_elsewhere} found elsewhere",
        dice.len()
    );
    let mut plot = Plot::new(320.0, 312.0, &says);
    overlaps(&mut plot, &bins);
    let bars = [("TN", 1, "tn", tn), ("FP", 0, "fp", fp), ("FN", 0, "fn", fneg), ("FE", 0, "fe", found_elsewhere)];
    apart(&mut plot, bars);
    plot.finish()
}

fn overlaps(plot: &mut Plot, bins: &[usize; BINS]) {
    let frame = panel((8.0, 202.0), 1.0, bins);
    plot.text("name", (frame.across.0, 12.0), "masks that overlap");
    for (bin, &count) in bins.iter().enumerate() {
        let (low, high) = (bin as f64 / BINS as f64, (bin + 1) as f64 / BINS as f64);
        let says = format!("{count} images with a Dice of {low:.1} to {high:.1}");
        column(plot, &frame, "bar tp", (low, high), count, &says);
    }
    for fifth in 0..=5 {
        let share = f64::from(fifth) / 5.0;
        plot.text("tick middle", (frame.x(share), BOTTOM + 15.0), &format!("{share:.1}"));
    }
    plot.text("name middle", (f64::midpoint(frame.across.0, frame.across.1), BOTTOM + 34.0), "Dice");
}

fn apart(plot: &mut Plot, bars: [(&str, u8, &str, usize); 4]) {
    // on a separate scale: if most images are healthy, theirs would hide the others
    let frame = panel((222.0, 318.0), 4.0, &bars.map(|bar| bar.3));
    plot.text("name", (frame.across.0, 12.0), "no overlap");
    for (place, (name, dice, class, count)) in bars.into_iter().enumerate() {
        let from = place as f64;
        column(
            plot,
            &frame,
            &format!("bar {class}"),
            (from, from + 1.0),
            count,
            &format!("{count} {name}: Dice {dice}"),
        );
        plot.text("tick strong middle", (frame.x(from + 0.5), BOTTOM + 15.0), name);
        plot.text("tick middle", (frame.x(from + 0.5), BOTTOM + 30.0), &format!("= {dice}"));
    }
}

fn panel(across: (f64, f64), x: f64, counts: &[usize]) -> Frame {
    let most = counts.iter().max().copied().unwrap_or(0).max(1);
    Frame { across, upwards: (BOTTOM, TOP + 14.0), x: (0.0, x), y: (0.0, most as f64) }
}

/// A bar with its count above.
fn column(plot: &mut Plot, frame: &Frame, class: &str, (low, high): (f64, f64), count: usize, says: &str) {
    let (left, right) = (frame.x(low) + GAP, frame.x(high) - GAP);
    plot.line("axis", (left - GAP, BOTTOM), (right + GAP, BOTTOM));
    if count > 0 {
        let top = frame.y(count as f64);
        plot.bar(class, (left, BOTTOM), (right, top), says);
        plot.text("count small middle", (f64::midpoint(left, right), top - 5.0), &count.to_string());
    }
}
