//! Learning curves as one picture: a self-contained SVG, drawn from the journal.
//!
//! One panel each for loss, Dice and AUC, if there are any; one colour per fold, of Okabe and Ito's colours, which
//! remain distinguishable in all kinds of colour vision. Phases start at the same position for all folds, though one
//! may have ended earlier in some. Folds, phases and epochs are counted from 1.

mod panel;
mod series;
#[cfg(test)]
mod tests;

use std::path::Path;

use pleura::chart::{self, Axis, rule, text};

use crate::files::{self, WriteError};
use crate::journal::Line;

use panel::PANELS;
use series::{Series, Timeline, folds};

/// The picture's width.
const WIDTH: f64 = 960.0;
/// Left and right of the panels: the right has the legend.
const SIDES: (f64, f64) = (64.0, 150.0);
/// Above the first panel: the title, and the phases' names.
const TOP: f64 = 74.0;
/// A panel's height.
const HEIGHT: f64 = 220.0;
/// From one panel to the next.
const GAP: f64 = 52.0;
/// Below the last panel.
const BOTTOM: f64 = 52.0;
/// The number of folds that the legend names.
const NAMED: usize = 9;

/// Draws the curves and writes the picture, replacing any file at `path`.
///
/// # Errors
/// If it cannot be written; `path` is then unchanged.
pub fn write(path: &Path, title: &str, lines: &[Line]) -> Result<(), WriteError> {
    files::write(path, svg(title, lines))
}

/// The picture. NaN values are gaps. The same lines give the same text.
#[must_use]
pub fn svg(title: &str, lines: &[Line]) -> String {
    let timeline = Timeline::new(lines);
    let folds = folds(lines);
    let panels: Vec<_> = PANELS.iter().filter(|panel| panel.has_values(lines)).collect();
    let height = TOP + panels.len().max(1) as f64 * (HEIGHT + GAP) - GAP + BOTTOM;
    let mut svg = chart::head(title, &format!("Learning curves of {title}"), (WIDTH, height), SIDES.0);
    if panels.is_empty() {
        text(&mut svg, WIDTH / 2.0, TOP + HEIGHT / 2.0, "middle", "no epoch has finished yet");
    } else {
        let bottom = height - BOTTOM;
        phases(&mut svg, &timeline, bottom);
        for (i, panel) in panels.iter().enumerate() {
            panel.draw(&mut svg, TOP + i as f64 * (HEIGHT + GAP), lines, &folds, &timeline);
        }
        text(&mut svg, f64::midpoint(SIDES.0, WIDTH - SIDES.1), bottom + 38.0, "middle", "epoch");
        legend(&mut svg, &folds);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A line through all panels between the last epoch of a phase and the first of the next, and each phase's name above.
fn phases(svg: &mut String, timeline: &Timeline, bottom: f64) {
    for (phase, start) in timeline.starts() {
        // half-way between epoch `start`, the last one before, and the next
        let x = across(timeline).place(start as f64 + 0.5);
        if start > 0 {
            rule(svg, (x, TOP - 18.0), (x, bottom), "stroke=\"#999\" stroke-dasharray=\"2 3\"");
        }
        text(svg, x + 5.0, TOP - 8.0, "start", &format!("phase {}", u64::from(phase) + 1));
    }
}

/// The folds' colours, beside the first panel.
fn legend(svg: &mut String, folds: &[u32]) {
    let x = WIDTH - SIDES.1 + 18.0;
    for (i, fold) in folds.iter().take(NAMED).enumerate() {
        let y = TOP + 8.0 + 16.0 * i as f64;
        let stroke = format!("stroke=\"{}\" stroke-width=\"3\"", panel::colour(i));
        rule(svg, (x, y), (x + 22.0, y), &stroke);
        text(svg, x + 30.0, y + 4.0, "start", &format!("fold {}", u64::from(*fold) + 1));
    }
    if folds.len() > NAMED {
        let y = TOP + 12.0 + 16.0 * NAMED as f64;
        text(svg, x, y, "start", &format!("and {} more", folds.len() - NAMED));
    }
}

/// The axis of epochs, counted from 1 over all phases, with half an epoch to spare on either side.
fn across(timeline: &Timeline) -> Axis {
    Axis::new((0.5, timeline.epochs() as f64 + 0.5), (SIDES.0, WIDTH - SIDES.1))
}
