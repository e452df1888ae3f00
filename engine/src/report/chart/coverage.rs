//! The risk–coverage curve.

use super::plot::{Frame, Plot};
use crate::report::stats::Coverage;

/// Draws the mean risk of the surest images; dashed, that of all; and the run's own (coverage, risk), if it refers some
/// images to people.
pub(crate) fn coverage(found: &Coverage, referral: Option<(f64, f64)>) -> String {
    let all = found.points.last().map_or(0.0, |point| point.1);
    let most = found.points.iter().map(|point| point.1).chain(referral.map(|point| point.1)).fold(0.0, f64::max);
    // the axis ends at a round number above all of them
    let top = [0.05, 0.1, 0.2, 0.5, 1.0].into_iter().find(|&top| most <= top).unwrap_or(1.0);
    let frame = Frame { across: (52.0, 308.0), upwards: (272.0, 12.0), x: (0.0, 1.0), y: (0.0, top) };
    let at = |(x, y): (f64, f64)| (frame.x(x), frame.y(y));
    let told = referral.map(|(coverage, risk)| {
        format!("the run's referral: {:.1} % of the images are kept, their risk is {risk:.3}", 100.0 * coverage)
    });
    let says = format!("Risk–coverage curve, area {:.3}, risk of all images {all:.3}", found.area);
    let mut plot = Plot::new(320.0, 312.0, &says);
    for fifth in 0..=5 {
        let (share, risk) = (f64::from(fifth) / 5.0, top * f64::from(fifth) / 5.0);
        plot.line("grid", (frame.x(share), frame.upwards.0), (frame.x(share), frame.upwards.1));
        plot.line("grid", (frame.across.0, frame.y(risk)), (frame.across.1, frame.y(risk)));
        plot.text("tick middle", (frame.x(share), frame.upwards.0 + 15.0), &format!("{share:.1}"));
        plot.text("tick end", (frame.across.0 - 6.0, frame.y(risk) + 3.5), &format!("{risk:.2}"));
    }
    plot.text("name middle", (f64::midpoint(frame.across.0, frame.across.1), frame.upwards.0 + 33.0), "coverage");
    plot.upright("name", (frame.across.0 - 40.0, f64::midpoint(frame.upwards.0, frame.upwards.1)), "1 − mean Dice");
    plot.line("diagonal", at((0.0, all)), at((1.0, all)));
    plot.curve("curve", found.points.iter().copied().map(at));
    if let (Some(point), Some(told)) = (referral, told) {
        plot.dot("operating", at(point), 5.5, &told);
    }
    plot.text("number", (frame.across.0 + 10.0, frame.upwards.1 + 18.0), &format!("AURC {:.3}", found.area));
    plot.finish()
}
