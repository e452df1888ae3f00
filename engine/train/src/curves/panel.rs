//! One panel: an axis, and the curves of every fold.

use pleura::chart::{Axis, COLOURS, put, rule, text, upright};

use super::series::best_epoch;
use super::{HEIGHT, SIDES, Series, Timeline, WIDTH, across};
use crate::journal::Line;

const SOLID: &str = "stroke-width=\"2\"";
const DASHED: &str = "stroke-width=\"1.4\" stroke-dasharray=\"5 3\" opacity=\"0.75\"";

/// A quantity of an epoch, with its name.
type Figure = (&'static str, fn(&Line) -> Option<f64>);

/// The content of a panel.
pub(super) struct Panel {
    title: &'static str,
    solid: Figure,
    dashed: Option<Figure>,
    /// The limits of possible values.
    bounds: (f64, f64),
}

pub(super) const PANELS: [Panel; 3] = [
    Panel {
        title: "Loss",
        solid: ("validation", |line| line.validation_loss),
        dashed: Some(("training", |line| Some(line.loss))),
        bounds: (f64::NEG_INFINITY, f64::INFINITY),
    },
    Panel {
        title: "Dice",
        solid: ("all images", |line| line.dice),
        dashed: Some(("positives", |line| line.dice_positives)),
        bounds: (0.0, 1.0),
    },
    Panel { title: "AUC", solid: ("all images", |line| line.auc), dashed: None, bounds: (0.0, 1.0) },
];

/// The colour of a fold, by its index among those drawn.
pub(super) fn colour(fold: usize) -> &'static str {
    COLOURS[fold % COLOURS.len()]
}

impl Panel {
    fn figures(&self) -> impl Iterator<Item = (Figure, &'static str)> {
        // the solid ones last, so that they are on top
        self.dashed.map(|figure| (figure, DASHED)).into_iter().chain([(self.solid, SOLID)])
    }

    /// Whether there is anything to draw.
    pub(super) fn has_values(&self, lines: &[Line]) -> bool {
        self.figures().any(|((_, value), _)| lines.iter().filter_map(value).any(f64::is_finite))
    }

    /// Draws the panel with its top at `top`.
    pub(super) fn draw(&self, svg: &mut String, top: f64, lines: &[Line], folds: &[u32], timeline: &Timeline) {
        let (across, up) = (across(timeline), self.up(top, lines));
        self.frame(svg, top, &across, &up);
        for ((_, value), style) in self.figures() {
            for (i, &fold) in folds.iter().enumerate() {
                let series = Series::new(lines, fold, timeline, value);
                curve(svg, &series, &across, &up, colour(i), style);
            }
        }
        for (i, &fold) in folds.iter().enumerate() {
            let series = Series::new(lines, fold, timeline, self.solid.1);
            let best = best_epoch(lines, fold, timeline);
            if let Some((x, y)) = series.points().find(|(place, _)| Some(*place) == best) {
                dot(svg, across.place(x), up.place(y), 4.0, colour(i));
            }
        }
        self.key(svg, top + HEIGHT);
    }

    /// The axis of values, from the panel's foot to its top.
    fn up(&self, top: f64, lines: &[Line]) -> Axis {
        let values = self.figures().flat_map(|((_, value), _)| lines.iter().filter_map(value));
        let range = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (value.min(low), value.max(high)));
        Axis::round(range, self.bounds, (top + HEIGHT, top))
    }

    /// Title, grid and numbers.
    fn frame(&self, svg: &mut String, top: f64, across: &Axis, up: &Axis) {
        let (left, right, foot) = (SIDES.0, WIDTH - SIDES.1, top + HEIGHT);
        for (value, label) in up.ticks(5.0, false) {
            let y = up.place(value);
            rule(svg, (left, y), (right, y), "stroke=\"#e4e4e4\"");
            text(svg, left - 8.0, y + 4.0, "end", &label);
        }
        for (epoch, label) in across.ticks(12.0, true) {
            let x = across.place(epoch);
            rule(svg, (x, foot), (x, foot + 4.0), "stroke=\"#666\"");
            text(svg, x, foot + 18.0, "middle", &label);
        }
        rule(svg, (left, foot), (right, foot), "stroke=\"#666\"");
        upright(svg, 18.0, top + HEIGHT / 2.0, self.title);
    }

    /// The meaning of the line styles, beside the panel's foot.
    fn key(&self, svg: &mut String, foot: f64) {
        let x = WIDTH - SIDES.1 + 18.0;
        let styles = [Some((self.solid.0, SOLID)), self.dashed.map(|figure| (figure.0, DASHED))];
        let styles: Vec<_> = styles.into_iter().flatten().collect();
        let mut y = foot - 8.0 - 16.0 * styles.len() as f64;
        for (name, style) in styles {
            rule(svg, (x, y), (x + 22.0, y), &format!("stroke=\"#333\" {style}"));
            text(svg, x + 30.0, y + 4.0, "start", name);
            y += 16.0;
        }
        dot(svg, x + 11.0, y, 4.0, "#333");
        text(svg, x + 30.0, y + 4.0, "start", "lowest loss");
    }
}

/// A line through each segment; a segment of a single epoch is a dot.
fn curve(svg: &mut String, series: &Series, across: &Axis, up: &Axis, colour: &str, style: &str) {
    for stretch in &series.0 {
        let places: Vec<_> = stretch.iter().map(|&(x, y)| (across.place(x), up.place(y))).collect();
        if let [(x, y)] = places[..] {
            dot(svg, x, y, 2.0, colour);
            continue;
        }
        let points: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        put(
            svg,
            format_args!(
                "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-linejoin=\"round\" {style}/>\n"
            ),
        );
    }
}

fn dot(svg: &mut String, x: f64, y: f64, radius: f64, colour: &str) {
    put(
        svg,
        format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\" stroke=\"#fff\" stroke-width=\"0.8\"/>\n"
        ),
    );
}
