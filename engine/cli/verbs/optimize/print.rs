//! What came of it, for people or as JSON.

use std::fmt::Write as _;
use std::io::{Write, stdout};

use anyhow::Result;
use pleura::optimize::Form;

use super::{Compared, Report};
use crate::term;

/// How many notes of a model are told one by one.
const SHOWN: usize = 5;

/// Prints the report: results to standard output, remarks to standard error.
pub fn report(report: &Report<'_>, json: bool) -> Result<()> {
    remarks(report);
    if json {
        writeln!(stdout(), "{}", serde_json::to_string_pretty(report)?)?;
    } else {
        write!(stdout(), "{}", table(report))?;
    }
    Ok(())
}

fn remarks(report: &Report<'_>) {
    for Compared { variant, comparison } in &report.variants {
        for model in &variant.models {
            let notes = model.notes.len();
            let at = format!("{}: `{}`", variant.form, model.to.display());
            model.notes.iter().take(SHOWN).for_each(|note| term::note(format_args!("{at}: {note}")));
            if notes > SHOWN {
                term::note(format_args!("{at}: and {} more nodes; --json tells them all", notes - SHOWN));
            }
        }
        for (file, error) in comparison.failed.iter().take(SHOWN) {
            term::warning(format_args!("{}: no answer to `{}`: {error}", variant.form, file.display()));
        }
        if comparison.failed.len() > SHOWN {
            term::warning(format_args!("{}: no answer to {} more", variant.form, comparison.failed.len() - SHOWN));
        }
    }
    let (calibrated, compared) = (report.calibrated.len(), report.compared.len());
    match report.held_out {
        true => term::note(format_args!("{calibrated} images calibrated, {compared} others are compared on")),
        false => term::warning(format_args!(
            "all {compared} images calibrated, and are compared on: on others a variant may do worse; give more inputs, or a \
             smaller --calibrate"
        )),
    }
    if report.variants.iter().any(|it| it.variant.form == Form::Fp16) {
        term::note("fp16: on a CPU most of it is computed in single precision; a GPU rounds more: compare there, too");
    }
    term::note("times are this machine's, of the networks alone: another processor or a GPU has other ones");
}

/// A row for each thing told, a column for each variant.
fn table(report: &Report<'_>) -> String {
    let mut text = String::new();
    let mut row = |name: &str, cells: &mut dyn Iterator<Item = String>| {
        let mut line = format!("{name:<34}");
        cells.for_each(|cell| _ = write!(line, "{cell:>14}"));
        text.push_str(line.trim_end());
        text.push('\n');
    };
    let all = || report.variants.iter();
    row("", &mut all().map(|it| it.variant.form.to_string()));
    row("models, bytes", &mut all().map(|it| bytes(it).1.to_string()));
    row("  of the original's", &mut all().map(|it| ratio(bytes(it).1 as f64, bytes(it).0 as f64)));
    row("  time, of the original's", &mut all().map(|it| seconds(it).map_or("-".into(), |(a, b)| ratio(b, a))));
    row("images compared", &mut all().map(|it| it.comparison.images.to_string()));
    row("  without an answer", &mut all().map(|it| it.comparison.failed.len().to_string()));
    row("mean Dice with the original's", &mut all().map(|it| dice(it.comparison.mean_dice)));
    let lowest = |it: &Compared| it.comparison.lowest.as_ref().map(|(_, dice)| *dice);
    row("  lowest", &mut all().map(|it| dice(lowest(it).or(it.comparison.mean_dice))));
    row("  masks that changed", &mut all().map(|it| it.comparison.changed.to_string()));
    row("  masks lost", &mut all().map(|it| it.comparison.emptied.to_string()));
    row("  masks gained", &mut all().map(|it| it.comparison.filled.to_string()));
    let change = |it: &Compared| it.comparison.score_change.as_ref().map(|(_, change)| f64::from(*change));
    row("largest change of a score", &mut all().map(|it| dice(change(it))));
    if all().any(|it| it.comparison.truth.is_some()) {
        row("mean Dice with the truth", &mut all().map(|it| dice(it.comparison.truth.map(|truth| truth.after))));
        row("  the original's", &mut all().map(|it| dice(it.comparison.truth.map(|truth| truth.before))));
    }
    for Compared { variant, comparison } in &report.variants {
        let form = variant.form;
        if let Some((id, dice)) = &comparison.lowest {
            _ = writeln!(text, "{form}: the lowest Dice, {dice:.4}, is that of {id}");
        }
        if let Some((id, change)) = comparison.score_change.as_ref().filter(|(_, change)| *change > 0.0) {
            _ = writeln!(text, "{form}: the score that changes most, by {change:.4}, is that of {id}");
        }
        _ = writeln!(text, "{form}: {}", variant.manifest.display());
    }
    text
}

/// Bytes of the models before and after.
fn bytes(it: &Compared) -> (u64, u64) {
    let models = &it.variant.models;
    (models.iter().map(|model| model.bytes_before).sum(), models.iter().map(|model| model.bytes_after).sum())
}

/// Seconds of the networks that changed, before and after, each as often as calibration fed it.
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
