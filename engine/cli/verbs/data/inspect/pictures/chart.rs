//! A bar chart.

use pleura::chart::{self, Axis, bar, rule, text, upright};

/// (width, height) of the picture.
const SIZE: (f64, f64) = (760.0, 430.0);
/// Left and right margins; the right one has the key.
const SIDES: (f64, f64) = (76.0, 150.0);
const TOP: f64 = 64.0;
const FOOT: f64 = 360.0;

/// The unit of the bars' heights, and the largest value.
#[derive(Clone, Copy)]
pub enum Values {
    Counts(f64),
    /// Shares in 0..=1, labelled in percent.
    Shares(f64),
}

/// Bars over an axis of values that starts at 0.
pub struct Chart {
    svg: String,
    across: Axis,
    up: Axis,
    keys: usize,
}

impl Chart {
    /// An empty chart with its title, description for screen readers, and axis labels. `across` is the range (from, to)
    /// of the horizontal axis, in the unit of the bars' positions.
    pub fn new(
        (title, described): (&str, &str),
        (below, beside): (&str, &str),
        across: (f64, f64),
        values: Values,
    ) -> Self {
        let across = Axis::new(across, (SIDES.0, SIZE.0 - SIDES.1));
        let (most, bound) = match values {
            Values::Counts(most) => (most, f64::INFINITY),
            Values::Shares(most) => (most, 1.0),
        };
        let up = Axis::round((0.0, most.max(f64::MIN_POSITIVE)), (0.0, bound), (FOOT, TOP));
        let mut svg = chart::head(title, described, SIZE, SIDES.0);
        for (value, number) in up.ticks(5.0, matches!(values, Values::Counts(_))) {
            let y = up.place(value);
            rule(&mut svg, (SIDES.0, y), (SIZE.0 - SIDES.1, y), "stroke=\"#e4e4e4\"");
            let label = if matches!(values, Values::Counts(_)) { number } else { format!("{:.0} %", 100.0 * value) };
            text(&mut svg, SIDES.0 - 8.0, y + 4.0, "end", &label);
        }
        text(&mut svg, f64::midpoint(SIDES.0, SIZE.0 - SIDES.1), FOOT + 50.0, "middle", below);
        upright(&mut svg, 22.0, f64::midpoint(TOP, FOOT), beside);
        Self { svg, across, up, keys: 0 }
    }

    /// Adds a bar over `from..to` on the horizontal and `low..high` on the vertical axis; `told` is shown on hover.
    pub fn bar(&mut self, (from, to): (f64, f64), (low, high): (f64, f64), colour: &str, told: &str) {
        let (left, right) = (self.across.place(from) + 0.6, self.across.place(to) - 0.6);
        let (top, foot) = (self.up.place(high), self.up.place(low));
        bar(&mut self.svg, (left, top), (right - left, foot - top), colour, told);
    }

    /// Adds an error bar: a vertical line with short ends.
    pub fn whisker(&mut self, at: f64, (low, high): (f64, f64)) {
        let (x, top, foot) = (self.across.place(at), self.up.place(high), self.up.place(low));
        rule(&mut self.svg, (x, top), (x, foot), "stroke=\"#333\"");
        for y in [top, foot] {
            rule(&mut self.svg, (x - 4.0, y), (x + 4.0, y), "stroke=\"#333\"");
        }
    }

    /// Adds a tick below the bars, with lines of text.
    pub fn tick(&mut self, at: f64, lines: &[&str]) {
        let x = self.across.place(at);
        rule(&mut self.svg, (x, FOOT), (x, FOOT + 4.0), "stroke=\"#666\"");
        for (i, line) in lines.iter().enumerate() {
            text(&mut self.svg, x, FOOT + 18.0 + 14.0 * i as f64, "middle", line);
        }
    }

    /// Adds text above a value.
    pub fn note(&mut self, at: f64, value: f64, note: &str) {
        text(&mut self.svg, self.across.place(at), self.up.place(value) - 6.0, "middle", note);
    }

    /// Adds a colour to the key.
    pub fn key(&mut self, colour: &str, name: &str) {
        let (x, y) = (SIZE.0 - SIDES.1 + 16.0, TOP + 4.0 + 18.0 * self.keys as f64);
        bar(&mut self.svg, (x, y), (14.0, 12.0), colour, name);
        text(&mut self.svg, x + 20.0, y + 10.0, "start", name);
        self.keys += 1;
    }

    /// The SVG of the chart.
    pub fn finish(mut self) -> String {
        rule(&mut self.svg, (SIDES.0, FOOT), (SIZE.0 - SIDES.1, FOOT), "stroke=\"#666\"");
        self.svg.push_str("</svg>\n");
        self.svg
    }
}
