//! `pleura predict`: an ensemble over radiographs, to a submission.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use pleura::ensemble::{Ensemble, Finding, Form, Summary};
use pleura::manifest::Intensity;
use pleura::submission::{Submission, read_ids};
use pleura::{Radiograph, radiograph};

use crate::answers;
use crate::engine::EngineArgs;
use crate::exit::Exit;
use crate::outputs::{Lines, Maps, check_writable};
use crate::verbs::report;
use crate::{memory, receipt, term};

#[derive(clap::Args)]
pub struct Args {
    /// The ensemble's manifest.
    pub ensemble: PathBuf,

    /// DICOM, PNG or JPEG files, folders (searched recursively), globs, or `-` for a list on standard input.
    #[arg(required = true)]
    pub inputs: Vec<String>,

    /// The submission to write.
    #[arg(short, long, value_name = "CSV")]
    pub out: PathBuf,

    /// A sample submission: rows come in its order, and its ids are the ones expected.
    #[arg(long, value_name = "CSV")]
    pub sample: Option<PathBuf>,

    /// Write what was found in each image, and how it was decided, as JSON lines.
    #[arg(long, value_name = "JSONL")]
    pub findings: Option<PathBuf>,

    /// Write the findings as a page, too, to be looked at; `pleura report` makes one with the truth in it.
    #[arg(long, value_name = "HTML", requires = "findings")]
    pub report: Option<PathBuf>,

    /// Write merged probability maps as 16-bit PNG files, 65535 being 1.
    #[arg(long, value_name = "DIR")]
    pub maps: Option<PathBuf>,

    /// An out-of-fold run: a list of `ImageId,fold`. Snapshots that name their fold answer for its images alone.
    #[arg(long, value_name = "CSV")]
    pub folds: Option<PathBuf>,

    #[command(flatten)]
    pub engine: EngineArgs,
}

pub fn run(args: &Args) -> Result<Exit> {
    let start = Instant::now();
    // What can be known to fail is known before the first model runs.
    let files = radiograph::find(&args.inputs)?;
    let sample = args.sample.as_deref().map(read_ids).transpose()?;
    check_writable(&args.out)?;
    if let Some(page) = &args.report {
        check_writable(page)?;
    }
    if let Some(findings) = &args.findings {
        check_writable(findings)?;
        ensure!(*findings != args.out, "--findings and --out name the same file, `{}`", findings.display());
    }
    let folds = args.folds.as_deref().map(answers::folds).transpose()?;
    let options = Ensemble::options().keep_maps(args.maps.is_some()).folds(folds);
    let ensemble = args.engine.open(&args.ensemble, options)?;
    let mut run = Run {
        submission: Submission::any_size(),
        sources: HashMap::new(),
        sample: sample.as_ref().map(|ids| ids.iter().map(String::as_str).collect()),
        findings: args.findings.as_deref().map(Lines::create).transpose()?,
        maps: args.maps.as_deref().map(Maps::create).transpose()?,
        summary: Summary::default(),
        windowless: 0,
    };
    let bar = term::progress(files.len() as u64, "predicting");
    ensemble.predict_files(&files, |path, finding, radiograph| {
        bar.inc(1);
        if let Some(radiograph) = radiograph {
            bar.suspend(|| run.remark(path, radiograph));
        }
        match finding {
            Ok(finding) => bar.suspend(|| run.take(&ensemble, path, &finding)),
            Err(error) => {
                bar.suspend(|| run.skip(path, &error.into()));
                Ok(())
            }
        }
    })?;
    bar.finish_and_clear();
    let exit = run.finish(args, &ensemble, &files, sample.as_deref(), start)?;
    match (&args.report, &args.findings) {
        (Some(page), Some(findings)) => Ok(exit.max(report::of_findings(findings, page, &ensemble.manifest().name)?)),
        _ => Ok(exit),
    }
}

/// What a run has come to so far.
struct Run<'a> {
    submission: Submission,
    /// Which file gave each id.
    sources: HashMap<String, PathBuf>,
    sample: Option<HashSet<&'a str>>,
    findings: Option<Lines>,
    maps: Option<Maps>,
    summary: Summary,
    /// Files that state neither a window nor a VOI lookup table.
    windowless: usize,
}

impl Run<'_> {
    fn take(&mut self, ensemble: &Ensemble, path: &Path, finding: &Finding) -> Result<()> {
        if let Some(other) = self.sources.get(&finding.id) {
            let message = format!("its id `{}` is already that of `{}`", finding.id, other.display());
            self.skip(path, &anyhow::Error::msg(message));
            return Ok(());
        }
        if self.sample.as_ref().is_some_and(|ids| !ids.contains(finding.id.as_str())) {
            self.skip(path, &anyhow::Error::msg(format!("its id `{}` is not in the sample", finding.id)));
            return Ok(());
        }
        self.submission.insert(finding.id.clone(), &finding.mask)?;
        self.sources.insert(finding.id.clone(), path.to_owned());
        self.summary.add(ensemble, finding);
        if let Some(lines) = &mut self.findings {
            lines.push(&finding.to_json(Some(path)))?;
        }
        if let (Some(maps), Some(map)) = (&mut self.maps, &finding.map) {
            maps.write(&finding.id, map.view())?;
        }
        Ok(())
    }

    /// Says what is odd about a file, yet harmless.
    fn remark(&mut self, path: &Path, radiograph: &Radiograph) {
        for remark in radiograph.remarks() {
            term::warning(format_args!("`{}`: {remark}", path.display()));
        }
        self.windowless += usize::from(!radiograph.has_window());
    }

    fn skip(&mut self, path: &Path, error: &anyhow::Error) {
        self.summary.skipped += 1;
        term::warning(format_args!("skipped `{}`: {}", path.display(), term::chain(error)));
    }

    fn finish(
        mut self,
        args: &Args,
        ensemble: &Ensemble,
        files: &[PathBuf],
        sample: Option<&[String]>,
        start: Instant,
    ) -> Result<Exit> {
        if self.submission.is_empty() && self.summary.skipped > 0 {
            bail!("every one of {} inputs was skipped: `{}` is not written", self.summary.skipped, args.out.display());
        }
        let unanswered = match sample {
            Some(ids) => self.order(ids),
            None => {
                self.submission.sort();
                0
            }
        };
        self.submission.write(&args.out)?;
        if let Some(lines) = self.findings.take() {
            lines.finish()?;
        }
        if self.windowless > 0 && uses_windows(ensemble) {
            let count = self.windowless;
            term::warning(format_args!("{count} files state no window: all their stored bits were taken as it"));
        }
        let outputs: Vec<&Path> =
            [Some(&args.out), args.findings.as_ref()].into_iter().flatten().map(|p| &**p).collect();
        receipt::write(ensemble, &self.summary, &outputs, start.elapsed())?;
        tell(&self.summary, ensemble, start);
        answers::report(ensemble, &args.engine.cache);
        if args.engine.cache.cache_form != Form::Exact {
            answers::report_moved(ensemble, files, &self.submission)?;
        }
        term::result(format_args!("{}", args.out.display()));
        Ok(if self.summary.skipped + unanswered > 0 { Exit::Skipped } else { Exit::Good })
    }

    /// Puts rows in the sample's order; ids without an image get no row, and are counted and reported.
    fn order(&mut self, ids: &[String]) -> usize {
        let missing: Vec<_> = ids.iter().filter(|id| !self.submission.contains(id)).collect();
        if let Some(first) = missing.first() {
            let more = missing.len() - 1;
            term::warning(format_args!("no image for `{first}` of the sample, nor for {more} more: they have no row"));
        }
        let answered: Vec<&String> = ids.iter().filter(|id| self.submission.contains(id)).collect();
        self.submission.order_like(&answered).expect("every row is in the sample, and every id here has a row");
        missing.len()
    }
}

/// Whether any member wants the file's own window.
fn uses_windows(ensemble: &Ensemble) -> bool {
    let manifest = ensemble.manifest();
    let stages = manifest.classifier.iter().chain([&manifest.segmenter]);
    stages.flat_map(|stage| &stage.members).any(|member| member.intensity == Intensity::Window)
}

/// What is worth knowing at the end.
fn tell(summary: &Summary, ensemble: &Ensemble, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let runs = |done: usize, saved: usize| match (done * 100).checked_div(done + saved) {
        Some(share) => format!("{done} ({saved} saved: {} %)", 100 - share),
        None => "none".into(),
    };
    term::note(format_args!("images: {} ({} positive), {} skipped", summary.images, summary.positive, summary.skipped));
    if ensemble.manifest().classifier.is_some() {
        term::note(format_args!("classifier runs: {}", runs(summary.classifier_runs, summary.classifier_runs_saved)));
    }
    term::note(format_args!("segmenter runs: {}", runs(summary.segmenter_runs, summary.segmenter_runs_saved)));
    for model in ensemble.models() {
        let providers: Vec<_> = model.providers().iter().map(|(name, nodes)| format!("{name} {nodes} nodes")).collect();
        term::note(format_args!("session `{}`: {}", model.path().display(), providers.join(", ")));
    }
    let rate = summary.images as f64 / seconds;
    term::note(format_args!("time: {seconds:.1} s ({rate:.2} images/s){}", memory::peak_text()));
}
