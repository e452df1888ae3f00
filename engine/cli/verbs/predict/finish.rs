//! The end of a run: sorts the rows, writes all files and prints the summary.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use pleura::Shard;
use pleura::ensemble::{Ensemble, Form};
use pleura::manifest::Intensity;
use pleura::runtime::{Device, Model, Verified};

use super::Args;
use super::findings;
use super::inputs::Inputs;
use super::journal::Journal;
use super::run::RunResult;
use super::targets::Targets;
use crate::exit::Exit;
use crate::receipt::{self, Kind, Receipt};
use crate::remote::Remotes;
use crate::verbs::report;
use crate::{answers, memory, term};

/// The settings for the end of a run.
pub struct Finish<'a> {
    pub args: &'a Args,
    pub ensemble: &'a Ensemble,
    pub targets: &'a Targets,
    pub shard: Shard,
    /// The sample's ids, in order.
    pub sample: Option<&'a [String]>,
    /// The inputs that are elsewhere.
    pub remotes: Option<&'a Remotes>,
    pub start: Instant,
}

impl Finish<'_> {
    /// Writes everything, the receipt last.
    ///
    /// # Errors
    /// If every input was skipped, or something cannot be written.
    pub fn write(
        &self,
        journal: &mut Journal,
        mut receipt: Receipt,
        inputs: &Inputs,
        mut done: RunResult,
    ) -> Result<Exit> {
        let out = &self.targets.out;
        // a shard may consist of broken images only
        if done.submission.is_empty() && !done.skipped.is_empty() && self.shard.is_all() {
            bail!("all {} inputs were skipped: `{}` is not written", done.skipped.len(), out.display());
        }
        receipt.unanswered = self.order(&mut done);
        if let Some(path) = &self.targets.findings {
            findings::write(path, journal, &done.spans)?;
        }
        done.submission.write(out)?;
        receipt.wrote(Kind::Submission, out)?;
        self.tell(&done);
        if self.args.engine.cache.cache_form != Form::Exact {
            let files: Vec<PathBuf> = inputs.own.iter().map(|input| input.path.clone()).collect();
            answers::report_moved(self.ensemble, &files, self.remotes, &done.submission)?;
        }
        let exit = if done.skipped.len() + receipt.unanswered + done.unmapped > 0 { Exit::Skipped } else { Exit::Good };
        let exit = exit.max(self.others(&mut receipt, &done)?);
        receipt.models = receipt::models(self.ensemble);
        receipt.inputs.answered = done.answered;
        (receipt.summary, receipt.skipped, receipt.resumed) = (done.summary, done.skipped, done.resumed);
        (receipt.inferences, receipt.exit) = (self.ensemble.inferences(), exit as u8);
        receipt.took(self.start.elapsed());
        receipt.write(out)?;
        Ok(exit)
    }

    /// Sorts rows in the sample's order, or by their ids. Ids of the sample without an image, if they belong to the
    /// shard, get no row, and are counted and reported.
    fn order(&self, done: &mut RunResult) -> usize {
        let Some(ids) = self.sample else {
            done.submission.sort();
            return 0;
        };
        let (answered, missing): (Vec<&String>, Vec<&String>) = ids.iter().partition(|id| done.submission.contains(id));
        let missing: Vec<_> = missing.into_iter().filter(|id| self.shard.holds(id)).collect();
        if let Some(first) = missing.first() {
            let more = missing.len() - 1;
            term::warning(format_args!("no image for `{first}` of the sample and {more} more ids: they get no row"));
        }
        done.submission.order_like(&answered).expect("every row is in the sample, and every id here has a row");
        missing.len()
    }

    /// Records the findings, and writes their report.
    fn others(&self, receipt: &mut Receipt, done: &RunResult) -> Result<Exit> {
        let Some(findings) = &self.targets.findings else { return Ok(Exit::Good) };
        receipt.wrote(Kind::Findings, findings)?;
        let Some(page) = &self.targets.report else { return Ok(Exit::Good) };
        if done.submission.is_empty() {
            term::note(format_args!("no findings: `{}` is not written", page.display()));
            return Ok(Exit::Good);
        }
        let exit = report::of_findings(findings, self.args.maps.as_deref(), page, &self.ensemble.manifest().name)?;
        receipt.wrote(Kind::Report, page)?;
        Ok(exit)
    }

    /// Prints the summary.
    fn tell(&self, done: &RunResult) {
        let (summary, ensemble) = (&done.summary, self.ensemble);
        if done.windowless > 0 && uses_windows(ensemble) {
            let count = done.windowless;
            term::warning(format_args!(
                "{} without a window: the full range of stored bits was used",
                term::quantity(count, "file")
            ));
        }
        let runs = |done: usize, saved: usize| match (done * 100).checked_div(done + saved) {
            Some(share) => format!("{done} ({saved} saved: {} %)", 100 - share),
            None => "none".into(),
        };
        let (images, positive, skipped) = (summary.images, summary.positive, summary.skipped);
        term::note(format_args!("images: {images} ({positive} positive), {skipped} skipped"));
        if ensemble.manifest().refer.is_some() {
            term::note(format_args!("referred to people: {}", summary.referred));
        }
        if ensemble.manifest().classifier.is_some() {
            let told = runs(summary.classifier_runs, summary.classifier_runs_saved);
            term::note(format_args!("classifier runs: {told}"));
        }
        term::note(format_args!("segmenter runs: {}", runs(summary.segmenter_runs, summary.segmenter_runs_saved)));
        for model in ensemble.models() {
            let nodes = session_text(model);
            let compared = model.verified().map_or_else(String::new, |Verified { inputs, largest }| {
                format!("; as on the CPU on {}, to {largest:.0e}", term::quantity(inputs, "input"))
            });
            term::note(format_args!("session `{}`: {}{compared}", model.path().display(), nodes));
        }
        let seconds = self.start.elapsed().as_secs_f64();
        let rate = (images - done.resumed) as f64 / seconds;
        term::note(format_args!("time: {seconds:.1} s ({rate:.2} images/s){}", memory::peak_text()));
        answers::report(ensemble, &self.args.engine.cache);
    }
}

/// Where a model's nodes run: "CPUExecutionProvider 74 nodes".
fn session_text(model: &Model) -> String {
    let own = |name: &str| matches!(model.device(), Device::Provider(..)) && name != "CPUExecutionProvider";
    let nodes = model.providers().iter().filter(|(name, _)| !own(name));
    let nodes = nodes.map(|(name, nodes)| format!("{name} {nodes} nodes"));
    // ONNX Runtime counts not all nodes of providers that are libraries, but all that they leave to the CPU
    let device = matches!(model.device(), Device::Provider(..)).then(|| model.device().to_string());
    device.into_iter().chain(nodes).collect::<Vec<_>>().join(", ")
}

/// Whether any member uses the file's own window.
fn uses_windows(ensemble: &Ensemble) -> bool {
    let manifest = ensemble.manifest();
    let stages = manifest.classifier.iter().chain([&manifest.segmenter]);
    stages.flat_map(|stage| &stage.members).any(|member| member.intensity == Intensity::Window)
}
