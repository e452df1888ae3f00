//! The results, as text or as JSON.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::Result;
use pleura::optimize::Comparison;

use super::{Compared, Report};
use crate::term;

/// Number of notes on a model that are printed.
const SHOWN: usize = 5;

/// Prints the report: results to standard output, remarks to standard error.
pub fn report(report: &Report<'_>, json: bool) -> Result<()> {
    remarks(report);
    if json {
        writeln!(term::Results, "{}", serde_json::to_string_pretty(report)?)?;
    } else {
        write!(term::Results, "{}", table(report))?;
    }
    Ok(())
}

/// A column of the table: a variant, or half precision as on hardware that computes with halves.
struct Column<'a> {
    name: String,
    of: &'a Compared,
    comparison: &'a Comparison,
    rounded: bool,
}

fn columns<'a>(report: &'a Report<'_>) -> Vec<Column<'a>> {
    let both = |of: &'a Compared| {
        let name = of.variant.form.to_string();
        let rounded = of.rounded.as_ref().map(|comparison| Column {
            name: format!("{name} rounded"),
            of,
            comparison,
            rounded: true,
        });
        std::iter::once(Column { name, of, comparison: &of.comparison, rounded: false }).chain(rounded)
    };
    report.variants.iter().flat_map(both).collect()
}

fn remarks(report: &Report<'_>) {
    for Compared { variant, .. } in &report.variants {
        for model in &variant.models {
            let notes = model.notes.len();
            let at = format!("{}: `{}`", variant.form, model.to.display());
            model.notes.iter().take(SHOWN).for_each(|note| term::note(format_args!("{at}: {note}")));
            if notes > SHOWN {
                term::note(format_args!("{at}: and {} more nodes; --json lists them all", notes - SHOWN));
            }
        }
    }
    for Column { name, comparison, .. } in columns(report) {
        for (file, error) in comparison.failed.iter().take(SHOWN) {
            term::warning(format_args!("{name}: `{}` failed: {error}", file.display()));
        }
        if comparison.failed.len() > SHOWN {
            term::warning(format_args!("{name}: {} more failed", comparison.failed.len() - SHOWN));
        }
    }
    let (calibrated, compared) = (report.calibrated.len(), report.compared.len());
    match report.held_out {
        true => term::note(format_args!("calibrated on {calibrated} images, compared on {compared} others")),
        false => term::warning(format_args!(
            "calibrated and compared on the same {compared} images: a variant may do worse on others; give more \
             inputs, or a smaller --calibrate"
        )),
    }
    if report.variants.iter().any(|it| it.rounded.is_some()) {
        term::note(
            "a CPU computes most of fp16 in single precision; `fp16 rounded` rounds every value and is closer to a \
             GPU's result",
        );
    }
    term::note("times are those of the networks alone on this machine; they differ on another processor or a GPU");
}

/// The table: a row per figure, a column per variant.
fn table(report: &Report<'_>) -> String {
    let columns = columns(report);
    let mut text = String::new();
    let mut row = |name: &str, cell: &dyn Fn(&Column<'_>) -> String| {
        let mut line = format!("{name:<32}");
        columns.iter().for_each(|column| _ = write!(line, "{:>16}", cell(column)));
        text.push_str(line.trim_end());
        text.push('\n');
    };
    // a rounded variant has no file of its own, and no time
    let own = |it: &Column<'_>, text: String| if it.rounded { "-".to_owned() } else { text };
    row("", &|it| it.name.clone());
    row("models, bytes", &|it| own(it, bytes(it.of).1.to_string()));
    row("  of the original's", &|it| own(it, ratio(bytes(it.of).1 as f64, bytes(it.of).0 as f64)));
    row("  time, of the original's", &|it| own(it, seconds(it.of).map_or("-".into(), |(a, b)| ratio(b, a))));
    row("images compared", &|it| it.comparison.images.to_string());
    row("  failed", &|it| it.comparison.failed.len().to_string());
    row("mean Dice with the original's", &|it| dice(it.comparison.mean_dice));
    let lowest = |it: &Column<'_>| it.comparison.lowest.as_ref().map(|(_, dice)| *dice);
    row("  lowest", &|it| dice(lowest(it).or(it.comparison.mean_dice)));
    row("  masks that changed", &|it| it.comparison.changed.to_string());
    row("  masks lost", &|it| it.comparison.emptied.to_string());
    row("  masks gained", &|it| it.comparison.filled.to_string());
    row("largest change of a score", &|it| {
        dice(it.comparison.score_change.as_ref().map(|(_, change)| f64::from(*change)))
    });
    if columns.iter().any(|it| it.comparison.truth.is_some()) {
        row("mean Dice with the truth", &|it| dice(it.comparison.truth.map(|truth| truth.after)));
        row("  the original's", &|it| dice(it.comparison.truth.map(|truth| truth.before)));
    }
    for Column { name, of, comparison, rounded } in &columns {
        if let Some((id, dice)) = &comparison.lowest {
            _ = writeln!(text, "{name}: the lowest Dice, {dice:.4}, is that of {id}");
        }
        if let Some((id, change)) = comparison.score_change.as_ref().filter(|(_, change)| *change > 0.0) {
            _ = writeln!(text, "{name}: the score that changes most, by {change:.4}, is that of {id}");
        }
        if !rounded {
            _ = writeln!(text, "{name}: {}", of.variant.manifest.display());
        }
    }
    text
}

/// Bytes of the models before and after.
fn bytes(it: &Compared) -> (u64, u64) {
    let models = &it.variant.models;
    (models.iter().map(|model| model.bytes_before).sum(), models.iter().map(|model| model.bytes_after).sum())
}

/// Seconds of the changed networks, before and after, for as many runs as in calibration.
fn seconds(it: &Compared) -> Option<(f64, f64)> {
    let timed = it.variant.models.iter().filter_map(|model| {
        let often = model.fed as f64;
        Some((model.seconds_before? * often, model.seconds_after? * often))
    });
    timed.reduce(|sum, times| (sum.0 + times.0, sum.1 + times.1))
}

fn ratio(part: f64, of: f64) -> String {
    format!("{:.2}", part / of)
}

fn dice(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.4}"))
}
