//! `pleura data convert rle`: mask images as run lengths.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use pleura::submission::{Submission, read_ids};
use pleura::{Mask, mask_image};

use super::{Ids, Taken, each};
use crate::engine::start_threads;
use crate::exit::Exit;
use crate::outputs::{Index, check_writable};
use crate::paths::{Checked, Command, Paths};
use crate::term;
use crate::verbs::submission::size;

#[derive(clap::Args)]
pub struct Args {
    /// Mask images, folders (searched recursively), globs, or `-` for a list on standard input; a file's stem is its
    /// image's id, but where an `ids.csv` beside it says otherwise, which `convert masks` writes.
    #[arg(required = true)]
    inputs: Vec<PathBuf>,

    /// The CSV to write.
    #[arg(short, long, value_name = "CSV")]
    out: PathBuf,

    /// A sample submission: rows come in its order, and images without a mask image are empty.
    #[arg(long, value_name = "CSV")]
    sample: Option<PathBuf>,

    /// Bring masks to this size first, in pixels: what is marked by half of its area or more stays marked.
    #[arg(long, value_name = "HxW", value_parser = size)]
    to: Option<(usize, usize)>,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_any("--sample", &self.sample);
        paths.writes("--out", &self.out);
        paths.images("INPUTS", &self.inputs)
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        start_threads(0)?;
        run(self, checked.images())
    }
}

fn run(args: &Args, files: &[PathBuf]) -> Result<Exit> {
    let sample = args.sample.as_deref().map(read_ids).transpose()?;
    check_writable(&args.out)?;
    let named = files.iter().filter_map(|path| path.parent()).collect::<BTreeSet<_>>();
    let named = named.into_iter().map(|folder| Ok((folder, Index::read(folder)?)));
    let named: HashMap<&Path, HashMap<String, String>> = named.collect::<Result<_>>()?;
    let wanted: Option<BTreeSet<&str>> = sample.as_ref().map(|ids| ids.iter().map(String::as_str).collect());
    let (mut submission, mut ids, mut sizes) = (Submission::any_size(), Ids::default(), BTreeSet::new());
    let skipped = each(
        files,
        |path| {
            let (stem, mask) = mask_image::open(path)?;
            let index = path.parent().and_then(|folder| named.get(folder));
            let id = path.file_name().and_then(|name| index?.get(name.to_str()?));
            Ok((
                id.cloned().unwrap_or(stem),
                match args.to {
                    Some(to) => mask_image::resized(&mask, to),
                    None => mask,
                },
            ))
        },
        |path, (id, mask)| {
            if wanted.as_ref().is_some_and(|ids| !ids.contains(id.as_str())) {
                return Ok(Taken::Not(anyhow!("its id `{id}` is not in the sample")));
            }
            if let Err(error) = ids.take(&id, path) {
                return Ok(Taken::Not(error));
            }
            sizes.insert(mask.size());
            submission.insert(id, &mask)?;
            Ok(Taken::Yes)
        },
    )?;
    match &sample {
        Some(sample) => complete(&mut submission, sample)?,
        None => submission.sort(),
    }
    submission.write(&args.out)?;
    report(&submission, &sizes, skipped);
    term::result(args.out.display());
    Ok(if skipped > 0 { Exit::Skipped } else { Exit::Good })
}

/// Adds the sample's images that have no mask, and takes its order.
fn complete(submission: &mut Submission, sample: &[String]) -> Result<()> {
    let missing: Vec<_> = sample.iter().filter(|id| !submission.contains(id)).collect();
    if !missing.is_empty() {
        term::note(format_args!("{} images of the sample have no mask image: they are empty", missing.len()));
    }
    for id in missing {
        submission.insert(id, &Mask::empty((1, 1)))?;
    }
    Ok(submission.order_like(sample)?)
}

fn report(submission: &Submission, sizes: &BTreeSet<(usize, usize)>, skipped: usize) {
    let (images, positives) = (submission.len(), submission.positives());
    let size = sizes.first().map_or(String::new(), |(height, width)| format!(", {height}×{width}"));
    if sizes.len() > 1 {
        let count = sizes.len();
        term::warning(format_args!("masks are of {count} sizes, which the CSV does not state: `--to` makes them one"));
        term::note(format_args!("masks: {images}, {positives} of them not empty, {skipped} skipped"));
    } else {
        term::note(format_args!("masks: {images}, {positives} of them not empty{size}, {skipped} skipped"));
    }
}
