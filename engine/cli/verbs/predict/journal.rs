//! What a run has finished so far, on disk: a run that is ended at any moment can be gone on with.
//!
//! JSON lines: the first says [what run](Identity) it is, each other is an image. Each carries a checksum over itself and
//! the run; an image whose line fails it is predicted again. A line is handed to the system as soon as its image is
//! finished, so that a process that is killed loses nothing; the disk is waited for now and then, so that a machine that
//! stops loses seconds. The file carries the lock, too: one run at a time writes an output.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pleura::atomic;

use super::entry::{Entry, Row};
use super::inputs::{FileVersion, Input};
use super::lock;
use super::scan::{self, Head, Scan};
use crate::receipt::{Identity, differences_text};
use crate::term;

/// How often the disk is waited for.
const SYNC: Duration = Duration::from_secs(10);

/// Where a line stands in the file, in bytes; the line's end is not counted.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub at: u64,
    pub len: usize,
}

/// An image that an earlier run finished.
pub struct Kept {
    pub span: Span,
    pub id: String,
    pub stamp: Option<FileVersion>,
    /// The SHA-256 of the picture of its map, where there is one.
    pub map: Option<String>,
}

impl Kept {
    /// Whether the file is still what it was.
    pub fn is_of(&self, input: &Input) -> bool {
        self.stamp.is_some() && self.stamp == input.stamp
    }
}

/// The journal of an output, locked.
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Where the next line begins.
    end: u64,
    /// The digest of the run, which the lines' checksums cover.
    run: String,
    /// Whether there is anything in it that would be lost with it.
    worth: bool,
    synced: Instant,
}

/// Where the journal of an output lies: beside the file that it becomes, should the output be a link.
pub fn path(out: &Path) -> PathBuf {
    let mut name = atomic::target(out).into_os_string();
    name.push(".journal");
    name.into()
}

/// What is said where a signal ends a run: how to go on with it.
pub fn interrupted(out: &Path) -> String {
    let path = path(out);
    // the first line is no image
    let lines =
        pleura::regular::open(&path).map_or(0, |file| BufReader::new(file).split(b'\n').map_while(Result::ok).count());
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
    /// If another run has it, which is transient; or if the folder cannot be written.
    pub fn lock(out: &Path) -> Result<Self> {
        let path = path(out);
        let file = lock::open(&path, out)?;
        let worth = file.metadata().is_ok_and(|found| found.len() > 0);
        Ok(Self { path, file, end: 0, run: String::new(), worth, synced: Instant::now() })
    }

    /// Forgets what an earlier run left.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn clear(&mut self) -> Result<()> {
        self.worth = false;
        self.file.set_len(0).with_context(|| self.failed())
    }

    /// Starts the journal of a run, or goes on with it; gives what is finished, by file.
    ///
    /// # Errors
    /// If there is an unfinished run: one like this, unless it is to be resumed; another, if it is to be.
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

    /// Writes the first line again, which takes as many bytes as it did.
    fn heal(&self, head: &Head) -> Result<()> {
        term::warning(format_args!("`{}`: the first line was damaged and is restored", self.path.display()));
        // what is opened to append cannot write elsewhere
        let mut file = OpenOptions::new().write(true).open(&self.path).with_context(|| self.failed())?;
        file.write_all(head.line()?.as_bytes()).with_context(|| self.failed())
    }

    /// Cuts off what comes after the last good line.
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
    /// If it cannot be written; what was there before is there still.
    pub fn push(&mut self, entry: &Entry) -> Result<Span> {
        let span = self.write(&format!("{}\n", entry.line(&self.run)?))?;
        self.worth = true;
        if self.synced.elapsed() > SYNC {
            self.file.sync_data().with_context(|| self.failed())?;
            self.synced = Instant::now();
        }
        Ok(span)
    }

    /// Adds a line, with its end.
    fn write(&mut self, line: &str) -> Result<Span> {
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // half a line would do no harm, and helps nobody
            let _ = self.file.set_len(self.end);
            return Err(error).with_context(|| self.failed());
        }
        let span = Span { at: self.end, len: line.len() - 1 };
        self.end += line.len() as u64;
        Ok(span)
    }

    /// Reads an image again.
    ///
    /// # Errors
    /// If the file cannot be read, or was changed by somebody else.
    pub fn read(&mut self, span: Span) -> Result<(Entry, Row)> {
        let failed = || format!("cannot read `{}` again", self.path.display());
        let mut line = vec![0; span.len];
        self.file.seek(SeekFrom::Start(span.at)).with_context(failed)?;
        self.file.read_exact(&mut line).with_context(failed)?;
        Entry::parse(&line, &self.run).with_context(failed)
    }

    /// Removes the journal of a run that is finished.
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

    /// Says how to go on, where a run ended with an error and there is something to go on with.
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
    /// What holds no image is of no use to anybody.
    fn drop(&mut self) {
        if !self.worth {
            let _ = fs::remove_file(&self.path);
        }
    }
}
