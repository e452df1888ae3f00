//! The parts of a report that need the members' outputs: the score over two thresholds, and the contribution of each
//! member.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use pleura::Size;
use pleura::ensemble::Ensemble;
use pleura::report::{Gathered, HeatMap, MemberRow};
use pleura::submission::Submission;
use pleura::tune::{self, AnsweredImage, Axis, Choose, Evaluator, Folds, Grid, Knob, Members, Metric, Space};
use pleura_files::regular;

use crate::engine::EngineArgs;
use crate::{answers, term};

/// The search needs folds, which smaller sets are not split into.
const FEWEST: usize = 10;

/// The results.
#[derive(Default)]
pub struct Measured {
    pub heat_map: Option<HeatMap>,
    pub members: Vec<MemberRow>,
    /// How the findings' run differs from this one.
    pub differs: Option<String>,
}

/// Runs the members again, through the cache, on the images of cases with a truth.
pub fn measure(
    (manifest, engine): (&Path, &EngineArgs),
    gathered: &Gathered,
    (truth, size): (&Submission, Size),
) -> Result<Measured> {
    ensure!(engine.cache.cache.is_some(), "give the folder of the members' cached outputs, too: `--cache DIR`");
    let Gathered { cases, files, origins } = gathered;
    let judged = cases.iter().filter(|case| case.truth.is_some()).filter_map(|case| files.get(&case.id).cloned());
    let judged: Vec<PathBuf> = judged.collect();
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let space = two_knobs(manifest)?.map(|grid| Space::open(grid, folder)).transpose()?;
    let ensemble = engine.open(manifest, Ensemble::options())?;
    let differs = origins.differ(manifest, &ensemble.origin()?);
    let members = Members::new(&ensemble)?;
    let judge = Evaluator { ensemble: &ensemble, truth, size };
    let bar = term::progress(judged.len() as u64, "members");
    let keep = |seen: &AnsweredImage<'_>| {
        let answered = space.as_ref().map(|space| space.look(seen.image, seen.answers)).transpose()?;
        Ok((answered, members.look(seen.image, seen.answers)?))
    };
    let found = judge.collect(&judged, &keep, &|_, _| bar.inc(1))?;
    bar.finish_and_clear();
    answers::report(&ensemble, &engine.cache);
    let (answered, worths): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let measured = Measured { heat_map: None, members: members.rows(&worths, Metric::Dice), differs };
    let answered: Vec<_> = answered.into_iter().flatten().collect();
    let Some(space) = space.filter(|_| answered.len() >= FEWEST) else { return Ok(measured) };
    let folds = Folds::stratified(&answered, 2)?;
    let tuned = tune::tune(&space, &answered, Metric::Dice, &folds, Choose::Maximum)?;
    let grid = space.grid();
    let point = grid.current().context("the grid has the manifest's own values")?;
    let varied: Vec<usize> = (0..grid.knobs.len()).filter(|&knob| grid.knobs[knob].values.len() > 1).collect();
    let &[x, y] = varied.as_slice() else { return Ok(measured) };
    Ok(Measured { heat_map: Some(tune::heat_map(grid, &tuned.scores, (x, y), point)), ..measured })
}

/// A grid of the last two numbers that a search would change, in the order of the pipeline, each including the
/// manifest's own value; the others are fixed.
fn two_knobs(manifest: &Path) -> Result<Option<Grid>> {
    let text = regular::read_to_string(manifest).with_context(|| format!("cannot read `{}`", manifest.display()))?;
    let all = Grid::new(&text, manifest, &[])?;
    let tried = |knob: &&Knob| knob.current.is_some() && knob.values.len() > 1;
    let varied: Vec<&str> = all.knobs.iter().rev().filter(tried).take(2).map(|knob| knob.key.as_str()).collect();
    if varied.len() < 2 {
        return Ok(None);
    }
    let axis = |knob: &Knob| {
        let current = knob.current?;
        let mut values = if varied.contains(&knob.key.as_str()) { knob.values.clone() } else { Vec::new() };
        values.push(current);
        values.sort_by(f64::total_cmp);
        values.dedup();
        Some(Axis { key: knob.key.clone(), values, whole: knob.whole })
    };
    let axes: Vec<Axis> = all.knobs.iter().filter_map(axis).collect();
    Ok(Some(Grid::new(&text, manifest, &axes)?))
}
