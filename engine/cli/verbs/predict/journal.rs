//! What a run has finished so far, on disk: a run that is ended at any moment can be gone on with.
//!
//! JSON lines: the first says [what run](Identity) it is, each other is an image. A line is handed to the system as soon
//! as its image is finished, so that a process that is killed loses nothing; the disk is waited for now and then, so that
//! a machine that stops loses seconds. The file carries the lock, too: one run at a time writes an output.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pleura::atomic;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Row};
use super::inputs::{Input, Stamp};
use super::lock;
use crate::receipt::{Identity, differences_text};
use crate::term;

/// The format of journals.
const SCHEMA: u32 = 1;
/// How the first line begins.
const MARK: &[u8] = b"{\"journal\":";
/// How often the disk is waited for.
const SYNC: Duration = Duration::from_secs(10);

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    journal: u32,
    run: Identity,
}

/// Where a line stands in the file, in bytes; the line's end is not counted.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    at: u64,
    len: usize,
}

/// An image that an earlier run finished.
pub struct Kept {
    pub span: Span,
    pub id: String,
    stamp: Option<Stamp>,
    /// Whether there is a picture of its map.
    pub map: bool,
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

impl Journal {
    /// Takes the lock of an output.
    ///
    /// # Errors
    /// Where another run has it, which is transient; or where the folder cannot be written.
    pub fn lock(out: &Path) -> Result<Self> {
        let path = path(out);
        let file = lock::open(&path, out)?;
        let worth = file.metadata().is_ok_and(|found| found.len() > 0);
        Ok(Self { path, file, end: 0, worth, synced: Instant::now() })
    }

    /// Starts the journal of a run, or goes on with it; gives what is finished, by file.
    ///
    /// # Errors
    /// Where there is an unfinished run: one like this, unless it is to be resumed; another, if it is to be.
    pub fn begin(&mut self, run: &Identity, resume: bool) -> Result<HashMap<PathBuf, Kept>> {
        let (head, kept) = self.scan().with_context(|| format!("cannot read `{}`", self.path.display()))?;
        let Some(head) = head.filter(|_| !kept.is_empty()) else {
            self.start(run)?;
            return Ok(HashMap::new());
        };
        let journal = self.path.display();
        let differences = head.run.differences(run);
        let told = differences_text(&differences, "then", "now");
        match (differences.is_empty(), resume) {
            (true, true) => self.cut()?,
            (true, false) => bail!(
                "an earlier run was not finished, and `{journal}` has {} images of it: go on with `--resume`, or delete \
                 that file to start anew",
                kept.len()
            ),
            (false, true) => bail!(
                "`{journal}` is of another run, which cannot be gone on with: {told}; restore what was, or leave out \
                 `--resume` to start anew"
            ),
            (false, false) => {
                term::note(format_args!("replaced the journal of another run that was not finished: {told}"));
                self.start(run)?;
                return Ok(HashMap::new());
            }
        }
        Ok(kept)
    }

    /// Reads what is there, up to the first line that is torn or damaged; leaves `end` behind the last good one.
    fn scan(&mut self) -> Result<(Option<Head>, HashMap<PathBuf, Kept>)> {
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(0))?;
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        let head = match serde_json::from_slice::<Head>(&line) {
            Ok(head) if head.journal == SCHEMA && line.ends_with(b"\n") => head,
            // not even the first line was written
            _ if !line.ends_with(b"\n") && MARK.starts_with(&line[..line.len().min(MARK.len())]) => {
                return Ok((None, HashMap::new()));
            }
            _ => bail!("it is no journal of this version of pleura: move it away, or delete it"),
        };
        self.end = line.len() as u64;
        let mut kept = HashMap::new();
        loop {
            line.clear();
            let len = reader.read_until(b'\n', &mut line)?;
            let Ok((entry, row)) = (if line.ends_with(b"\n") { Entry::parse(&line) } else { break }) else { break };
            let span = Span { at: self.end, len: len - 1 };
            if let Some(file) = &entry.file {
                kept.insert(PathBuf::from(file), Kept { span, id: row.id, stamp: entry.stamp, map: entry.map });
            }
            self.end += len as u64;
        }
        Ok((Some(head), kept))
    }

    /// Cuts off what comes after the last good line.
    fn cut(&mut self) -> Result<()> {
        let torn = self.file.metadata()?.len().saturating_sub(self.end);
        if torn > 0 {
            term::note(format_args!(
                "cut {torn} bytes off `{}` that were not written to their end",
                self.path.display()
            ));
            self.file.set_len(self.end).with_context(|| self.failed())?;
        }
        Ok(())
    }

    fn start(&mut self, run: &Identity) -> Result<()> {
        self.worth = false;
        self.file.set_len(0).with_context(|| self.failed())?;
        self.end = 0;
        self.write(&serde_json::to_string(&Head { journal: SCHEMA, run: run.clone() })?)?;
        Ok(())
    }

    /// Adds an image.
    ///
    /// # Errors
    /// Where it cannot be written; what was there before is there still.
    pub fn push(&mut self, entry: &Entry) -> Result<Span> {
        let span = self.write(&serde_json::to_string(entry)?)?;
        self.worth = true;
        if self.synced.elapsed() > SYNC {
            self.file.sync_data().with_context(|| self.failed())?;
            self.synced = Instant::now();
        }
        Ok(span)
    }

    fn write(&mut self, line: &str) -> Result<Span> {
        let line = format!("{line}\n");
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
    /// Where the file cannot be read, or was changed by somebody else.
    pub fn read(&mut self, span: Span) -> Result<(Entry, Row)> {
        let failed = || format!("cannot read `{}` again", self.path.display());
        let mut line = vec![0; span.len];
        self.file.seek(SeekFrom::Start(span.at)).with_context(failed)?;
        self.file.read_exact(&mut line).with_context(failed)?;
        Entry::parse(&line).with_context(failed)
    }

    /// Removes the journal of a run that is finished.
    ///
    /// # Errors
    /// Where it cannot be removed.
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
            term::note(format_args!("what is finished is kept in `{}`: go on with `--resume`", self.path.display()));
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
