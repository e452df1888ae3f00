//! The cache of networks' outputs, and lists of folds.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pleura::ensemble::{Ensemble, Form, Options};
use pleura::submission::{Runs, Submission};
use pleura_train::data::table;

use crate::engine::given;
use crate::remote::{self, Remotes};
use crate::term;

/// The second column of a list of folds, after `ImageId`.
const FOLD: &str = "fold";
/// Number of ids that a message names.
const SHOWN: usize = 5;

/// Whether answers are kept, and how.
#[derive(clap::Args, Clone, Default)]
#[command(next_help_heading = "Cache")]
pub struct CacheArgs {
    /// Cache the networks' outputs in this folder; cached outputs are not inferred again.
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,

    /// Precision of cached maps: `exact`, or 65,536 (`steps16`) or 256 levels (`steps8`), which take less space and may
    /// change decisions; changed decisions are reported.
    #[arg(long, value_name = "FORM", default_value = "exact", requires = "cache", value_parser = form)]
    pub cache_form: Form,
}

fn form(text: &str) -> Result<Form, String> {
    match text {
        "exact" => Ok(Form::Exact),
        "steps16" => Ok(Form::Steps16),
        "steps8" => Ok(Form::Steps8),
        _ => Err("`exact`, `steps16` or `steps8`".into()),
    }
}

impl CacheArgs {
    /// Adds the cache folder of these arguments to the options.
    pub fn apply(&self, options: Options) -> Options {
        given(options, self.cache.clone(), |options, folder| options.cache(folder, self.cache_form))
    }
}

/// Reads a list of folds: `ImageId,fold`.
pub fn folds(path: &Path) -> Result<HashMap<String, u32>> {
    let number = |(id, text): (String, String)| {
        let fold = text.parse().with_context(|| {
            format!("`{}`: expected the fold of `{id}` as a whole number from 0, found `{text}`", path.display())
        })?;
        Ok((id, fold))
    };
    table::read(path, FOLD)?.into_iter().map(number).collect()
}

/// The message of a verb that infers and keeps only cached outputs, if a signal ends it: how to continue.
pub fn interrupted(cache: &CacheArgs) -> impl Fn() -> String + Send + Sync + 'static {
    let folder = cache.cache.clone();
    move || match &folder {
        Some(folder) => format!(
            "interrupted: the networks' outputs so far are cached in `{}`; run the same command again to continue",
            folder.display()
        ),
        None => "interrupted: nothing was kept; add `--cache DIR` to keep the networks' outputs".into(),
    }
}

/// Prints how many outputs were inferred, and how many came from the cache.
pub fn report(ensemble: &Ensemble, cache: &CacheArgs) {
    let Some(folder) = &cache.cache else { return };
    let done = ensemble.inferences();
    let (folder, replayed) = (folder.display(), done.replayed);
    if done.run == 0 {
        term::note(format_args!("inferences: none; all {replayed} outputs came from the cache `{folder}`"));
    } else {
        term::note(format_args!("inferences: {}; {replayed} outputs came from the cache `{folder}`", done.run));
    }
    if done.damaged > 0 {
        term::warning(format_args!("{} cache entries were damaged and were computed again", done.damaged));
    }
    if done.unwritten > 0 {
        term::warning(format_args!("{} outputs could not be written to the cache", done.unwritten));
    }
}

/// Predicts the files again from a cache of rounded maps, and reports which masks change.
pub fn report_moved(
    ensemble: &Ensemble,
    files: &[PathBuf],
    remotes: Option<&Remotes>,
    exact: &Submission,
) -> Result<()> {
    let (mut moved, mut flipped, mut least) = (Vec::new(), 0, 1.0_f64);
    remote::predict(ensemble, files, remotes, |_, finding, _| -> Result<()> {
        // files that failed have been reported already and have no row to compare
        let Ok(finding) = finding else { return Ok(()) };
        let Some(before) = exact.runs(&finding.id) else { return Ok(()) };
        let after = Runs::from(&finding.mask);
        if after != *before {
            flipped += usize::from(after.is_empty() != before.is_empty());
            least = least.min(after.dice(before));
            moved.push(finding.id);
        }
        Ok(())
    })?;
    let count = moved.len();
    let all = exact.len();
    term::note(format_args!(
        "from the rounded maps of the cache, {count} of {all} masks differ; {flipped} of them became empty or non-empty"
    ));
    for id in moved.iter().take(SHOWN) {
        term::note(format_args!("  {id}"));
    }
    if count > SHOWN {
        term::note(format_args!("  and {} more", count - SHOWN));
    }
    Ok(())
}
