//! Finds all faults of an ensemble at once: the manifest, the models, the plugins.
//!
//! A fault in one place does not hide those in others: the readable part of a manifest is checked.

mod model;
mod step;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::Size;
use crate::chain;
use crate::ensemble::model_file::MAX_MODEL_BYTES;
use crate::ensemble::{Options, classifier_wants};
use crate::manifest::{self, Diagnostic, Folder, Lint, Manifest, ManifestError, Member, Merge, Severity};
use crate::runtime::{self, Device, Loaded, Placement, SessionOptions};

/// The result of a check.
#[derive(Debug, Default)]
pub struct Report {
    /// Every problem, in the order of the manifest's lines.
    pub diagnostics: Vec<Diagnostic>,
    /// Where models run, with the reason; `None` if ONNX Runtime or the device is unavailable.
    pub placement: Option<Placement>,
    /// Each model that loaded.
    pub sessions: Vec<Session>,
    /// Each model that does not exist yet and has a recipe.
    pub missing: Vec<Missing>,
    /// Each plugin that loaded, by name and version.
    pub plugins: Vec<String>,
}

/// A model that loaded and ran a batch of zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The key of the member or stack.
    pub field: String,
    /// The ONNX file.
    pub path: PathBuf,
    /// The execution providers that it got, as ONNX Runtime reports: `CPUExecutionProvider 74 nodes`.
    pub providers: String,
}

/// A model that does not exist yet and can be trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The key that names it.
    pub field: String,
    /// The ONNX file.
    pub path: PathBuf,
    /// The recipe that trains it.
    pub recipe: PathBuf,
}

impl Report {
    /// Whether the ensemble has no faults; models may be [missing](Report::missing).
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error)
    }
}

/// Checks an ensemble; problems with ONNX Runtime or the device are among the diagnostics. Of the options, only the
/// device, its memory, the runtime, files outside of the manifest's folder and the size of models are used.
///
/// # Errors
/// Only if the manifest cannot be read at all.
pub fn check(path: &Path, options: &Options) -> Result<Report, ManifestError> {
    let lint = manifest::lint(path)?;
    let mut checker = Checker {
        folder: Folder::containing(path, options.allow_outside),
        outside: HashSet::new(),
        most_bytes: options.max_model_bytes.unwrap_or(MAX_MODEL_BYTES),
        device_memory: options.device_memory,
        lint: &lint,
        engine: None,
        report: Report { diagnostics: lint.diagnostics.clone(), ..Report::default() },
    };
    checker.load(options.devices.first().copied().unwrap_or_default(), options.onnxruntime.as_deref());
    checker.ensemble();
    let mut report = checker.report;
    let order = |it: &Diagnostic| lint.locations.order(it);
    report.diagnostics.sort_by(|a, b| (order(a), &a.message).cmp(&(order(b), &b.message)));
    report.diagnostics.dedup();
    Ok(report)
}

struct Checker<'a> {
    folder: Folder,
    /// The keys whose files must not be opened.
    outside: HashSet<String>,
    /// The largest allowed size of a model in bytes.
    most_bytes: u64,
    /// The memory limit of models in bytes.
    device_memory: Option<usize>,
    lint: &'a Lint,
    engine: Option<(&'static Loaded, SessionOptions)>,
    report: Report,
}

impl Checker<'_> {
    fn load(&mut self, device: Device, onnxruntime: Option<&Path>) {
        let runtime = match runtime::load(onnxruntime) {
            Ok(runtime) => runtime,
            Err(error) => return self.error("", chain(&error), None),
        };
        match runtime::place(runtime, device) {
            Ok(placement) => {
                let keys = self.lint.document.as_ref().map(|manifest| manifest.runtime).unwrap_or_default();
                let options = SessionOptions {
                    device: placement.device,
                    threads: 0,
                    tensorrt: keys.tensorrt,
                    fp16: keys.fp16,
                    memory: self.device_memory,
                };
                if keys.tensorrt && placement.device == Device::Cpu {
                    self.warn("runtime.tensorrt", format!("requested, but models run on {placement}"), None);
                }
                self.engine = Some((runtime, options));
                self.report.placement = Some(placement);
            }
            Err(error) => self.error("", chain(&error), None),
        }
    }

    fn ensemble(&mut self) {
        let lint = self.lint;
        let Some(manifest) = &lint.document else { return };
        self.files(manifest);
        let size = Size::from(manifest.output.size.unwrap_or([256, 256]));
        if let Some(crop) = &manifest.crop {
            let own = crop.members.first().map(|member| member.input.size.into());
            self.stage("crop", &crop.members, &crop.merge, own);
        }
        if let Some(stage) = &manifest.classifier {
            self.stage("classifier", &stage.members, &stage.merge, classifier_wants(stage).map.then_some(size));
        }
        self.stage("segmenter", &manifest.segmenter.members, &manifest.segmenter.merge, Some(size));
        self.postprocess("postprocess", &manifest.postprocess);
    }

    /// Checks that named files are in the manifest's folder.
    fn files(&mut self, manifest: &Manifest) {
        for base in self.lint.extended() {
            if let Err(error) = self.folder.resolve(base) {
                self.error("extends", chain(&error), None);
            }
        }
        for (field, file) in manifest.files() {
            if let Err(error) = self.folder.resolve(file) {
                self.error(&field, chain(&error), None);
                self.outside.insert(field);
            }
        }
    }

    /// `maps` is the size of the maps that the stage merges, if it merges maps.
    fn stage(&mut self, name: &str, members: &[Member], merge: &Merge, maps: Option<Size>) {
        for (index, member) in members.iter().enumerate() {
            let field = format!("{name}.members[{index}]");
            self.member(&field, member);
            self.prepare(&field, member);
            self.postprocess(&format!("{field}.postprocess"), &member.postprocess);
            self.recipe(&format!("{field}.recipe"), member.recipe.as_deref());
        }
        if let Merge::Stack(stack) = merge {
            self.stack(name, stack, members.len(), maps);
            self.recipe(&format!("{name}.merge.recipe"), stack.recipe.as_deref());
        }
    }

    /// Checks that a named recipe exists.
    fn recipe(&mut self, field: &str, recipe: Option<&Path>) {
        let Some(path) = recipe.map(|recipe| self.resolve(recipe)) else { return };
        if self.outside.contains(field) {
            return;
        }
        if !path.is_file() {
            let hint = Some("correct the path, which is relative to the manifest, or leave it out".into());
            self.error(field, format!("`{}` does not exist", path.display()), hint);
        }
    }

    fn error(&mut self, field: &str, message: String, hint: Option<String>) {
        self.say(Severity::Error, field, message, hint);
    }

    fn warn(&mut self, field: &str, message: String, hint: Option<String>) {
        self.say(Severity::Warning, field, message, hint);
    }

    fn say(&mut self, severity: Severity, field: &str, message: String, hint: Option<String>) {
        // What the lint replaced by a plausible value has been reported, and checking it would say nothing.
        if self.lint.is_replaced(field) || self.lint.holds_replaced(field) {
            return;
        }
        let (path, line, column) = self.lint.locations.locate(field);
        let (path, field) = (path.to_owned(), field.to_owned());
        self.report.diagnostics.push(Diagnostic { severity, path, line, column, field, message, hint });
    }

    /// Resolves a path relative to the manifest.
    fn resolve(&self, file: &Path) -> PathBuf {
        self.folder.path().join(file)
    }
}
