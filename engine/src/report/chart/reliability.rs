//! The reliability diagram: for each bin of scores, the share of images whose true mask is not empty, and their number.

use super::plot::{Frame, Plot};
use crate::reliability::Reliability;

const FRAME: Frame = Frame { across: (48.0, 308.0), upwards: (208.0, 12.0), x: (0.0, 1.0), y: (0.0, 1.0) };
/// The strip of counts below: (bottom, top).
const STRIP: (f64, f64) = (298.0, 258.0);

/// Draws the bins' shares with Wilson's 95 % intervals over a strip of their counts.
pub(crate) fn reliability(found: &Reliability) -> String {
    let says = format!("Reliability diagram; calibration error {:.3}, Brier score {:.3}", found.ece, found.brier);
    let mut plot = Plot::new(320.0, 312.0, &says);
    plot.shares(&FRAME, "score", "share with a mask");
    plot.line("diagonal", (FRAME.x(0.0), FRAME.y(0.0)), (FRAME.x(1.0), FRAME.y(1.0)));
    let filled = || found.bins.iter().filter(|bin| bin.images > 0);
    plot.curve("curve", filled().map(|bin| (FRAME.x(bin.score()), FRAME.y(bin.share()))));
    for bin in filled() {
        let (x, (low, high)) = (FRAME.x(bin.score()), bin.interval());
        plot.line("whisker", (x, FRAME.y(low)), (x, FRAME.y(high)));
        let says = format!("{} of {} images have a mask; mean score {:.3}", bin.positives, bin.images, bin.score());
        plot.dot("mark", (x, FRAME.y(bin.share())), 4.0, &says);
    }
    counts(&mut plot, &found.bins.iter().map(|bin| bin.images).collect::<Vec<_>>());
    plot.finish()
}

fn counts(plot: &mut Plot, counts: &[usize]) {
    let most = counts.iter().max().copied().unwrap_or(0).max(1);
    let frame = Frame { upwards: STRIP, x: (0.0, counts.len() as f64), y: (0.0, most as f64), ..FRAME };
    plot.upright("name", (frame.across.0 - 34.0, f64::midpoint(STRIP.0, STRIP.1)), "images");
    plot.line("axis", (frame.across.0, STRIP.0), (frame.across.1, STRIP.0));
    for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (left, right, top) = (frame.x(bin as f64) + 1.5, frame.x(bin as f64 + 1.0) - 1.5, frame.y(count as f64));
        plot.bar("bar plain", (left, STRIP.0), (right, top), &format!("{count} images"));
        plot.text("count small middle", (f64::midpoint(left, right), top - 3.0), &count.to_string());
    }
}
