//! `pleura report`: findings and truth as one HTML page.

mod groups;
mod worth;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use pleura::Size;
use pleura::pool::Pool;
use pleura::report::{Gathered, SIDE, hash_id, read_findings, worst_first};
use pleura::submission::{SIIM_SIZE, Submission};
use pleura_files::{atomic, regular};
use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::engine::EngineArgs;
use crate::exit::Exit;
use crate::outputs::check_writable;
use crate::paths::{Checked, Command, Kind, Paths};
use crate::term::{self, Skips};
use crate::verbs::submission::size;
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

    /// The longer side of pictures, in pixels: 1024 or more to read them like the original, in a page several times as
    /// large.
    #[arg(long, value_name = "PIXELS", default_value_t = SIDE as u32, value_parser = clap::value_parser!(u32).range(64..=4096), help_heading = "Page")]
    pub pictures: u32,

    /// Maps of `pleura predict --maps`, which the enlarged cases then show in colours.
    #[arg(long, value_name = "DIR", help_heading = "Page")]
    pub maps: Option<PathBuf>,

    /// The size of the truth's masks, in pixels.
    #[arg(long, value_name = "HxW", default_value = "1024x1024", value_parser = size)]
    pub size: Size,

    /// CSV of an id and one column for each further division of the images, such as `ImageId,site,device`: numbers are
    /// reported for each group, as by view, sex and age.
    #[arg(long, value_name = "CSV", requires = "truth")]
    pub groups: Option<PathBuf>,

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
        paths.reads_any("--groups", &self.groups);
        paths.reads_any("--maps", &self.maps);
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
    let mut gathered = Gathered::new(read_findings(&args.findings)?);
    let truth = args.truth.as_ref().map(|path| Submission::read(path, args.size)).transpose()?;
    match (&args.truth, &truth) {
        (Some(path), Some(truth)) => match gathered.judge(path, truth, args.size)? {
            0 => {}
            without => term::warning(format_args!(
                "{without} images are not in `{}`: the metrics leave them out",
                path.display()
            )),
        },
        _ => worst_first(&mut gathered.cases),
    }
    let (pool, skips) = (Pool::shared(args.engine.threads)?, Skips::unlisted("skipped files"));
    gathered.find(&pool, images, &mut |path, error| skips.file(path, &error.into()));
    if truth.is_some() {
        group(&mut gathered, &pool);
        args.groups.as_ref().map_or(Ok(()), |path| groups::add(&mut gathered, path))?;
    }
    let measured = match (&args.ensemble, &truth) {
        (Some(manifest), Some(truth)) => worth::measure((manifest, &args.engine), &gathered, (truth, args.size))?,
        _ => Measured::default(),
    };
    let alarms: Vec<String> = gathered.origins.mixed().into_iter().collect();
    alarms.iter().chain(&measured.differs).for_each(term::warning);
    let unreadable = picture(&mut gathered, &pool, args);
    if args.hash_ids {
        let salt = salt(args)?;
        gathered.cases.iter_mut().for_each(|case| case.id = hash_id(&case.id, &salt));
    }
    let mut report = gathered.into_report(&args.title);
    report.made = Some(format!("Made on {}", chrono::Local::now().format("%-d %B %Y")));
    (report.heat_map, report.members, report.differs) = (measured.heat_map, measured.members, measured.differs);
    let page = report.html()?;
    let failed = || format!("cannot write `{}`", args.out.display());
    let mut file = atomic::beside(&args.out).with_context(failed)?;
    file.write_all(page.as_bytes()).with_context(failed)?;
    atomic::place(file, &args.out).with_context(failed)?;
    term::note(format_args!("the page has {:.1} MB", page.len() as f64 / 1e6));
    Ok(if unreadable > 0 { Exit::Skipped } else { Exit::Good })
}

/// The page of findings alone, which `predict` writes; its name is not printed.
pub fn of_findings(findings: &Path, maps: Option<&Path>, out: &Path, title: &str) -> Result<Exit> {
    let args = Args {
        findings: findings.into(),
        truth: None,
        groups: None,
        images: Vec::new(),
        out: out.into(),
        title: title.into(),
        hash_ids: false,
        salt: None,
        cases: PICTURES,
        pictures: SIDE as u32,
        maps: maps.map(Path::to_path_buf),
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

/// Reads the tags by which the images are divided.
fn group(gathered: &mut Gathered, pool: &Pool) {
    let bar = term::progress(gathered.files.len() as u64, "tags");
    gathered.group(pool, &|| bar.inc(1));
    bar.finish_and_clear();
}

/// Gives the first cases their pictures and maps; returns how many could not be read.
fn picture(gathered: &mut Gathered, pool: &Pool, args: &Args) -> usize {
    let (count, side) = (args.cases, args.pictures as usize);
    let bar = term::progress(count.min(gathered.cases.len()) as u64, "pictures");
    let faults = Mutex::new(Vec::new());
    let missing = gathered.picture(pool, count, side, args.engine.decode_limits(), &|error| {
        bar.inc(1);
        let fault = error.map(|error| term::chain(&anyhow::Error::new(error)));
        faults.lock().unwrap_or_else(PoisonError::into_inner).extend(fault);
    });
    bar.finish_and_clear();
    let skips = Skips::unlisted("cases without a picture");
    let faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    faults.iter().for_each(|fault| skips.warn(format_args!("no picture: {fault}")));
    let Some(folder) = &args.maps else { return missing };
    let faults = Mutex::new(Vec::new());
    gathered.maps(pool, count, folder, &|error| {
        faults.lock().unwrap_or_else(PoisonError::into_inner).push(term::chain(&anyhow::Error::new(error)));
    });
    let skips = Skips::unlisted("cases without a map");
    let faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    faults.iter().for_each(|fault| skips.warn(format_args!("no map: {fault}")));
    missing + faults.len()
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
