//! `pleura data`: inspect a collection, convert it, split it into folds.

mod convert;
mod inspect;
mod preview;
mod split;
mod truth;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use pleura::radiograph::Tags;
use rayon::prelude::*;

use crate::paths::Command;
use crate::term::{self, Skips};

#[derive(clap::Subcommand)]
pub enum Args {
    /// Describe a dataset: tags of every file as CSV, a summary by sex, age and view, and charts.
    Inspect(inspect::Args),
    /// Convert DICOM to PNG, run lengths to mask PNGs, and mask PNGs to run lengths.
    #[command(subcommand)]
    Convert(convert::Args),
    /// Draw a recipe's images before and after augmentation, with their masks.
    Preview(preview::Args),
    /// Split images into folds, balanced by positives and mask area, each patient in one fold.
    Split(split::Args),
}

impl Args {
    pub fn command(&self) -> &dyn Command {
        match self {
            Self::Inspect(args) => args,
            Self::Convert(args) => args.command(),
            Self::Preview(args) => args,
            Self::Split(args) => args,
        }
    }
}

/// Files with their tags, in order, and the number left out.
struct Read {
    images: Vec<(PathBuf, Tags)>,
    skipped: usize,
}

/// Reads tags. Files that cannot be read and those with a repeated id are reported and left out; it is an error if all
/// are.
fn read_tags(files: Vec<PathBuf>) -> Result<Read> {
    let bar = term::progress(files.len() as u64, "reading");
    let read = |path: PathBuf| {
        let tags = Tags::open(&path);
        bar.inc(1);
        (path, tags)
    };
    let tags: Vec<_> = files.into_par_iter().map(read).collect();
    bar.finish_and_clear();
    let (mut ids, skips) = (Ids::default(), Skips::unlisted("skipped files"));
    let mut read = Read { images: Vec::new(), skipped: 0 };
    for (path, tags) in tags {
        let taken = tags.map_err(anyhow::Error::from).and_then(|tags| ids.take(&tags.id, &path).map(|()| tags));
        match taken {
            Ok(tags) => read.images.push((path, tags)),
            Err(error) => {
                read.skipped += 1;
                skips.file(&path, &error);
            }
        }
    }
    ensure!(read.skipped == 0 || !read.images.is_empty(), "all {} inputs were skipped", read.skipped);
    Ok(read)
}

/// The file of each id.
#[derive(Default)]
struct Ids(std::collections::HashMap<String, PathBuf>);

impl Ids {
    /// Adds an id; an error if another file has it already.
    fn take(&mut self, id: &str, path: &Path) -> Result<()> {
        if let Some(other) = self.0.get(id) {
            anyhow::bail!("its id `{id}` is already that of `{}`", other.display());
        }
        self.0.insert(id.to_owned(), path.to_owned());
        Ok(())
    }
}

/// A share in percent, as text.
fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { "-".into() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}
