//! Mask images as run lengths.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use pleura::mask_image;
use pleura::submission::Submission;

use super::super::{Ids, Taken, each};
use super::{Args, Converted, empty, with_class};
use crate::outputs::Index;
use crate::term;

/// Reads the mask images; with a sample, only those of its ids.
pub fn convert(args: &Args, files: &[PathBuf], sample: Option<&[String]>) -> Result<Converted> {
    let named = files.iter().filter_map(|path| path.parent()).collect::<BTreeSet<_>>();
    let named = named.into_iter().map(|folder| Ok((folder, Index::read(folder)?)));
    let named: HashMap<&Path, HashMap<String, String>> = named.collect::<Result<_>>()?;
    let wanted: Option<BTreeSet<&str>> = sample.map(|ids| ids.iter().map(String::as_str).collect());
    let (mut submission, mut ids, mut sizes) = (Submission::any_size(), Ids::default(), BTreeSet::new());
    let skipped = each(
        files,
        |path| {
            let (stem, mask) = mask_image::open_with(path, args.decode.limits())?;
            let index = path.parent().and_then(|folder| named.get(folder));
            let id = path.file_name().and_then(|name| index?.get(name.to_str()?));
            Ok((
                with_class(args, id.cloned().unwrap_or(stem)),
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
    match sample {
        Some(sample) => complete(&mut submission, sample)?,
        None => submission.sort(),
    }
    Ok(Converted { submission, sizes, skipped })
}

/// Adds the sample's images that have no mask, and sorts rows in its order.
fn complete(submission: &mut Submission, sample: &[String]) -> Result<()> {
    let missing: Vec<_> = sample.iter().filter(|id| !submission.contains(id)).collect();
    if !missing.is_empty() {
        term::note(format_args!("{} images of the sample have no mask image: they are empty", missing.len()));
    }
    for id in missing {
        submission.insert(id, &empty())?;
    }
    Ok(submission.order_like(sample)?)
}
