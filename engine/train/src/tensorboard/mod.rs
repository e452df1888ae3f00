//! Event files for TensorBoard: a training's metrics, while it runs.
//!
//! Each fold has a folder, which TensorBoard shows as a run, and each start of a training a file in it. A file begins
//! at the step from which the training goes on: TensorBoard then drops what earlier files say of later steps, as the
//! journal does.

mod event;
mod record;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::SystemTime;

use prost::Message;

use crate::files::WriteError;
use crate::journal::Line;
use event::{Event, Session, Summary, Value, What};

/// The folder of event files, in a training's output folder.
pub const FOLDER: &str = "tensorboard";

/// The beginning of an event file's name.
pub(crate) const PREFIX: &str = "events.out.tfevents.";

/// A number that no other file of this process has.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// An event file that is being written.
#[derive(Debug)]
pub struct Board {
    path: PathBuf,
    file: File,
}

impl Board {
    /// Starts a file in `folder` for a training that goes on after `before`, the fold's epochs so far. In a folder
    /// without files, these come first.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn start(folder: &Path, before: &[&Line]) -> Result<Self, WriteError> {
        let failed = |source| WriteError { path: folder.into(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let is_first = !has_files(folder).map_err(failed)?;
        let path = folder.join(name());
        let opened = OpenOptions::new().append(true).create_new(true).open(&path);
        let mut board = Self { file: opened.map_err(|source| WriteError { path: path.clone(), source })?, path };
        let next = before.last().map_or(0, |line| line.step as i64 + 1);
        board.put(0, What::FileVersion("brain.Event:2".into()))?;
        if is_first {
            before.iter().try_for_each(|line| board.add(line))?;
        } else {
            board.put(next, What::Session(Session { status: event::START }))?;
        }
        Ok(board)
    }

    /// Adds an epoch's metrics, and hands them to the system.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn add(&mut self, line: &Line) -> Result<(), WriteError> {
        let value = |(tag, value): (String, f64)| Value { tag, simple: value as f32 };
        let values = scalars(line).into_iter().map(value).collect();
        self.put(line.step as i64, What::Summary(Summary { values }))
    }

    fn put(&mut self, step: i64, what: What) -> Result<(), WriteError> {
        let seconds = SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64());
        let event = Event { wall_time: seconds, step, what: Some(what) };
        let written = self.file.write_all(&record::framed(&event.encode_to_vec())).and_then(|()| self.file.flush());
        written.map_err(|source| WriteError { path: self.path.clone(), source })
    }
}

/// An epoch's numbers by their names in TensorBoard, which groups them by what precedes the slash.
fn scalars(line: &Line) -> Vec<(String, f64)> {
    let mut scalars = vec![
        ("loss/training".to_owned(), line.loss),
        ("training/lr".to_owned(), line.lr.into()),
        ("training/images per second".to_owned(), line.images_per_second),
    ];
    if line.terms.len() > 1 {
        let term = |(name, loss): (&String, &Option<f64>)| Some((format!("terms/{name}"), (*loss)?));
        scalars.extend(line.terms.iter().filter_map(term));
    }
    let figures = [
        ("loss/validation", line.validation_loss),
        ("held out/Dice", line.dice),
        ("held out/Dice of positives", line.dice_positives),
        ("held out/IoU", line.iou),
        ("held out/AUC", line.auc),
    ];
    scalars.extend(figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    scalars
}

fn has_files(folder: &Path) -> io::Result<bool> {
    for entry in folder.read_dir()? {
        if entry?.file_name().to_string_lossy().starts_with(PREFIX) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER`: TensorBoard reads the files of a folder in the order of their names.
fn name() -> String {
    let seconds = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let number = NUMBER.fetch_add(1, Relaxed);
    format!("{PREFIX}{seconds:010}.pleura.{}.{number}", std::process::id())
}
