//! `pleura report`: findings and truth as one HTML page.

mod origins;
mod worth;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use pleura::radiograph::{DecodeLimits, ImageHeader};
use pleura::report::{Case, Found, Picture, Report, hash_id, read_findings, worst_first};
use pleura::submission::{SIIM_SIZE, Submission};
use pleura::{Radiograph, Size};
use pleura_files::{atomic, regular};
use rand::TryRngCore;
use rand::rngs::OsRng;
use rayon::prelude::*;

use crate::engine::EngineArgs;
use crate::exit::Exit;
use crate::outputs::check_writable;
use crate::paths::{Checked, Command, Kind, Paths};
use crate::term::{self, Skips};
use crate::verbs::submission::size;
pub use origins::Origins;
use worth::Measured;

/// Number of cases with a picture, by default.
const PICTURES: usize = 200;

#[derive(clap::Args)]
pub struct Args {
    /// Findings of `pleura predict --findings`.
    pub findings: PathBuf,

    /// Ground truth, `ImageId,EncodedPixels`, plain or gzip. May have more images than the findings.
    #[arg(long, value_name = "CSV")]
    pub truth: Option<PathBuf>,

    /// Image files, folders or globs, matched by id. Default: where `predict` read them.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub images: Vec<PathBuf>,

    /// HTML page to write.
    #[arg(short, long, value_name = "HTML")]
    pub out: PathBuf,

    /// Title of the page.
    #[arg(long, value_name = "TEXT", default_value = "Report", help_heading = "Page")]
    pub title: String,

    /// Show hashes instead of ids. Text within a picture, such as a burnt-in name, stays.
    #[arg(long, help_heading = "Page")]
    pub hash_ids: bool,

    /// Salt of the hashes: reports with the same salt have the same hashes. Default: random.
    #[arg(long, value_name = "TEXT", requires = "hash_ids", help_heading = "Page")]
    pub salt: Option<String>,

    /// Number of cases, worst first, shown with their radiograph; the others show masks only.
    #[arg(long, value_name = "N", default_value_t = PICTURES, help_heading = "Page")]
    pub cases: usize,

    /// The size of the truth's masks, in pixels.
    #[arg(long, value_name = "HxW", default_value = "1024x1024", value_parser = size)]
    pub size: Size,

    /// Manifest of the run, to show the score over two thresholds and each member's contribution; needs `--truth` and
    /// the run's `--cache`.
    #[arg(long, value_name = "TOML", requires = "truth", requires = "cache")]
    pub ensemble: Option<PathBuf>,

    #[command(flatten)]
    pub engine: EngineArgs,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_as(Kind::Findings, "FINDINGS", &self.findings);
        self.truth.iter().for_each(|path| paths.reads_as(Kind::Csv, "--truth", path));
        paths.writes("--out", &self.out);
        if let Some(path) = &self.ensemble {
            paths.reads_ensemble("--ensemble", path);
        }
        self.engine.paths(paths);
        // a new page cannot replace a radiograph
        if self.out.exists() {
            files_of(&self.findings).iter().for_each(|file| paths.reads("a radiograph of FINDINGS,", file));
        }
        match self.images.is_empty() {
            true => Ok(()),
            false => paths.images("--images", &self.images),
        }
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        run(self, checked.images())
    }
}

fn run(args: &Args, images: &[PathBuf]) -> Result<Exit> {
    args.engine.set_up_threads()?;
    let exit = make(args, images)?;
    term::result(format_args!("{}", args.out.display()));
    Ok(exit)
}

fn make(args: &Args, images: &[PathBuf]) -> Result<Exit> {
    check_writable(&args.out)?;
    let found = read_findings(&args.findings)?;
    let origins = Origins::new(&found);
    let (mut cases, files) = split(found);
    let truth = args.truth.as_ref().map(|path| Submission::read(path, args.size)).transpose()?;
    if let (Some(path), Some(truth)) = (&args.truth, &truth) {
        judge(&mut cases, path, truth, args.size)?;
    }
    worst_first(&mut cases);
    let files = places(images, files);
    let measured = match (&args.ensemble, &truth) {
        (Some(manifest), Some(truth)) => {
            worth::measure((manifest, &args.engine), (&cases, &files), (truth, args.size), &origins)?
        }
        _ => Measured::default(),
    };
    let alarms: Vec<String> = origins.mixed().into_iter().collect();
    alarms.iter().chain(&measured.differs).for_each(term::warning);
    let unreadable = picture(&mut cases, args.cases, &files, args.engine.decode_limits());
    if args.hash_ids {
        let salt = salt(args)?;
        cases.iter_mut().for_each(|case| case.id = hash_id(&case.id, &salt));
    }
    let mut report = Report::new(&args.title, cases);
    (report.heat_map, report.members, report.differs) = (measured.heat_map, measured.members, measured.differs);
    (report.origin, report.alarms) = (Some(origins.named()), alarms);
    let page = report.html()?;
    let failed = || format!("cannot write `{}`", args.out.display());
    let mut file = atomic::beside(&args.out).with_context(failed)?;
    file.write_all(page.as_bytes()).with_context(failed)?;
    atomic::place(file, &args.out).with_context(failed)?;
    term::note(format_args!("the page has {:.1} MB", page.len() as f64 / 1e6));
    Ok(if unreadable > 0 { Exit::Skipped } else { Exit::Good })
}

/// The page of findings alone, which `predict` writes; its name is not printed.
pub fn of_findings(findings: &Path, out: &Path, title: &str) -> Result<Exit> {
    let args = Args {
        findings: findings.into(),
        truth: None,
        images: Vec::new(),
        out: out.into(),
        title: title.into(),
        hash_ids: false,
        salt: None,
        cases: PICTURES,
        size: SIIM_SIZE,
        ensemble: None,
        engine: EngineArgs::default(),
    };
    make(&args, &[])
}

/// The radiographs that findings name. Errors are ignored here, and reported when the findings are used.
fn files_of(findings: &Path) -> Vec<PathBuf> {
    #[derive(serde::Deserialize)]
    struct Line {
        file: Option<PathBuf>,
    }
    let Some(file) = regular::open(findings).ok() else { return Vec::new() };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    lines.filter_map(|line| serde_json::from_str::<Line>(&line).ok()?.file).collect()
}

/// Cases, and the file of each, by id.
fn split(found: Vec<Found>) -> (Vec<Case>, HashMap<String, PathBuf>) {
    let mut files = HashMap::new();
    let cases = found.into_iter().map(|Found { case, file, .. }| {
        files.extend(file.map(|file| (case.id.clone(), file)));
        case
    });
    (cases.collect(), files)
}

/// Gives each case its truth; cases without one are counted and reported.
fn judge(cases: &mut [Case], path: &Path, truth: &Submission, size: Size) -> Result<()> {
    let mut without = 0;
    for case in cases.iter_mut() {
        let Some(runs) = truth.runs(&case.id) else {
            without += 1;
            continue;
        };
        let Size { height, width } = case.size;
        ensure!(
            case.size == size,
            "the mask of `{}` is {}, and those of `{}` are {size}: say `--size {height}x{width}` if it is they \
             that have another size, or predict with `output.size = [{}, {}]`",
            case.id,
            case.size,
            path.display(),
            size.height,
            size.width
        );
        case.truth = Some(runs.clone());
    }
    if without == cases.len() {
        bail!("`{}` has a row for none of the {without} images, such as `{}`", path.display(), cases[0].id);
    }
    if without > 0 {
        term::warning(format_args!("{without} images are not in `{}`: the metrics leave them out", path.display()));
    }
    Ok(())
}

/// The path of each image; `--images` takes precedence over the findings' paths.
fn places(images: &[PathBuf], mut files: HashMap<String, PathBuf>) -> HashMap<String, PathBuf> {
    let skips = Skips::unlisted("skipped files");
    let glances: Vec<_> = images.par_iter().map(|path| (ImageHeader::open(path), path)).collect();
    for (glance, path) in glances {
        match glance {
            Ok(glance) => drop(files.insert(glance.id, path.clone())),
            Err(error) => skips.file(path, &error.into()),
        }
    }
    files
}

/// Gives the first `count` cases their pictures; returns how many could not be read.
fn picture(cases: &mut [Case], count: usize, files: &HashMap<String, PathBuf>, limits: DecodeLimits) -> usize {
    let count = count.min(cases.len());
    let bar = term::progress(count as u64, "pictures");
    let faults = cases[..count].par_iter_mut().filter_map(|case| {
        let read = read(&case.id, files.get(&case.id), limits);
        bar.inc(1);
        let fault = read.as_ref().err().map(term::chain);
        case.picture = read.unwrap_or(Picture::Unreadable);
        fault
    });
    let faults: Vec<_> = faults.collect();
    bar.finish_and_clear();
    let skips = Skips::unlisted("cases without a picture");
    faults.iter().for_each(|fault| skips.warn(format_args!("no picture: {fault}")));
    faults.len()
}

fn read(id: &str, file: Option<&PathBuf>, limits: DecodeLimits) -> Result<Picture> {
    let file = file.with_context(|| format!("the findings have no path for `{id}`: give it with `--images`"))?;
    let radiograph = Radiograph::open_with(file, limits).context("give the images' current place with `--images`")?;
    ensure!(radiograph.id() == id, "`{}` is image `{}`, expected `{id}`", file.display(), radiograph.id());
    Ok(Picture::from_radiograph(&radiograph))
}

fn salt(args: &Args) -> Result<Vec<u8>> {
    if let Some(salt) = &args.salt {
        return Ok(salt.clone().into_bytes());
    }
    let mut salt = vec![0; 32];
    OsRng
        .try_fill_bytes(&mut salt)
        .map_err(|error| anyhow!("the system provides no random numbers, {error}: use `--salt`"))?;
    Ok(salt)
}
