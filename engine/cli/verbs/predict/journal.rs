//! The journal of a run: finished images on disk, so that an interrupted run can be continued.
//!
//! JSON lines: the first [identifies the run](Identity), each other is an image. Each has a checksum over itself and
//! the run; an image whose line fails it is predicted again. A line is passed to the system as soon as its image is
//! finished, so that a killed process loses nothing; the file is synced at intervals, so that a machine's crash loses
//! seconds. The file is also locked: only one run at a time writes an output.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pleura_files::atomic;

use super::entry::{Entry, Row};
use super::inputs::{FileVersion, Input};
use super::lock;
use super::scan::{self, Head, Scan};
use crate::receipt::{Identity, differences_text};
use crate::term;

/// The time between two syncs to disk.
const SYNC: Duration = Duration::from_secs(10);

/// The position of a line in the file, in bytes, without its line end.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub at: u64,
    pub len: usize,
}

/// An image finished by an earlier run.
pub struct Kept {
    pub span: Span,
    pub id: String,
    pub stamp: Option<FileVersion>,
    /// The SHA-256 of its map's PNG file, if there is one.
    pub map: Option<String>,
}

impl Kept {
    /// Whether the file is unchanged.
    pub fn is_of(&self, input: &Input) -> bool {
        self.stamp.is_some() && self.stamp == input.stamp
    }
}

/// The journal of an output, locked.
pub struct Journal {
    path: PathBuf,
    file: File,
    /// The position of the next line.
    end: u64,
    /// The digest of the run, which the lines' checksums cover.
    run: String,
    /// Whether it holds anything worth keeping.
    worth: bool,
    synced: Instant,
}

/// The path of an output's journal: beside the file itself, if the output is a link.
pub fn path(out: &Path) -> PathBuf {
    let mut name = atomic::target(out).into_os_string();
    name.push(".journal");
    name.into()
}

/// The message when a signal ends a run: how to continue it.
pub fn interrupted(out: &Path) -> String {
    let path = path(out);
    // the first line is not an image
    let lines = pleura_files::regular::open(&path)
        .map_or(0, |file| BufReader::new(file).split(b'\n').map_while(Result::ok).count());
    match lines.saturating_sub(1) {
        0 => "interrupted before the first image finished: run the same command again".into(),
        images => format!(
            "interrupted: {images} finished images are in `{}`; run the same command with `--resume` to continue",
            path.display()
        ),
    }
}

impl Journal {
    /// Takes the lock of an output.
    ///
    /// # Errors
    /// If another run holds it, which is transient; or if the folder cannot be written.
    pub fn lock(out: &Path) -> Result<Self> {
        let path = path(out);
        let file = lock::open(&path, out)?;
        let worth = file.metadata().is_ok_and(|found| found.len() > 0);
        Ok(Self { path, file, end: 0, run: String::new(), worth, synced: Instant::now() })
    }

    /// Discards an earlier run's journal.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn clear(&mut self) -> Result<()> {
        self.worth = false;
        self.file.set_len(0).with_context(|| self.failed())
    }

    /// Starts the journal of a run, or continues it; returns finished images by file.
    ///
    /// # Errors
    /// If there is an unfinished run: the same one without `resume`, or another one with it.
    pub fn begin(&mut self, run: &Identity, resume: bool) -> Result<HashMap<PathBuf, Kept>> {
        let scan = scan::read(&self.file, run).with_context(|| format!("cannot read `{}`", self.path.display()))?;
        let Some(Scan { head, kept, end, damaged, healed }) = scan.filter(|scan| !scan.kept.is_empty()) else {
            self.start(run)?;
            return Ok(HashMap::new());
        };
        let journal = self.path.display();
        let differences = head.run.differences(run);
        let told = differences_text(&differences, "then", "now");
        match (differences.is_empty(), resume) {
            (true, true) => {}
            (true, false) => bail!(
                "an earlier run was not finished, and `{journal}` has {} images of it: continue with `--resume`, or \
                 delete that file to start over",
                kept.len()
            ),
            (false, true) => bail!(
                "`{journal}` belongs to a different run and cannot be resumed: {told}; restore what changed, or leave \
                 out `--resume` to start over"
            ),
            (false, false) => {
                term::note(format_args!("replaced the journal of a different, unfinished run: {told}"));
                self.start(run)?;
                return Ok(HashMap::new());
            }
        }
        if damaged > 0 {
            let lines = if damaged == 1 { "1 line".into() } else { format!("{damaged} lines") };
            term::warning(format_args!("`{journal}`: {lines} damaged: their images are predicted again"));
        }
        (self.run, self.end) = (head.digest()?, end);
        if healed {
            self.heal(&head)?;
        }
        self.cut()?;
        Ok(kept)
    }

    /// Rewrites the damaged first line, which has the same length.
    fn heal(&self, head: &Head) -> Result<()> {
        term::warning(format_args!("`{}`: the first line was damaged and is restored", self.path.display()));
        // a file opened to append cannot be written elsewhere
        let mut file = OpenOptions::new().write(true).open(&self.path).with_context(|| self.failed())?;
        file.write_all(head.line()?.as_bytes()).with_context(|| self.failed())
    }

    /// Truncates the file after the last good line.
    fn cut(&mut self) -> Result<()> {
        let torn = self.file.metadata()?.len().saturating_sub(self.end);
        if torn > 0 {
            let journal = self.path.display();
            term::note(format_args!("removed {torn} incomplete or damaged bytes from the end of `{journal}`"));
            self.file.set_len(self.end).with_context(|| self.failed())?;
        }
        Ok(())
    }

    fn start(&mut self, run: &Identity) -> Result<()> {
        self.worth = false;
        self.file.set_len(0).with_context(|| self.failed())?;
        self.end = 0;
        let head = Head::new(run);
        self.run = head.digest()?;
        self.write(&head.line()?)?;
        Ok(())
    }

    /// Adds an image.
    ///
    /// # Errors
    /// If it cannot be written; earlier images are kept.
    pub fn push(&mut self, entry: &Entry) -> Result<Span> {
        let span = self.write(&format!("{}\n", entry.line(&self.run)?))?;
        self.worth = true;
        if self.synced.elapsed() > SYNC {
            self.file.sync_data().with_context(|| self.failed())?;
            self.synced = Instant::now();
        }
        Ok(span)
    }

    /// Appends a line with its end.
    fn write(&mut self, line: &str) -> Result<Span> {
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // remove the incomplete line: harmless, but useless
            let _ = self.file.set_len(self.end);
            return Err(error).with_context(|| self.failed());
        }
        let span = Span { at: self.end, len: line.len() - 1 };
        self.end += line.len() as u64;
        Ok(span)
    }

    /// Reads back an image.
    ///
    /// # Errors
    /// If the file cannot be read, or was changed meanwhile.
    pub fn read(&mut self, span: Span) -> Result<(Entry, Row)> {
        let failed = || format!("cannot read `{}` again", self.path.display());
        let mut line = vec![0; span.len];
        self.file.seek(SeekFrom::Start(span.at)).with_context(failed)?;
        self.file.read_exact(&mut line).with_context(failed)?;
        Entry::parse(&line, &self.run).with_context(failed)
    }

    /// Removes the journal of a finished run.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn close(mut self) -> Result<()> {
        self.worth = true; // dropping it need not try once more
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove `{}`", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Prints how to continue, if a run ended with an error and there is something to continue.
    pub fn tell_kept(&self) {
        if self.worth {
            term::note(format_args!("finished images are kept in `{}`: continue with `--resume`", self.path.display()));
        }
    }

    fn failed(&self) -> String {
        format!("cannot write `{}`", self.path.display())
    }
}

impl Drop for Journal {
    /// Removes a journal without images.
    fn drop(&mut self) {
        if !self.worth {
            let _ = fs::remove_file(&self.path);
        }
    }
}
