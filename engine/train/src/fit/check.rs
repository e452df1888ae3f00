//! Finds all faults of a recipe at once: its keys, the files that it names, the network with its weights, the data and
//! their folds.
//!
//! A fault in one place does not hide those in others: the readable part of a recipe is checked.

use std::collections::HashSet;
use std::error::Error;
use std::path::Path;

use pleura::chain;
use pleura::lint::{Diagnostic, Severity};

use super::rule::Rule;
use super::subject::{assemble, load, network};
use crate::data::{DataError, Dataset, Division, Draw, FoldsError, sample};
use crate::recipe::{self, Lint, Recipe, RecipeError};

/// The number of undecodable images that are named.
const MOST_BROKEN: usize = 20;

/// The result of a check.
#[derive(Debug)]
pub struct Checked {
    /// Every problem, in the order of the recipe's lines.
    pub diagnostics: Vec<Diagnostic>,
    /// Harmless oddities: a sentence each.
    pub remarks: Vec<String>,
    /// The number of trainable parameters, including frozen ones; `None` if the network is faulty.
    pub parameters: Option<u64>,
    /// The numbers of images, and of positive ones; `None` if the data are faulty.
    pub images: Option<(usize, usize)>,
}

impl Checked {
    /// Whether the recipe can be trained.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error)
    }
}

/// Checks a recipe; each image is decoded once. Nothing is written, and no network is run.
///
/// # Errors
/// Only if the recipe cannot be read at all.
pub fn check(path: &Path) -> Result<Checked, RecipeError> {
    let lint = recipe::lint(path)?;
    let diagnostics = lint.diagnostics.clone();
    let found = Checked { diagnostics, remarks: Vec::new(), parameters: None, images: None };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut checker = Checker { folder, lint: &lint, absent: HashSet::new(), found };
    if let Some(recipe) = &lint.document {
        checker.files(recipe);
        checker.network(recipe);
        checker.rule(recipe);
        checker.data(recipe);
    }
    let mut found = checker.found;
    found.diagnostics.sort_by_key(|it| (it.line, it.column));
    Ok(found)
}

struct Checker<'a> {
    /// The recipe's folder.
    folder: &'a Path,
    lint: &'a Lint,
    /// The keys whose files do not exist.
    absent: HashSet<&'static str>,
    found: Checked,
}

impl Checker<'_> {
    /// Every file that the recipe names must exist.
    fn files(&mut self, recipe: &Recipe) {
        for (key, path) in recipe.files(self.folder) {
            if !self.is_read(key) || path.exists() {
                continue;
            }
            self.absent.insert(key);
            let hint = "correct the path, which is relative to the recipe";
            self.say(key, format!("`{}` does not exist", path.display()), Some(hint));
        }
    }

    fn network(&mut self, recipe: &Recipe) {
        const MODEL: &str = "network.architecture.model";
        if !self.is_read("network") || self.absent.contains(MODEL) {
            return;
        }
        let (mut model, ports) = match network(recipe, self.folder, recipe.seed) {
            Ok(network) => network,
            Err(error) => return self.fault("network.architecture", &error),
        };
        if self.is_read("weights") && !self.absent.contains("weights.file") {
            match load(&mut model, recipe, self.folder) {
                Ok(remark) => self.found.remarks.extend(remark),
                // without its weights the network can still be checked
                Err(error) => self.fault("weights.file", &error),
            }
        }
        let prepared = assemble(recipe, self.folder, model, ports, Vec::new());
        self.found.parameters = Some(prepared.parameters());
        let mut told = HashSet::new();
        for phase in 0..recipe.phases.len() {
            let key = format!("phases[{phase}]");
            if !self.is_read(&key) || !self.is_read("loss") {
                continue;
            }
            // a fault of the network itself would repeat in every phase
            if let Err(error) = prepared.check(recipe, phase)
                && told.insert(chain(&error))
            {
                self.fault(&key, &error);
            }
        }
    }

    /// Every step of the postprocessing must load.
    fn rule(&mut self, recipe: &Recipe) {
        if self.is_read("postprocess")
            && let Err(error) = Rule::open(recipe, self.folder)
        {
            self.fault("postprocess", &error);
        }
    }

    fn data(&mut self, recipe: &Recipe) {
        if !self.is_read("data") {
            return;
        }
        let truth = ["data.truth.csv", "data.truth.folder"].iter().any(|key| self.absent.contains(key));
        if truth {
            // the images can still be checked
            if let Err(error) = Dataset::find_images(self.folder, &recipe.data) {
                self.fault("data.images", &error);
            }
            return;
        }
        let data = match Dataset::open(self.folder, &recipe.data) {
            Ok(data) => data,
            Err(error @ DataError::Radiograph(_)) => return self.fault("data.images", &error),
            Err(error) => return self.fault("data.truth", &error),
        };
        self.found.remarks.extend(data.remarks().iter().cloned());
        self.found.images = Some((data.items().len(), data.positives()));
        self.pixels(&data);
        if !self.is_read("folds") || self.absent.contains("folds.patients") {
            return;
        }
        match Division::plan(self.folder, &recipe.folds, data.items(), true) {
            Ok(division) => {
                self.found.remarks.extend(division.remarks().iter().cloned());
                self.batches(recipe, &data, &division);
            }
            Err(error) => self.fault(key(&error), &error),
        }
    }

    /// Decodes every image: a training would otherwise end at a broken one, possibly after hours.
    fn pixels(&mut self, data: &Dataset) {
        let broken = match data.broken() {
            Ok(broken) => broken,
            Err(error) => return self.fault("data.images", &error),
        };
        for error in broken.iter().take(MOST_BROKEN) {
            self.fault("data.images", error);
        }
        if broken.len() > MOST_BROKEN {
            let message = format!("{} more images cannot be decoded", broken.len() - MOST_BROKEN);
            self.say("data.images", message, None);
        }
    }

    /// Every epoch must have enough images for a batch.
    fn batches(&mut self, recipe: &Recipe, data: &Dataset, division: &Division) {
        for (number, phase) in recipe.phases.iter().enumerate() {
            let key = format!("phases[{number}]");
            if !self.is_read(&key) {
                continue;
            }
            let shown = |fold: &u32| {
                let draw = Draw { seed: recipe.seed, ..Draw::default() };
                sample(phase.sampling, data.items(), &division.training(*fold), phase.epochs, draw)
            };
            let counts: Result<Vec<_>, _> =
                division.trained().iter().map(|fold| shown(fold).map(|images| images.len())).collect();
            match counts.map(|counts| counts.into_iter().min().unwrap_or_default()) {
                Err(error) => self.fault(&format!("{key}.sampling"), &error),
                Ok(images) if images < phase.batch as usize => {
                    let error = DataError::FewerThanBatch { images, batch: phase.batch as usize };
                    self.fault(&format!("{key}.batch"), &error);
                }
                Ok(_) => {}
            }
        }
    }

    /// Whether a key's value is the file's. Faults of others have been reported, and consequential ones say nothing.
    fn is_read(&self, key: &str) -> bool {
        !self.lint.is_replaced(key) && !self.lint.holds_replaced(key)
    }

    fn fault(&mut self, key: &str, error: &dyn Error) {
        self.say(key, chain(error), None);
    }

    fn say(&mut self, key: &str, message: String, hint: Option<&str>) {
        let (path, line, column) = self.lint.locations.locate(key);
        let (path, field, hint) = (path.to_owned(), key.to_owned(), hint.map(str::to_owned));
        let diagnostic = Diagnostic { severity: Severity::Error, path, line, column, field, message, hint };
        self.found.diagnostics.push(diagnostic);
    }
}

/// The key at fault.
fn key(error: &FoldsError) -> &'static str {
    match error {
        FoldsError::NoPatient { .. } => "folds.patients",
        FoldsError::NoFold { .. } | FoldsError::Range { .. } | FoldsError::Write { .. } => "folds.csv",
        FoldsError::Trained { .. } => "folds.train",
        FoldsError::Few { .. } | FoldsError::Empty { .. } | FoldsError::NoPositives { .. } => "folds.count",
        FoldsError::Table(_) => "folds",
    }
}
