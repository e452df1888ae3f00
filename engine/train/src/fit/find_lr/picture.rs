//! The curve as a picture: a self-contained SVG.

use pleura::chart::{self, Axis, COLOURS, put, rule, text, upright};

use super::curve::{LrCurve, LrPoint};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
/// Left, top, right and bottom of the frame.
const FRAME: (f64, f64, f64, f64) = (72.0, 64.0, WIDTH - 24.0, HEIGHT - 60.0);
/// The picture shows losses up to this many times the smoothed loss's start.
const SHOWN: f64 = 1.5;

/// The picture; points that are not finite are left out.
pub fn svg(name: &str, curve: &LrCurve) -> String {
    let title = format!("Learning-rate range test of {name}");
    let mut svg = chart::head(&title, &title, (WIDTH, HEIGHT), FRAME.0);
    let shown: Vec<&LrPoint> = curve.points.iter().filter(|point| point.smoothed.is_finite()).collect();
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else {
        text(&mut svg, WIDTH / 2.0, HEIGHT / 2.0, "middle", "no loss was finite");
        svg.push_str("</svg>\n");
        return svg;
    };
    let across = Axis::new((log(first.lr), log(last.lr).max(log(first.lr) + 1e-3)), (FRAME.0, FRAME.2));
    let up = heights(&shown);
    grid(&mut svg, &across, &up, (first.lr, last.lr));
    line(&mut svg, shown.iter().map(|point| (point.lr, point.loss)), (&across, &up), "#bbb", 1.0);
    line(&mut svg, shown.iter().map(|point| (point.lr, point.smoothed)), (&across, &up), COLOURS[0], 2.5);
    for (lr, what, colour, row) in
        [(curve.steepest, "steepest", COLOURS[1], 0.0), (curve.lowest, "lowest", COLOURS[2], 18.0)]
    {
        let Some(lr) = lr else { continue };
        let x = across.place(log(lr));
        rule(&mut svg, (x, FRAME.1), (x, FRAME.3), &format!("stroke=\"{colour}\" stroke-dasharray=\"5 3\""));
        let (anchor, shift) = if x < f64::midpoint(FRAME.0, FRAME.2) { ("start", 6.0) } else { ("end", -6.0) };
        text(&mut svg, x + shift, FRAME.1 + 14.0 + row, anchor, &format!("{what}: {lr:.1e}"));
    }
    svg.push_str("</svg>\n");
    svg
}

/// The axis of losses. A loss that diverges would flatten the rest.
fn heights(shown: &[&LrPoint]) -> Axis {
    let smoothed = shown.iter().map(|point| point.smoothed);
    let lowest = smoothed.clone().fold(f64::INFINITY, f64::min);
    let start = shown[0].smoothed;
    let highest =
        smoothed.fold(f64::NEG_INFINITY, f64::max).min(start + (SHOWN - 1.0) * (start - lowest).abs().max(1e-6));
    Axis::round((lowest, highest.max(start)), (f64::NEG_INFINITY, f64::INFINITY), (FRAME.3, FRAME.1))
}

fn grid(svg: &mut String, across: &Axis, up: &Axis, (first, last): (f32, f32)) {
    for (loss, label) in up.ticks(5.0, false) {
        let y = up.place(loss);
        rule(svg, (FRAME.0, y), (FRAME.2, y), "stroke=\"#e4e4e4\"");
        text(svg, FRAME.0 - 8.0, y + 4.0, "end", &label);
    }
    for power in log(first).ceil() as i32..=log(last).floor() as i32 {
        let x = across.place(power.into());
        rule(svg, (x, FRAME.1), (x, FRAME.3 + 4.0), "stroke=\"#e4e4e4\"");
        text(svg, x, FRAME.3 + 20.0, "middle", &format!("1e{power}"));
    }
    rule(svg, (FRAME.0, FRAME.3), (FRAME.2, FRAME.3), "stroke=\"#666\"");
    text(svg, f64::midpoint(FRAME.0, FRAME.2), FRAME.3 + 42.0, "middle", "learning rate");
    upright(svg, 18.0, f64::midpoint(FRAME.1, FRAME.3), "training loss (blue: smoothed)");
}

/// A line through points, cut at the frame's top.
fn line(
    svg: &mut String,
    points: impl Iterator<Item = (f32, f64)>,
    (across, up): (&Axis, &Axis),
    colour: &str,
    width: f64,
) {
    let place = |(lr, loss): (f32, f64)| {
        let y = up.place(loss).clamp(FRAME.1, FRAME.3);
        format!("{:.1},{y:.1}", across.place(log(lr)))
    };
    let places: Vec<String> = points.filter(|(_, loss)| loss.is_finite()).map(place).collect();
    let places = places.join(" ");
    put(
        svg,
        format_args!("<polyline points=\"{places}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>\n"),
    );
}

fn log(lr: f32) -> f64 {
    f64::from(lr).log10()
}
