//! Runs images through an ensemble, and writes each to the journal when it is finished.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pleura::Radiograph;
use pleura::ensemble::{Ensemble, Finding, ImageError, Origin, Summary};
use pleura::radiograph;
use pleura::submission::Submission;
use rayon::prelude::*;

use super::entry::{Entry, Row};
use super::inputs::Input;
use super::journal::{Journal, Kept, Span};
use super::lost::Lost;
use crate::outputs::{DicomObjects, Maps, short};
use crate::receipt::{Places, Skipped};
use crate::remarks::Remarks;
use crate::remote::{self, Remotes};
use crate::term::{self, Skips};

/// The state of a run. For each image it holds a row and the position of its line in the journal: findings are not kept
/// in memory.
pub struct Run<'a> {
    ensemble: &'a Ensemble,
    origin: Origin,
    journal: &'a mut Journal,
    maps: Option<Maps>,
    dicom: Option<DicomObjects>,
    sample: Option<HashSet<&'a str>>,
    /// The file of each id.
    sources: HashMap<String, PathBuf>,
    remarks: Remarks,
    done: RunResult,
    skips: Skips,
    lost: Lost,
}

/// What remains to do for a file.
enum Disposition {
    /// Nothing: an earlier run finished it.
    Finished(Span),
    /// Nothing: its id, given here, is not in the sample.
    Outside(String),
    /// Everything.
    Pending,
}

/// The results of a run.
pub struct RunResult {
    pub submission: Submission,
    /// The position of each row's line in the journal, in the order of the inputs.
    pub spans: Vec<Span>,
    /// The indices of the same images among all inputs.
    pub answered: Places,
    pub summary: Summary,
    pub skipped: Vec<Skipped>,
    /// Number of images finished by an earlier run.
    pub resumed: usize,
    /// Number of files that state neither a window nor a VOI lookup table.
    pub windowless: usize,
    /// Number of images with a row whose map could not be written.
    pub unmapped: usize,
}

impl RunResult {
    fn nothing() -> Self {
        Self {
            submission: Submission::any_size(),
            spans: Vec::new(),
            answered: Places::default(),
            summary: Summary::default(),
            skipped: Vec::new(),
            resumed: 0,
            windowless: 0,
            unmapped: 0,
        }
    }
}

impl<'a> Run<'a> {
    /// A run before its first image; `receipt` will list skipped files.
    ///
    /// # Errors
    /// If the manifest or a plugin cannot be read any more.
    pub fn new(
        ensemble: &'a Ensemble,
        journal: &'a mut Journal,
        (maps, dicom): (Option<Maps>, Option<DicomObjects>),
        sample: Option<&'a [String]>,
        receipt: &Path,
    ) -> Result<Self> {
        let sample = sample.map(|ids| ids.iter().map(String::as_str).collect());
        let origin = ensemble.origin().context("cannot hash the files that the findings name")?;
        let skips = Skips::new("skipped files", format!("with `-v`, and in `{}` at the end", receipt.display()));
        let (sources, remarks, done) = (HashMap::new(), Remarks::default(), RunResult::nothing());
        Ok(Self {
            ensemble,
            origin,
            journal,
            maps,
            dicom,
            sample,
            sources,
            remarks,
            done,
            skips,
            lost: Lost::default(),
        })
    }

    /// Processes all files in order: finished ones from the journal, the others through the ensemble.
    ///
    /// # Errors
    /// If something cannot be written; all earlier images are then in the journal.
    pub fn all(
        mut self,
        inputs: &[Input],
        kept: HashMap<PathBuf, Kept>,
        remotes: Option<&Remotes>,
    ) -> Result<RunResult> {
        let turns = self.turns(inputs, kept);
        let pending = inputs.iter().zip(&turns).filter(|(_, turn)| matches!(turn, Disposition::Pending));
        let pending: Vec<PathBuf> = pending.map(|(input, _)| input.path.clone()).collect();
        let bar = term::progress(inputs.len() as u64, "predicting");
        let mut next = 0;
        let (ensemble, run) = (self.ensemble, &mut self);
        remote::predict(ensemble, &pending, remotes, |path, finding, radiograph| {
            while bar.suspend(|| run.pass(&inputs[next], &turns[next]))? {
                next += 1;
            }
            let input = &inputs[next];
            debug_assert_eq!(input.path, path, "files come in their order");
            next += 1;
            bar.set_position(next as u64);
            bar.suspend(|| match finding {
                Ok(finding) => run.take(input, radiograph, &finding),
                Err(error) if remote::is_lost(&error) => run.lost.push(path, &error.into(), &run.skips),
                // not the image's fault: the next ones would fail, too
                Err(ImageError::Threads(cause)) => {
                    let cause = std::io::Error::new(cause.kind(), cause.to_string());
                    Err(anyhow::Error::new(cause)
                        .context("cannot start the engine's threads: use fewer, or allow more"))
                }
                Err(error) => {
                    run.remark(path, radiograph);
                    run.skip(path, &error.into());
                    Ok(())
                }
            })
        })?;
        for (input, turn) in inputs.iter().zip(&turns).skip(next) {
            self.pass(input, turn)?;
        }
        bar.finish_and_clear();
        self.remarks.finish();
        self.lost.finish()?;
        if self.done.submission.is_empty() {
            // no receipt will be written
            self.skips.are_unlisted();
        }
        self.maps.iter().for_each(Maps::tell_renamed);
        Ok(self.done)
    }

    /// What remains to do for each file. With a sample, ids are read first: images outside it cost no inference.
    fn turns(&self, inputs: &[Input], mut kept: HashMap<PathBuf, Kept>) -> Vec<Disposition> {
        let spans: Vec<_> = inputs.iter().map(|input| self.usable(input, kept.remove(&input.path))).collect();
        let finished = spans.iter().flatten().count();
        if finished > 0 {
            term::note(format_args!("resumed: {finished} of {} images are finished already", inputs.len()));
        }
        let sample = self.sample.as_ref();
        let outside = |input: &Input| {
            // a file without an id is reported when it is read
            let id = input.id.clone().or_else(|| radiograph::id_of(&input.path).ok())?;
            (!sample?.contains(id.as_str())).then_some(id)
        };
        let turn = |(input, span): (&Input, Option<Span>)| match span {
            Some(span) => Disposition::Finished(span),
            None if sample.is_some() => outside(input).map_or(Disposition::Pending, Disposition::Outside),
            None => Disposition::Pending,
        };
        inputs.par_iter().zip(spans).map(turn).collect()
    }

    /// Skips a file that needs no inference; returns whether it did.
    fn pass(&mut self, input: &Input, turn: &Disposition) -> Result<bool> {
        match turn {
            Disposition::Finished(span) => self.replay(input, *span)?,
            Disposition::Outside(id) => drop(self.accepts(&input.path, id)),
            Disposition::Pending => return Ok(false),
        }
        Ok(true)
    }

    /// The journal position of an image, if its file is unchanged and its map is still there.
    fn usable(&self, input: &Input, kept: Option<Kept>) -> Option<Span> {
        let kept = kept.filter(|kept| kept.is_of(input))?;
        let held = |sum: &String| self.maps.as_ref().is_some_and(|maps| maps.holds(&kept.id, sum));
        let picture = kept.map.as_ref().is_none_or(held);
        let objects = self.dicom.as_ref().is_none_or(|dicom| dicom.holds(&kept.id));
        (picture && objects).then_some(kept.span)
    }

    /// Adds an image finished by an earlier run.
    fn replay(&mut self, input: &Input, span: Span) -> Result<()> {
        let (entry, row) = self.journal.read(span)?;
        if !self.accepts(&input.path, &row.id) {
            return Ok(());
        }
        if let (Some(maps), Some(_)) = (&mut self.maps, &entry.map) {
            maps.keep(&row.id);
        }
        self.done.resumed += 1;
        self.add(input, row, entry.windowless, span)
    }

    /// Adds an image that was just predicted.
    fn take(&mut self, input: &Input, radiograph: Option<&Radiograph>, finding: &Finding) -> Result<()> {
        self.remark(&input.path, radiograph);
        self.lost.interrupted();
        if let Some(listed) = input.id.as_ref().filter(|id| **id != finding.id) {
            let fault = format!("its id is `{}`, but it is listed as `{listed}`", finding.id);
            self.skip(&input.path, &anyhow::Error::msg(fault));
            return Ok(());
        }
        if !self.accepts(&input.path, &finding.id) {
            return Ok(());
        }
        // before the journal's line, which says that the map exists
        let map = match (&mut self.maps, &finding.map) {
            (Some(maps), Some(map)) => Some(maps.write(&finding.id, map.view())?),
            _ => None,
        };
        if let Some(Err(error)) = &map {
            let (id, why) = (short(&finding.id), term::chain(error));
            term::warning(format_args!("`{id}` has a row, but no map: {why}"));
            self.done.unmapped += 1;
        }
        let map = map.and_then(Result::ok);
        if let (Some(dicom), Some(radiograph)) = (&self.dicom, radiograph) {
            dicom.write(radiograph, finding, &self.origin)?;
        }
        let row = Row::new(finding);
        let entry = Entry::new(input, radiograph, (finding, &row.mask), map, &self.origin)?;
        let span = self.journal.push(&entry)?;
        self.add(input, row, entry.windowless, span)
    }

    fn add(&mut self, input: &Input, row: Row, windowless: bool, span: Span) -> Result<()> {
        let done = &mut self.done;
        done.summary.count(self.ensemble, row.ran, !row.mask.is_empty(), row.referred);
        done.windowless += usize::from(windowless);
        done.spans.push(span);
        done.answered.push(input.place);
        self.sources.insert(row.id.clone(), input.path.clone());
        done.submission.insert_runs(row.id, row.size, row.mask)?;
        Ok(())
    }

    /// Whether a row with this id can be added; otherwise the file is skipped.
    fn accepts(&mut self, path: &Path, id: &str) -> bool {
        let fault = if let Some(other) = self.sources.get(id) {
            format!("its id `{id}` is already that of `{}`", other.display())
        } else if self.sample.as_ref().is_some_and(|ids| !ids.contains(id)) {
            format!("its id `{id}` is not in the sample")
        } else if id.trim().is_empty() {
            "its id is empty".into()
        } else {
            return true;
        };
        self.skip(path, &anyhow::Error::msg(fault));
        false
    }

    /// Prints harmless oddities of a file, and what keeps the ensemble from knowing that it is for it.
    fn remark(&mut self, path: &Path, radiograph: Option<&Radiograph>) {
        if let Some(radiograph) = radiograph {
            self.remarks.tell(path, radiograph.remarks());
            self.remarks.tell(path, &self.ensemble.manifest().accepts.remarks(radiograph));
        }
    }

    fn skip(&mut self, path: &Path, error: &anyhow::Error) {
        let (file, reason) = (path.display().to_string(), term::reason(path, error));
        self.skips.warn(format_args!("skipped `{file}`: {reason}"));
        self.done.summary.skipped += 1;
        self.done.skipped.push(Skipped { file, reason });
    }
}
