//! `pleura data convert`: conversions of radiographs and masks between file formats.

mod images;
mod masks;
mod rle;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use rayon::prelude::*;

use super::Ids;
use crate::outputs::{Pngs, Put};
use crate::paths::Command;
use crate::term::{self, Skips};

/// Number of files processed before the first is written: results come in order, and memory stays bounded.
const AT_ONCE: usize = 32;

#[derive(clap::Subcommand)]
pub enum Args {
    /// Convert DICOM, PNG or JPEG files to grey PNG files, each named after its ImageId.
    ///
    /// MONOCHROME1 is inverted, as everywhere in pleura, so that a network sees the same image in either file. With
    /// `--intensity stored` and without `--to`, 8-bit images keep their exact values; deeper images are scaled from
    /// their stored range to 0 to 65535.
    Images(images::Args),
    /// Convert run lengths to mask PNG files (255: marked), one per image (and class), with all its masks merged.
    Masks(masks::Args),
    /// Convert mask PNG files to run lengths, `ImageId,EncodedPixels`. Pixels above half of the range are marked.
    ///
    /// With `--from`, converts run lengths of one convention to that of `--as`: SIIM's, Airbus', Severstal's,
    /// Understanding Clouds' or HuBMAP's.
    Rle(rle::Args),
}

impl Args {
    pub fn command(&self) -> &dyn Command {
        match self {
            Self::Images(args) => args,
            Self::Masks(args) => args,
            Self::Rle(args) => args,
        }
    }
}

/// Processes files in parallel, and passes the results on in order. Files that fail are reported and skipped; returns
/// how many did, and an error if all did.
fn each<T: Send>(
    files: &[PathBuf],
    work: impl Fn(&Path) -> Result<T> + Sync,
    mut take: impl FnMut(&Path, T) -> Result<Taken>,
) -> Result<usize> {
    let bar = term::progress(files.len() as u64, "converting");
    let skips = Skips::unlisted("skipped files");
    for some in files.chunks(AT_ONCE) {
        let done: Vec<_> = some.par_iter().map(|path| counted(&bar, || work(path))).collect();
        for (path, result) in some.iter().zip(done) {
            let taken = match result {
                Ok(result) => take(path, result)?,
                Err(error) => Taken::Not(error),
            };
            if let Taken::Not(error) = taken {
                bar.suspend(|| skips.file(path, &error));
            }
        }
    }
    bar.finish_and_clear();
    if skips.count() == files.len() {
        bail!("all {} inputs were skipped", skips.count());
    }
    Ok(skips.count())
}

/// Whether a file's result was used.
enum Taken {
    Yes,
    Not(anyhow::Error),
}

fn counted<T>(bar: &ProgressBar, work: impl FnOnce() -> T) -> T {
    let done = work();
    bar.inc(1);
    done
}

/// PNG files named after their images.
struct Folder {
    pngs: Pngs,
    ids: Ids,
}

impl Folder {
    fn create(path: &Path) -> Result<Self> {
        Ok(Self { pngs: Pngs::create(path)?, ids: Ids::default() })
    }

    /// Writes an image's PNG, unless another file has the same id.
    fn put(&mut self, id: &str, from: &Path, png: &[u8]) -> Result<Taken> {
        if let Err(error) = self.ids.take(id, from) {
            return Ok(Taken::Not(error));
        }
        Ok(match self.pngs.put(id, png)? {
            Put::Done => Taken::Yes,
            Put::Not(error) => Taken::Not(error),
        })
    }

    /// Prints where the ids are, if some file names differ from them.
    fn finish(&self) {
        self.pngs.tell_renamed();
    }
}
