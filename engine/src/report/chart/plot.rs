//! Drawing primitives of charts.

use std::fmt::{Arguments, Write};

use askama::filters::{Escaper, Html};

/// An SVG picture under construction. Classes are those of the page's style sheet.
pub(super) struct Plot {
    svg: String,
}

/// A rectangle of the picture that represents ranges of values: x to the right, y upwards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// (left, right) in the picture.
    pub(super) across: (f64, f64),
    /// (bottom, top) in the picture.
    pub(super) upwards: (f64, f64),
    /// The values at left and right.
    pub(super) x: (f64, f64),
    /// The values at bottom and top.
    pub(super) y: (f64, f64),
}

impl Frame {
    /// The horizontal position of a value.
    pub(super) fn x(&self, value: f64) -> f64 {
        place(value, self.x, self.across)
    }

    /// The vertical position of a value.
    pub(super) fn y(&self, value: f64) -> f64 {
        place(value, self.y, self.upwards)
    }
}

fn place(value: f64, values: (f64, f64), places: (f64, f64)) -> f64 {
    places.0 + (value - values.0) / (values.1 - values.0) * (places.1 - places.0)
}

impl Plot {
    /// A picture of `width` × `height` with a description for screen readers.
    pub(super) fn new(width: f64, height: f64, says: &str) -> Self {
        let mut plot = Self { svg: String::new() };
        plot.put(format_args!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">", escaped(says)));
        plot
    }

    /// Returns the picture's text.
    pub(super) fn finish(mut self) -> String {
        self.svg.push_str("</svg>");
        self.svg
    }

    pub(super) fn put(&mut self, what: Arguments<'_>) {
        self.svg.write_fmt(what).expect("writing to a string cannot fail");
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.put(format_args!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"));
    }

    /// A line through points.
    pub(super) fn curve(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let points: Vec<_> = points.into_iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.put(format_args!("<polyline class=\"{class}\" points=\"{}\"/>", points.join(" ")));
    }

    /// A disc with a tooltip.
    pub(super) fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64, says: &str) {
        let says = escaped(says);
        let place = format!("cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"");
        self.put(format_args!("<circle class=\"{class}\" {place}><title>{says}</title></circle>"));
    }

    /// A rectangle between two corners, with a tooltip.
    pub(super) fn bar(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64), says: &str) {
        let (x, y, width, height) = (x1.min(x2), y1.min(y2), (x2 - x1).abs(), (y2 - y1).abs());
        let says = escaped(says);
        let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"");
        self.put(format_args!("<rect class=\"{class}\" {place}><title>{says}</title></rect>"));
    }

    /// Text; the class determines its alignment.
    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        self.put(format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(text)));
    }

    /// Upward text with its middle at a point.
    pub(super) fn upright(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let turn = format!("transform=\"translate({x:.1} {y:.1}) rotate(-90)\"");
        self.put(format_args!("<text class=\"{class} middle\" {turn}>{}</text>", escaped(text)));
    }

    /// The axes of a square from 0 to 1: lines and numbers at every fifth, and the axes' names.
    pub(super) fn shares(&mut self, frame: &Frame, x_name: &str, y_name: &str) {
        for fifth in 0..=5 {
            let share = f64::from(fifth) / 5.0;
            let (x, y) = (frame.x(share), frame.y(share));
            self.line("grid", (x, frame.upwards.0), (x, frame.upwards.1));
            self.line("grid", (frame.across.0, y), (frame.across.1, y));
            self.text("tick end", (frame.across.0 - 6.0, y + 3.5), &format!("{share:.1}"));
            self.text("tick middle", (x, frame.upwards.0 + 15.0), &format!("{share:.1}"));
        }
        self.text("name middle", (f64::midpoint(frame.across.0, frame.across.1), frame.upwards.0 + 33.0), x_name);
        let middle = f64::midpoint(frame.upwards.0, frame.upwards.1);
        self.upright("name", (frame.across.0 - 34.0, middle), y_name);
    }
}

/// Escapes text for markup.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    Html.write_escaped_str(&mut escaped, text).expect("writing to a string cannot fail");
    escaped
}
