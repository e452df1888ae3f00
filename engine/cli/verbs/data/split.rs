//! `pleura data split`: splits a collection into folds.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use pleura_train::data::folds::{self, Subject};

use super::truth::Truth;
use super::{percent, read_tags};
use crate::engine::start_threads;
use crate::exit::Exit;
use crate::outputs::check_writable;
use crate::paths::{Checked, Command, Paths};
use crate::term::{self, Skips};
use crate::verbs::submission::size;
use pleura::Size;

#[derive(clap::Args)]
pub struct Args {
    /// Ground truth, `ImageId,EncodedPixels`, plain or gzip: lists the images and which of them are positive.
    truth: PathBuf,

    /// Number of folds.
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=100))]
    folds: u32,

    /// Random seed of the split.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// The CSV to write, `ImageId,fold`, which `folds.csv` in a recipe and `predict --folds` read.
    #[arg(short, long, value_name = "CSV")]
    out: PathBuf,

    /// CSV with each image's patient: all images of a patient go to one fold.
    #[arg(long, value_name = "CSV", conflicts_with = "images")]
    patients: Option<PathBuf>,

    /// Patient column of that CSV; its image column is `ImageId`.
    #[arg(long, value_name = "NAME", default_value = "PatientID", requires = "patients")]
    patient_column: String,

    /// DICOM files, folders or globs to read PatientID from; only images found there are split.
    #[arg(long, value_name = "INPUT", num_args = 1..)]
    images: Vec<PathBuf>,

    /// Mask size of the run lengths, in pixels.
    #[arg(long, value_name = "HxW", default_value = "1024x1024", value_parser = size)]
    size: Size,
}

/// Images with their patients, if known.
struct Images<'a> {
    ids: Vec<&'a str>,
    patients: Option<Vec<usize>>,
    skipped: usize,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads("TRUTH", &self.truth);
        paths.reads_any("--patients", &self.patients);
        paths.writes("--out", &self.out);
        match self.images.is_empty() {
            true => Ok(()),
            false => paths.images("--images", &self.images),
        }
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        start_threads(0)?;
        run(self, checked.images())
    }
}

fn run(args: &Args, files: &[PathBuf]) -> Result<Exit> {
    check_writable(&args.out)?;
    let truth = Truth::read(&args.truth, args.size)?;
    let images = images(args, &truth, files)?;
    let subject = |id: &&str| {
        let marks = &truth.images[*id];
        Subject { positive: marks.positive(), area: marks.runs.area() as u64 }
    };
    let subjects: Vec<_> = images.ids.iter().map(subject).collect();
    let folds = folds::divide(&subjects, images.patients.as_deref(), args.folds, args.seed)?;
    folds::write(&args.out, &images.ids, &folds)?;
    print(args.folds, &subjects, &folds, images.patients.as_deref())?;
    let last = args.folds - 1;
    term::note(format_args!("wrote `{}`: its column `fold` counts from 0 to {last} (fold 1 is 0)", args.out.display()));
    Ok(if images.skipped > 0 { Exit::Skipped } else { Exit::Good })
}

fn images<'a>(args: &Args, truth: &'a Truth, files: &[PathBuf]) -> Result<Images<'a>> {
    if !args.images.is_empty() {
        return with_files(args, truth, files);
    }
    let ids: Vec<_> = truth.images.keys().map(String::as_str).collect();
    let patients = args.patients.as_ref().map(|csv| folds::read_patients(csv, &args.patient_column, &ids));
    if patients.is_none() {
        term::note(
            "patients are unknown, so one patient's images may be in several folds: name them with `--patients` \
                    or `--images`",
        );
    }
    Ok(Images { patients: patients.transpose()?, ids, skipped: 0 })
}

/// The truth's images that have files, in the truth's order, with the files' patients.
fn with_files<'a>(args: &Args, truth: &'a Truth, files: &[PathBuf]) -> Result<Images<'a>> {
    let read = read_tags(files.to_vec())?;
    let found: Vec<_> = read.images.iter().map(|(_, tags)| tags.id.as_str()).collect();
    truth.ensure_any(&args.truth, &found)?;
    let mut skipped = read.skipped;
    let mut patients = std::collections::HashMap::new();
    let (mut alone, skips) = (0, Skips::unlisted("skipped files"));
    for (path, tags) in read.images {
        if truth.images.contains_key(&tags.id) {
            alone += usize::from(tags.patient_id.is_none());
            // an unknown patient counts as one with this image alone; no PatientID has a line break
            let patient = tags.patient_id.unwrap_or_else(|| format!("\n{}", tags.id));
            patients.insert(tags.id, patient);
        } else {
            skipped += 1;
            skips.file(&path, &anyhow::anyhow!("its id `{}` has no row in `{}`", tags.id, args.truth.display()));
        }
    }
    let ids: Vec<_> = truth.images.keys().map(String::as_str).filter(|&id| patients.contains_key(id)).collect();
    if ids.len() < truth.images.len() {
        let more = truth.images.len() - ids.len();
        term::note(format_args!("{more} images of the truth have no file: they are in no fold"));
    }
    if alone > 0 {
        term::warning(format_args!("{alone} files have no PatientID: each is treated as a patient of its own"));
    }
    let numbers = folds::number(ids.iter().map(|&id| patients[id].as_str()));
    Ok(Images { ids, patients: Some(numbers), skipped })
}

/// The current size of a fold.
#[derive(Default)]
struct Filling {
    images: usize,
    positives: usize,
    area: u64,
    patients: std::collections::HashSet<usize>,
}

fn print(count: u32, subjects: &[Subject], folds: &[u32], patients: Option<&[usize]>) -> std::io::Result<()> {
    let (mut fillings, mut all) = (Vec::new(), Filling::default());
    fillings.resize_with(count as usize, Filling::default);
    for (index, (subject, &fold)) in subjects.iter().zip(folds).enumerate() {
        for filling in [&mut fillings[fold as usize], &mut all] {
            filling.images += 1;
            filling.positives += usize::from(subject.positive);
            filling.area += subject.area;
            filling.patients.extend(patients.map(|patients| patients[index]));
        }
    }
    let mut out = term::Results;
    writeln!(out, "fold    images  patients  positives    share  mean area of positives")?;
    let numbers = (1..=count).map(|fold| fold.to_string());
    for (name, filling) in numbers.chain(["all".into()]).zip(fillings.iter().chain([&all])) {
        let Filling { images, positives, area, .. } = filling;
        let patients = if patients.is_some() { filling.patients.len().to_string() } else { "-".into() };
        let mean = if *positives == 0 { "-".into() } else { format!("{:.0} px", *area as f64 / *positives as f64) };
        let share = percent(*positives, *images);
        writeln!(out, "{name:<4}  {images:>8}  {patients:>8}  {positives:>9}  {share:>7}  {mean:>12}")?;
    }
    Ok(())
}
