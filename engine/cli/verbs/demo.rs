//! `pleura demo`: all of it on made-up radiographs, from nothing.
//!
//! What it does is what a user would do by hand: it draws radiographs, then runs the verbs `predict` and `score`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ndarray::{Array2, ArrayView2, Zip};
use pleura::manifest::{Intensity, json_schema};
use pleura::submission::Submission;
use pleura::{Mask, Radiograph, overlay};
use pleura_demo::{Encoding, FIT_SEED, Phantom, SIDE, committed};
use rayon::prelude::*;

use crate::exit::Exit;
use crate::term;
use crate::verbs::{predict, score};

#[derive(clap::Args)]
pub struct Args {
    /// The folder for everything that is made.
    #[arg(long, value_name = "DIR", default_value = "demo")]
    out: PathBuf,

    /// How many radiographs.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    images: u64,

    /// Another seed makes other radiographs.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    #[command(flatten)]
    engine: predict::EngineArgs,
}

pub fn run(args: &Args) -> Result<Exit> {
    if args.seed == FIT_SEED {
        bail!("the demo's models were fitted on the radiographs of seed {FIT_SEED}: take another `--seed`");
    }
    let place = Place::new(&args.out)?;
    let manifest = place.unpack()?;
    let files = draw(args, &place)?;
    let exit = predict(args, &place, &manifest, &files)?;
    picture(&place, &files)?;
    score::run(&score::Args {
        submission: place.submission(),
        truth: place.truth(),
        json: false,
        per_image: None,
        size: (SIDE, SIDE),
    })?;
    place.farewell(&manifest);
    Ok(exit)
}

/// What our own files start with: only they are removed when the demo runs again.
const STEM: &str = "phantom-";

/// Where everything goes.
struct Place<'a> {
    out: &'a Path,
    radiographs: PathBuf,
    overlays: PathBuf,
}

impl<'a> Place<'a> {
    fn new(out: &'a Path) -> Result<Self> {
        let place = Self { out, radiographs: out.join("radiographs"), overlays: out.join("overlays") };
        for folder in [&place.radiographs, &place.overlays, &out.join("ensemble/demo")] {
            fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        }
        clear(&place.radiographs)?;
        clear(&place.overlays)?;
        Ok(place)
    }

    fn submission(&self) -> PathBuf {
        self.out.join("submission.csv")
    }

    fn truth(&self) -> PathBuf {
        self.out.join("truth.csv")
    }

    /// Writes the ensemble; a manifest that is there already, edited perhaps, stays and is used.
    fn unpack(&self) -> Result<PathBuf> {
        let folder = self.out.join("ensemble");
        for (name, bytes) in committed::MODELS {
            write(&folder.join(name), bytes)?;
        }
        write(&folder.join("manifest.schema.json"), json_schema().as_bytes())?;
        let manifest = folder.join("demo.toml");
        match fs::read(&manifest) {
            Ok(bytes) if bytes == committed::MANIFEST.as_bytes() => {}
            Ok(_) => term::note(format_args!("`{}` is not as it came: running yours", manifest.display())),
            Err(_) => write(&manifest, committed::MANIFEST.as_bytes())?,
        }
        Ok(manifest)
    }

    /// What to open, and what to try next.
    fn farewell(&self, manifest: &Path) {
        let (out, manifest) = (self.out.display(), manifest.display());
        let program = std::env::args().next().unwrap_or_else(|| "pleura".into());
        term::note(format_args!(
            "
open
  {out}/overlays/  radiograph, truth and prediction side by side
  {out}/submission.csv  the answer, ImageId,EncodedPixels; the truth is in {out}/truth.csv
  {out}/findings.jsonl  what was found in each image, and how it was decided
  {manifest}  the ensemble, with every key explained

try next: edit the ensemble, then
  {program} check {manifest}
  {program} predict {manifest} {out}/radiographs --out {out}/mine.csv
  {program} score {out}/mine.csv {out}/truth.csv
or other radiographs
  {program} demo --out {out} --seed 2"
        ));
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Removes what an earlier run of the demo left in a folder.
fn clear(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read the folder `{}`", folder.display()))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STEM)) {
            fs::remove_file(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
    }
    Ok(())
}

/// Draws the radiographs and writes them and the truth; gives the files in order.
fn draw(args: &Args, place: &Place<'_>) -> Result<Vec<PathBuf>> {
    let bar = term::progress(args.images, "drawing");
    let draw = |number: u64| -> Result<(PathBuf, String, Mask)> {
        let phantom = Phantom::new(args.seed, number, SIDE);
        let path = place.radiographs.join(format!("{STEM}{number:03}.dcm"));
        phantom.write(&path, Encoding::of(number))?;
        bar.inc(1);
        Ok((path, phantom.uid, phantom.truth))
    };
    let mut truth = Submission::new((SIDE, SIDE));
    let mut files = Vec::new();
    // a few at a time: the masks of thousands of radiographs would fill the memory
    for start in (0..args.images).step_by(64) {
        let drawn: Vec<_> = (start..args.images.min(start + 64)).into_par_iter().map(draw).collect::<Result<_>>()?;
        for (path, uid, mask) in drawn {
            truth.insert(uid, &mask)?;
            files.push(path);
        }
    }
    bar.finish_and_clear();
    truth.sort();
    truth.write(place.truth())?;
    let positives = truth.positives();
    let folder = place.radiographs.display();
    term::note(format_args!("drew {} radiographs in `{folder}`, {positives} with a pneumothorax", files.len()));
    Ok(files)
}

fn predict(args: &Args, place: &Place<'_>, manifest: &Path, files: &[PathBuf]) -> Result<Exit> {
    predict::run(&predict::Args {
        ensemble: manifest.to_owned(),
        inputs: files.iter().map(|path| path.display().to_string()).collect(),
        out: place.submission(),
        sample: None,
        findings: Some(place.out.join("findings.jsonl")),
        maps: None,
        engine: args.engine.clone(),
    })
}

/// Draws an overlay of each radiograph at half its size.
fn picture(place: &Place<'_>, files: &[PathBuf]) -> Result<()> {
    let truth = Submission::read(place.truth(), (SIDE, SIDE))?;
    let found = Submission::read(place.submission(), (SIDE, SIDE))?;
    let bar = term::progress(files.len() as u64, "overlays");
    files.par_iter().try_for_each(|file| -> Result<()> {
        let radiograph = Radiograph::open(file)?;
        bar.inc(1);
        // an image that was skipped has no row
        let Some(found) = found.mask(radiograph.id()) else { return Ok(()) };
        let truth = truth.mask(radiograph.id()).map(|mask| half_mask(&mask));
        let image = half(radiograph.intensities(Intensity::Stored).view());
        let picture = overlay::render(image.view(), truth.as_ref(), &half_mask(&found))?;
        let path = place.overlays.join(file.file_stem().unwrap_or_default()).with_extension("png");
        picture.save(&path).with_context(|| format!("cannot write `{}`", path.display()))
    })?;
    bar.finish_and_clear();
    Ok(())
}

/// The means of 2 × 2 pixels.
fn half(image: ArrayView2<'_, f32>) -> Array2<f32> {
    Zip::from(image.exact_chunks((2, 2))).map_collect(|block| block.sum() / 4.0)
}

/// Marked where at least two of 2 × 2 pixels are.
fn half_mask(mask: &Mask) -> Mask {
    let marked = |block: ArrayView2<'_, bool>| block.iter().filter(|&&marked| marked).count() >= 2;
    Mask::from(Zip::from(mask.pixels().exact_chunks((2, 2))).map_collect(marked))
}
