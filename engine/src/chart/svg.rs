//! Lines, bars, text and pictures of an SVG.

use std::fmt::{Arguments, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The start of a picture: a white background of (width, height), the title from `left` on, and the description for
/// screen readers. The caller ends the picture with `</svg>`.
#[must_use]
pub fn head(title: &str, described: &str, (width, height): (f64, f64), left: f64) -> String {
    let (title, described) = (escaped(title), escaped(described));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" \
         fill=\"#333\">\n<title>{described}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"{left}\" y=\"30\" font-size=\"17\" font-weight=\"bold\">{title}</text>\n"
    )
}

/// A line between two points, (x, y).
pub fn rule(svg: &mut String, from: (f64, f64), to: (f64, f64), style: &str) {
    let (x1, y1, x2, y2) = (from.0, from.1, to.0, to.1);
    put(svg, format_args!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>\n"));
}

/// A filled box of (width, height) with its upper left corner at (x, y) and a tooltip.
pub fn bar(svg: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str, told: &str) {
    let told = escaped(told);
    put(
        svg,
        format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\">\
             <title>{told}</title></rect>\n"
        ),
    );
}

/// Text with its `anchor` (`start`, `middle`, `end`) at (x, y).
pub fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let text = escaped(text);
    put(svg, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"));
}

/// Upward text with its middle at (x, y): the label of a value axis.
pub fn upright(svg: &mut String, x: f64, y: f64, text: &str) {
    let text = escaped(text);
    put(
        svg,
        format_args!(
            "<text transform=\"translate({x} {y}) rotate(-90)\" text-anchor=\"middle\" font-size=\"14\">{text}</text>\n"
        ),
    );
}

/// An embedded picture of (width, height) with its upper left corner at (x, y) and a tooltip. `kind` is its media type,
/// such as `image/png`.
pub fn picture(svg: &mut String, at: (f64, f64), size: (f64, f64), (kind, bytes): (&str, &[u8]), told: &str) {
    let ((x, y), (width, height), told) = (at, size, escaped(told));
    put(
        svg,
        format_args!(
            "<image x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             preserveAspectRatio=\"none\" href=\"data:{kind};base64,{}\"><title>{told}</title></image>\n",
            STANDARD.encode(bytes)
        ),
    );
}

/// Appends text that is already XML.
pub fn put(svg: &mut String, what: Arguments<'_>) {
    svg.write_fmt(what).expect("writing to a string cannot fail");
}

/// Escapes text for XML; characters that XML cannot hold become blanks.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\u{FFFE}' | '\u{FFFF}' => escaped.push(' '),
            char if char.is_control() => escaped.push(' '),
            char => escaped.push(char),
        }
    }
    escaped
}
