//! A number between 0 and 1 with its interval, in the size of a word.

use super::plot::{Frame, Plot};

const FRAME: Frame = Frame { across: (6.0, 174.0), upwards: (12.0, 12.0), x: (0.0, 1.0), y: (0.0, 1.0) };

/// Draws a scale from 0 to 1, the interval on it, and the number.
pub(crate) fn interval(value: f64, interval: Option<(f64, f64)>) -> String {
    let mut plot = Plot::new(180.0, 24.0, &format!("{value:.3} on a scale from 0 to 1"));
    let at = |value: f64| (FRAME.x(value), 12.0);
    plot.line("track", at(0.0), at(1.0));
    for tick in [0.0, 0.5, 1.0] {
        plot.line("track", (FRAME.x(tick), 8.0), (FRAME.x(tick), 16.0));
    }
    if let Some((low, high)) = interval {
        plot.line("spread", at(low), at(high));
        for end in [low, high] {
            plot.line("whisker", (FRAME.x(end), 7.0), (FRAME.x(end), 17.0));
        }
    }
    plot.dot("mark", at(value), 3.5, &format!("{value:.4}"));
    plot.finish()
}
