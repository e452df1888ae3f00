//! The measurements, as a table and as JSON.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use pleura::ensemble::{Ensemble, PipelineStep, Usage};
use serde_json::json;

use super::{Round, beside};
use crate::memory;

/// A table for people; `rounds` are sorted from the fastest to the slowest.
pub fn table(ensemble: &Ensemble, rounds: &[Round]) -> String {
    let middle = &rounds[rounds.len() / 2];
    let mut lines = vec![head(ensemble, rounds)];
    lines.push(spread("images/s", rounds, Round::images_per_second, 2));
    lines.push(spread("efficiency", rounds, Round::efficiency, 3));
    let (bare, wall) = (middle.bare.as_secs_f64(), middle.wall.as_secs_f64());
    lines.push(format!("{:<14}{bare:.2} s of the models alone in {wall:.2} s", ""));
    if let Some(bytes) = memory::peak() {
        lines.push(format!("{:<14}{} MiB", "peak memory", bytes >> 20));
    }
    lines.push(format!("\n{:<36}{:>10}{:>12}{:>14}", "stage", "seconds", "of the wall", "ms an image"));
    for (work, spent) in &middle.times.work {
        lines.push(row(work.name(), *spent, middle));
        if *work == PipelineStep::Infer {
            lines.extend(models(ensemble, middle));
        }
    }
    lines.push(row("write", middle.write, middle));
    lines.push("\nStages run in parallel, so their sum may exceed the wall time.".into());
    lines.join("\n")
}

fn head(ensemble: &Ensemble, rounds: &[Round]) -> String {
    let round = &rounds[rounds.len() / 2];
    let skipped = if round.skipped > 0 { format!(" ({} skipped)", round.skipped) } else { String::new() };
    let (images, count) = (round.images, rounds.len());
    let (name, batch) = (&ensemble.manifest().name, ensemble.batch());
    format!("{name}: {images} images{skipped} on {}, batch {batch}, {count} rounds", devices(ensemble).join(" and "))
}

fn devices(ensemble: &Ensemble) -> Vec<String> {
    ensemble.placements().map(|placement| placement.device.to_string()).collect()
}

/// A figure of the median round, and its range over all rounds.
fn spread(name: &str, rounds: &[Round], figure: impl Fn(&Round) -> f64, digits: usize) -> String {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    let (low, middle, high) = (figures[0], figures[figures.len() / 2], figures[figures.len() - 1]);
    format!("{name:<14}{middle:.digits$} ({low:.digits$} to {high:.digits$})")
}

fn row(name: &str, spent: Duration, round: &Round) -> String {
    let seconds = spent.as_secs_f64();
    let share = 100.0 * seconds / round.wall.as_secs_f64();
    let each = 1000.0 * seconds / round.images as f64;
    format!("{name:<36}{seconds:>10.3}{share:>10.1} %{each:>14.2}")
}

fn models(ensemble: &Ensemble, round: &Round) -> Vec<String> {
    let line = |(path, usage): (&PathBuf, &Usage)| {
        let runs = usage.runs();
        let name = format!("  {}", beside(ensemble, path).display());
        format!("{}  {runs} runs", row(&name, usage.time, round))
    };
    round.times.models.iter().map(line).collect()
}

/// The same as JSON: every round, from the fastest to the slowest.
pub fn json(ensemble: &Ensemble, rounds: &[Round]) -> Result<String> {
    let told = json!({
        "ensemble": ensemble.manifest().name,
        "devices": devices(ensemble),
        "batch": ensemble.batch(),
        "peak_memory_bytes": memory::peak(),
        "rounds": rounds.iter().map(|round| of_round(ensemble, round)).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&told)?)
}

fn of_round(ensemble: &Ensemble, round: &Round) -> serde_json::Value {
    let stages = round.times.work.iter().map(|(work, spent)| (work.name(), spent.as_secs_f64()));
    let stages = stages.chain([("write", round.write.as_secs_f64())]);
    let name = |path: &Path| beside(ensemble, path).display().to_string();
    let models = round.times.models.iter();
    let models = models
        .map(|(path, usage)| json!({ "model": name(path), "runs": usage.runs(), "seconds": usage.time.as_secs_f64() }));
    json!({
        "images": round.images,
        "skipped": round.skipped,
        "seconds": round.wall.as_secs_f64(),
        "images_per_second": round.images_per_second(),
        "models_alone_seconds": round.bare.as_secs_f64(),
        "efficiency": round.efficiency(),
        "stages": stages.map(|(name, seconds)| json!({ "stage": name, "seconds": seconds })).collect::<Vec<_>>(),
        "models": models.collect::<Vec<_>>(),
    })
}
