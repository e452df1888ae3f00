//! `pleura train --find-lr`.

use std::path::Path;

use anyhow::Result;
use pleura_train::fit::{self, FoundLr, LrRange, Options};

use super::shown;
use crate::exit::Exit;
use crate::term;

/// Runs the test, and prints what it suggests.
pub fn run(recipe: &Path, range: LrRange, options: &Options) -> Result<Exit> {
    let found = shown(false, |screen| fit::find_lr(recipe, range, options, screen))?;
    let Some(FoundLr { curve, picture, table }) = found else { return Ok(Exit::Transient) };
    let steps = curve.points.len();
    let last = curve.points.last().map_or(0.0, |point| point.lr);
    match curve.diverged {
        true => term::note(format_args!("the loss diverged at {last:.1e}, after {steps} steps")),
        false => term::note(format_args!("the loss did not diverge up to {last:.1e}: try higher rates")),
    }
    match curve.steepest {
        Some(lr) => term::result(format_args!("lr = {lr:.1e}  where the loss falls most steeply")),
        None => term::warning("the loss never falls: try lower rates, or more steps"),
    }
    if let Some(lr) = curve.lowest.filter(|_| curve.diverged) {
        term::result(format_args!("lr = {:.1e}  a tenth of where it is lowest", lr / 10.0));
    }
    term::result(picture.display());
    term::result(table.display());
    Ok(Exit::Good)
}
