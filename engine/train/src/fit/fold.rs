//! One fold: all phases with its images held out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::error::TrainError;
use super::outcome::Exported;
use super::rule::Rule;
use super::subject::{Prepared, prepare};
use super::{Options, Watch, alone};
use crate::checkpoint::{Checkpoint, Origin, Position, State as Rest};
use crate::data::{DataError, Dataset, Division};
use crate::device::Place;
use crate::files::WriteError;
use crate::journal::{Journal, Line};
use crate::metrics::Running;
use crate::out_of_fold::OutOfFold;
use crate::progress::Speed;
use crate::recipe::{Average, Recipe};
use crate::step::{LossScale, Scaler, State, Update};
use crate::tensorboard::{self, Board};

/// The name of the file from which a fold continues.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// The data that all folds share.
pub struct Job<'j> {
    pub recipe: &'j Recipe,
    pub folder: &'j Path,
    /// The folder of the networks.
    pub out: &'j Path,
    /// The folder of metrics, curves and predictions.
    pub records: &'j Path,
    /// The folds that this run trains.
    pub folds: &'j [u32],
    pub options: &'j Options,
    pub place: &'j Place,
    pub data: &'j Arc<Dataset>,
    /// See [`Rest::data`].
    pub digest: String,
    pub division: &'j Division,
    /// How masks are made, if the recipe says it.
    pub rule: Option<&'j Rule>,
}

/// A fold in training.
pub struct Fold<'j> {
    pub job: &'j Job<'j>,
    /// Its index among the folds that this run trains.
    pub at: usize,
    pub held_out: u32,
    pub prepared: Prepared,
    pub state: State,
    pub optimizer: Update,
    /// In half precision, the check of gradients.
    pub scaler: Option<Scaler>,
    pub rest: Rest,
    pub speed: Speed,
    pub begun: Instant,
    /// The last validation's mean Dice and area under the ROC curve.
    pub last: Option<(Option<f64>, Option<f64>)>,
    folder: PathBuf,
    /// TensorBoard's file.
    pub board: Option<Board>,
}

/// The seed of a fold: each fold has other initial weights, batches and augmentations.
pub fn seed_of_fold(seed: u64, fold: u32) -> u64 {
    seed.wrapping_add(u64::from(fold).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

impl<'j> Job<'j> {
    fn seed(&self, fold: u32) -> u64 {
        seed_of_fold(self.recipe.seed, fold)
    }

    /// Prepares a fold: from its checkpoint if there is one.
    pub fn fold(&'j self, at: usize, held_out: u32) -> Result<Fold<'j>, TrainError> {
        let recipe = self.recipe;
        let prepared = prepare(recipe, self.folder, self.seed(held_out))?;
        let averaged = recipe.average.is_some();
        let state = State::new(self.place, &prepared.subject, &recipe.optimizer, averaged);
        let state = state.map_err(prepared.failed())?;
        let update = Update::new(self.place, &state, &recipe.optimizer, recipe.average.as_ref());
        let optimizer = update.map_err(prepared.failed())?;
        let scales = recipe.precision.scales_loss();
        let scaler = scales.then(|| Scaler::new(self.place, &state)).transpose().map_err(prepared.failed())?;
        let rest = Rest {
            recipe: recipe.clone(),
            network: prepared.digest.clone(),
            data: self.digest.clone(),
            at: Position { fold: held_out, ..Position::default() },
            updates: 0,
            scale: scales.then(LossScale::default),
            averaged: 0,
            best: None,
            top: Vec::new(),
            plateau: None,
            patience: None,
            losses: Running::default(),
            epoch_seconds: 0.0,
            epoch_images: 0,
            seconds: 0.0,
        };
        let folder = alone::folder(self.out, held_out);
        std::fs::create_dir_all(&folder).map_err(|source| TrainError::folder(&folder, source))?;
        let speed = Speed::default();
        let begun = Instant::now();
        let mut fold = Fold {
            job: self,
            at,
            held_out,
            prepared,
            state,
            optimizer,
            scaler,
            rest,
            speed,
            begun,
            last: None,
            folder,
            board: None,
        };
        fold.resume()?;
        Ok(fold)
    }
}

impl Fold<'_> {
    pub fn checkpoint(&self) -> PathBuf {
        self.folder.join(CHECKPOINT)
    }

    /// The folder of its checkpoint.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn seed(&self) -> u64 {
        self.job.seed(self.held_out)
    }

    fn resume(&mut self) -> Result<(), TrainError> {
        let path = self.checkpoint();
        if !path.exists() {
            return Ok(());
        }
        let shapes = self.state.shapes();
        let origin = Origin {
            recipe: self.job.recipe,
            network: &self.prepared.digest,
            data: &self.job.digest,
            shapes: &shapes,
            fold: self.held_out,
        };
        let checkpoint = Checkpoint::resume(&path, &origin)?;
        self.state.load(&checkpoint.tensors)?;
        self.rest = checkpoint.state;
        Ok(())
    }

    /// Trains the rest of the fold, exports its networks, the best one first, and adds that network's predictions for
    /// its held-out images.
    pub fn run(mut self, out_of_fold: &mut OutOfFold, watch: &mut dyn Watch) -> Result<Vec<Exported>, TrainError> {
        let phases = self.job.recipe.phases.len() as u32;
        let goes_on = self.rest.at > Position { fold: self.held_out, ..Position::default() };
        if self.rest.at.phase < phases {
            if goes_on {
                let Position { fold, phase, epoch, step } = self.rest.at;
                let [fold, phase, epoch, step] = [fold, phase, epoch, step].map(|place| place + 1);
                watch.note(&format!("fold {fold}: continuing at phase {phase}, epoch {epoch}, step {step}"));
            }
            if watch.stops() {
                self.save()?;
                return Err(self.interrupted());
            }
            let mut journal = Journal::resume(&self.job.records.join(super::outcome::METRICS), self.rest.at)?;
            self.board = self.board(watch)?;
            while self.rest.at.phase < phases {
                self.phase(&mut journal, watch)?;
            }
        } else if out_of_fold.has(self.held_out) && self.is_exported() {
            watch.note(&format!("fold {}: already trained", self.held_out + 1));
            return self.as_exported();
        }
        self.finish(out_of_fold, watch)
    }

    /// TensorBoard's file, if it is asked for.
    fn board(&self, watch: &mut dyn Watch) -> Result<Option<Board>, TrainError> {
        if !self.job.options.tensorboard {
            return Ok(None);
        }
        let before = Journal::read(&self.job.records.join(super::outcome::METRICS))?;
        let before: Vec<&Line> = before.iter().filter(|line| line.fold == self.held_out).collect();
        Ok(told(watch, Board::start(&board_folder(self.job.out, self.held_out), &before)))
    }

    /// Adds an epoch to TensorBoard's file.
    pub fn tell_board(&mut self, line: &Line, watch: &mut dyn Watch) {
        self.board = self.board.take().and_then(|mut board| told(watch, board.add(line).map(|()| board)));
    }

    /// Saves a checkpoint: everything that the next step depends on.
    pub fn save(&mut self) -> Result<(), TrainError> {
        self.rest.seconds += self.begun.elapsed().as_secs_f64();
        self.begun = Instant::now();
        let checkpoint = Checkpoint { tensors: self.state.save()?, state: self.rest.clone() };
        Ok(checkpoint.save(&self.checkpoint())?)
    }

    /// The error of a training that the watcher stopped. Its checkpoint must be saved first, unless it is up to date.
    pub fn interrupted(&self) -> TrainError {
        TrainError::Interrupted { checkpoint: self.checkpoint() }
    }

    /// The last good checkpoint, in words, for errors.
    pub fn kept(&self) -> String {
        let checkpoint = self.checkpoint();
        if checkpoint.exists() {
            format!("the last good checkpoint is `{}`", checkpoint.display())
        } else {
            "there was no checkpoint yet".into()
        }
    }

    /// The error of an image that cannot be read after training has started.
    pub fn unreadable(&self, source: DataError) -> TrainError {
        TrainError::Image { kept: self.kept(), source: Box::new(source) }
    }

    /// Whether validation and export use the moving average of the weights.
    pub fn looks_at_average(&self) -> bool {
        matches!(self.job.recipe.average, Some(Average::Ema { .. }))
    }
}

/// The folder of a fold's files for TensorBoard.
pub fn board_folder(out: &Path, fold: u32) -> PathBuf {
    out.join(tensorboard::FOLDER).join(format!("fold{fold}"))
}

/// A file for TensorBoard, unless it cannot be written: a training is worth more than its picture.
fn told<T>(watch: &mut dyn Watch, written: Result<T, WriteError>) -> Option<T> {
    written
        .inspect_err(|error| watch.note(&format!("no more event files for TensorBoard: {}", pleura::chain(error))))
        .ok()
}
