//! The mean Dice over two thresholds, as a heat map.

use super::plot::{Frame, Plot};
use crate::report::HeatMap;

/// The colours from low to high: lightness rises throughout, and no two neighbours differ only in red and green.
const RAMP: [[f64; 3]; 5] =
    [[13.0, 27.0, 62.0], [33.0, 76.0, 122.0], [86.0, 130.0, 150.0], [180.0, 178.0, 120.0], [250.0, 232.0, 92.0]];
const TOP: f64 = 34.0;
const BOTTOM: f64 = 302.0;
const ACROSS: (f64, f64) = (64.0, 508.0);

/// Draws the map with the manifest's point (a square) and the best one (a ring).
pub(crate) fn heat_map(map: &HeatMap) -> String {
    let chosen = map.dice[(map.chosen.1, map.chosen.0)];
    let Some((best_at, best)) = map.best() else { return String::new() };
    let says = format!("Mean Dice over {} and {}: chosen {chosen:.4}, best {best:.4}", map.x_name, map.y_name);
    let mut plot = Plot::new(520.0, 350.0, &says);
    let frame =
        Frame { across: ACROSS, upwards: (BOTTOM, TOP), x: (0.0, map.x.len() as f64), y: (0.0, map.y.len() as f64) };
    let range = map.dice.iter().fold((f64::MAX, f64::MIN), |(low, high), &dice| (low.min(dice), high.max(dice)));
    cells(&mut plot, &frame, map, range);
    axes(&mut plot, &frame, map);
    legend(&mut plot, range);
    let at = |(x, y): (usize, usize)| (frame.x(x as f64 + 0.5), frame.y(y as f64 + 0.5));
    let ((x, y), reach) = (at(map.chosen), 7.0);
    for class in ["halo", "chosen"] {
        plot.bar(class, (x - reach, y - reach), (x + reach, y + reach), &format!("chosen: {chosen:.4}"));
    }
    for class in ["halo", "best"] {
        plot.dot(class, at(best_at), 4.5, &format!("best: {best:.4}"));
    }
    plot.finish()
}

fn cells(plot: &mut Plot, frame: &Frame, map: &HeatMap, (low, high): (f64, f64)) {
    // Points that a plugin refuses stay blank.
    for ((row, column), &dice) in map.dice.indexed_iter().filter(|(_, dice)| !dice.is_nan()) {
        let share = if high > low { (dice - low) / (high - low) } else { 0.5 };
        let (left, right) = (frame.x(column as f64), frame.x(column as f64 + 1.0));
        let (bottom, top) = (frame.y(row as f64), frame.y(row as f64 + 1.0));
        // half a unit more, or the background shows between cells
        let (width, height) = (right - left + 0.5, bottom - top + 0.5);
        let says = format!("{:.4} at {} and {}", dice, number(map.x[column]), number(map.y[row]));
        plot.put(format_args!(
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{}\">\
             <title>{says}</title></rect>",
            colour(share)
        ));
    }
}

fn axes(plot: &mut Plot, frame: &Frame, map: &HeatMap) {
    for place in spaced(map.x.len(), 8) {
        plot.text("tick middle", (frame.x(place as f64 + 0.5), BOTTOM + 15.0), &number(map.x[place]));
    }
    for place in spaced(map.y.len(), 10) {
        plot.text("tick end", (ACROSS.0 - 6.0, frame.y(place as f64 + 0.5) + 3.5), &number(map.y[place]));
    }
    plot.text("name middle", (f64::midpoint(ACROSS.0, ACROSS.1), BOTTOM + 36.0), &map.x_name);
    plot.upright("name", (14.0, f64::midpoint(BOTTOM, TOP)), &map.y_name);
}

fn legend(plot: &mut Plot, (low, high): (f64, f64)) {
    plot.text("tick end", (360.0, 18.0), &format!("{low:.4}"));
    for step in 0..20_u8 {
        let (x, fill) = (366.0 + 4.5 * f64::from(step), colour(f64::from(step) / 19.0));
        plot.put(format_args!("<rect x=\"{x:.1}\" y=\"8\" width=\"5\" height=\"13\" fill=\"{fill}\"/>"));
    }
    plot.text("tick", (463.0, 18.0), &format!("{high:.4}"));
    plot.text("name", (ACROSS.0, 18.0), "mean Dice");
}

/// At most `most` of `count` indices, evenly spaced from the first on.
fn spaced(count: usize, most: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(count.div_ceil(most).max(1))
}

/// A number with up to four decimals, without trailing zeros.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn colour(share: f64) -> String {
    let place = share.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let (below, above) = (RAMP[place.floor() as usize], RAMP[place.ceil() as usize]);
    let [r, g, b] = [0, 1, 2].map(|part| below[part] + (above[part] - below[part]) * place.fract());
    format!("#{:02x}{:02x}{:02x}", r as u8, g as u8, b as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_grow_lighter_all_the_way() {
        let lightness = |share: f64| {
            let text = colour(share);
            let part = |from: usize| f64::from(u8::from_str_radix(&text[from..from + 2], 16).unwrap());
            0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
        };
        let steps: Vec<_> = (0..=20).map(|step| lightness(f64::from(step) / 20.0)).collect();
        assert!(steps.is_sorted_by(|a, b| a < b), "{steps:?}");
        assert_eq!((colour(0.0), colour(1.0)), ("#0d1b3e".into(), "#fae85c".into()));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.5, 2000.0, 0.05, 0.333_333].map(number), ["0.5", "2000", "0.05", "0.3333"]);
    }
}
