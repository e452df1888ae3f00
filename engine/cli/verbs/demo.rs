//! `pleura demo`: a complete run on synthetic radiographs.
//!
//! It does what a user would do by hand: draws radiographs, then runs the verbs `predict`, `score` and `report`, and on
//! request `train` before them.

mod place;
mod training;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ndarray::{Array2, ArrayView2, Zip};
use pleura::manifest::Intensity;
use pleura::report::read_findings;
use pleura::submission::Submission;
use pleura::{Mask, Radiograph, Shard, Size, overlay};
use pleura_demo::training::SEED;
use pleura_demo::{Encoding, Phantom, SIDE};
use rayon::prelude::*;

use crate::engine::EngineArgs;
use crate::exit::Exit;
use crate::paths::{self, Checked, Command, Paths};
use crate::remote::FetchArgs;
use crate::verbs::{predict, report, score};
use crate::{interrupt, term};
use place::{Place, STEM};

/// The size of the radiographs and their masks.
const SIZE: Size = Size::new(SIDE, SIDE);

#[derive(clap::Args)]
pub struct Args {
    /// Output folder.
    #[arg(long, value_name = "DIR", default_value = "demo")]
    out: PathBuf,

    /// Number of radiographs to draw.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    images: u64,

    /// Random seed of the radiographs.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Train the networks first, from the recipes in DIR/ensemble/demo, on separate radiographs. Takes some minutes; an
    /// interrupted training is resumed.
    #[arg(long)]
    train: bool,

    /// Train from the start, discarding an earlier training.
    #[arg(long, requires = "train")]
    fresh: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.writes_like("--out", &self.out, ["submission*", "findings.jsonl", "truth.csv", "report.html"]);
        self.engine.paths(paths);
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        run(self)
    }
}

fn run(args: &Args) -> Result<Exit> {
    if args.seed == SEED {
        bail!("the demo's networks were trained on the radiographs of seed {SEED}: use another `--seed`");
    }
    let _interrupt = interrupt::again()?;
    args.engine.set_up_threads()?;
    let place = Place::new(&args.out)?;
    place.unpack()?;
    if args.train && !training::run(args, &place)? {
        return Ok(Exit::Transient);
    }
    let manifest = place.manifest();
    let files = draw(args, &place)?;
    let exit = predict(args, &place, &manifest, &files)?;
    picture(&place, &files)?;
    paths::run(&score::Args {
        submission: place.submission(),
        truth: place.truth(),
        subset: false,
        json: false,
        per_image: None,
        size: SIZE,
    })?;
    paths::run(&report::Args {
        findings: place.findings(),
        truth: Some(place.truth()),
        groups: None,
        pictures: pleura::report::SIDE as u32,
        maps: None,
        images: Vec::new(),
        out: place.out.join("report.html"),
        title: "The demo".into(),
        hash_ids: false,
        salt: None,
        cases: 200,
        size: SIZE,
        ensemble: None,
        engine: args.engine.clone(),
    })?;
    place.farewell(args.train);
    Ok(exit)
}

/// Draws the radiographs and writes them and the truth; returns the files in order.
fn draw(args: &Args, place: &Place<'_>) -> Result<Vec<PathBuf>> {
    let bar = term::progress(args.images, "drawing");
    let draw = |number: u64| -> Result<(PathBuf, String, Mask)> {
        let phantom = Phantom::new(args.seed, number, SIDE);
        let path = place.radiographs.join(format!("{STEM}{number:03}.dcm"));
        phantom.write(&path, Encoding::new(number))?;
        bar.inc(1);
        Ok((path, phantom.uid, phantom.truth))
    };
    let mut truth = Submission::new(SIZE);
    let mut files = Vec::new();
    // in small groups: the masks of thousands of radiographs would fill the memory
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
    paths::run(&predict::Args {
        ensemble: manifest.to_owned(),
        inputs: files.to_vec(),
        list: None,
        fetch: FetchArgs::default(),
        out: place.submission(),
        sample: None,
        findings: Some(place.findings()),
        report: None,
        dicom: None,
        maps: None,
        folds: None,
        // even if the demo runs as a task of an array
        shard: Some(Shard::ALL),
        resume: false,
        anew: true,
        engine: args.engine.clone(),
    })
}

/// Draws an overlay of each radiograph at half its size.
fn picture(place: &Place<'_>, files: &[PathBuf]) -> Result<()> {
    let truth = Submission::read(place.truth(), SIZE)?;
    let found = Submission::read(place.submission(), SIZE)?;
    let findings = read_findings(place.findings())?;
    let scores: HashMap<String, _> = findings.into_iter().map(|found| (found.case.id, found.case.score)).collect();
    let bar = term::progress(files.len() as u64, "overlays");
    files.par_iter().try_for_each(|file| -> Result<()> {
        let radiograph = Radiograph::open(file)?;
        bar.inc(1);
        // a skipped image has no row
        let Some(found) = found.mask(radiograph.id()) else { return Ok(()) };
        let truth = truth.mask(radiograph.id()).map(|mask| half_mask(&mask));
        let image = half(radiograph.intensities(Intensity::Stored).view());
        let score = scores.get(radiograph.id()).copied().flatten();
        let about = overlay::About { spacing: radiograph.spacing_at(image.dim().into()), score };
        let picture = overlay::render(image.view(), truth.as_ref(), &half_mask(&found), about)?;
        let path = place.overlays.join(file.file_stem().unwrap_or_default()).with_extension("png");
        picture.save(&path).with_context(|| format!("cannot write `{}`", path.display()))
    })?;
    bar.finish_and_clear();
    Ok(())
}

/// Halves an image, by the means of 2 × 2 pixels.
fn half(image: ArrayView2<'_, f32>) -> Array2<f32> {
    Zip::from(image.exact_chunks((2, 2))).map_collect(|block| block.sum() / 4.0)
}

/// Halves a mask; a pixel is marked if at least two of 2 × 2 are.
fn half_mask(mask: &Mask) -> Mask {
    let marked = |block: ArrayView2<'_, bool>| block.iter().filter(|&&marked| marked).count() >= 2;
    Mask::from(Zip::from(mask.pixels().exact_chunks((2, 2))).map_collect(marked))
}
