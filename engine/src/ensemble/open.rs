//! Opening an ensemble: from the manifest to stages that can run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fit::{self, Misfit};
use super::member::{Member, Wanted};
use super::merge::Fold;
use super::options::Options;
use super::prepare::Recipe;
use super::stack::Stacker;
use super::stage::{EarlyExit, Merger, Stage};
use super::views::View;
use super::{Ensemble, EnsembleError};
use crate::digest;
use crate::manifest::{self, Exit, Manifest, Merge, Step};
use crate::plugin::{Plugin, PluginError, Role};
use crate::runtime::{self, Device, Loaded, Model, SessionOptions};

/// Everything that opening needs to know, and what it has opened so far.
struct Opening<'a> {
    path: &'a Path,
    runtime: &'static Loaded,
    session: SessionOptions,
    /// Members that name the same file share a session. With each, the SHA-256 of its file.
    models: BTreeMap<PathBuf, (String, Arc<Model>)>,
    /// Whether a model that CUDA refuses may run on the CPU.
    may_fall_back: bool,
    recipes: Vec<(RecipeKey, Recipe)>,
}

/// What makes two recipes the same.
type RecipeKey = (manifest::Intensity, manifest::Size, manifest::Resize, Vec<Step>);

/// Opens an ensemble.
pub fn open(path: &Path, options: &Options) -> Result<Ensemble, EnsembleError> {
    let manifest = Manifest::read(path)?;
    let runtime = runtime::load(options.onnxruntime.as_deref())?;
    let placement = runtime::place(runtime, options.device)?;
    if manifest.runtime.tensorrt && placement.device == Device::Cpu {
        tracing::warn!("`{}` asks for TensorRT, and models run on {placement}", path.display());
    }
    let session = SessionOptions {
        device: placement.device,
        threads: options.threads,
        tensorrt: manifest.runtime.tensorrt,
        fp16: manifest.runtime.fp16,
    };
    let may_fall_back = options.device == Device::Auto;
    let mut opening = Opening { path, runtime, session, models: BTreeMap::new(), may_fall_back, recipes: Vec::new() };
    let postprocess = opening.plugins("postprocess", &manifest.postprocess, &[Role::Postprocess])?;
    let exit = options.exit.unwrap_or(manifest.exit);
    let reads_score = postprocess.iter().any(|plugin| plugin.uses_score());
    let exact = exit == Exit::Exact;
    let classifier = match &manifest.classifier {
        Some(stage) => {
            let early = EarlyExit { pass: exact && !reads_score, fail: exact };
            let wanted = classifier_wants(stage);
            Some(opening.stage("classifier", stage, wanted, early)?)
        }
        None => None,
    };
    let early = EarlyExit { pass: false, fail: exact && !options.keep_maps };
    let scored = manifest.segmenter.gate.as_ref().is_some_and(manifest::Gate::uses_score);
    let segmenter = opening.stage("segmenter", &manifest.segmenter, Wanted { score: scored, map: true }, early)?;
    let models = opening.models.into_values().map(|(_, model)| model).collect();
    let recipes = opening.recipes.into_iter().map(|(_, recipe)| recipe).collect();
    let batch = match (options.batch, placement.device) {
        (0, Device::Cuda(_)) => 8,
        (0, _) => 2,
        (batch, _) => batch,
    };
    Ok(Ensemble {
        path: path.into(),
        classifier,
        segmenter,
        postprocess,
        recipes,
        models,
        placement,
        batch,
        keep_maps: options.keep_maps,
        manifest,
    })
}

/// What the classifier stage is asked for: a map for a gate that looks at it; a score wherever every member that runs
/// gives one. A stack sees one kind, the map if there is a choice to make.
pub fn classifier_wants(stage: &manifest::Stage) -> Wanted {
    let map = stage.gate.as_ref().is_some_and(manifest::Gate::uses_map);
    let stacks_maps = map && matches!(stage.merge, Merge::Stack(_));
    let mut running = stage.members.iter().filter(|member| member.weight > 0.0);
    Wanted { score: !stacks_maps && running.all(manifest::Member::gives_score), map }
}

impl Opening<'_> {
    fn stage(
        &mut self,
        name: &str,
        stage: &manifest::Stage,
        wanted: Wanted,
        exit: EarlyExit,
    ) -> Result<Stage, EnsembleError> {
        let stacked = matches!(stage.merge, Merge::Stack(_));
        let scoreless = !wanted.score || (stacked && wanted.map);
        if scoreless && stage.gate.as_ref().is_some_and(manifest::Gate::uses_score) {
            let why = if stacked { "a stack of maps gives none" } else { "not every member gives one" };
            let message = format!("the gate looks at the stage's score, and {why}");
            return Err(EnsembleError::Model { manifest: self.path.into(), field: format!("{name}.gate"), message });
        }
        let mut members = Vec::new();
        for (index, member) in stage.members.iter().enumerate().filter(|(_, member)| member.weight > 0.0) {
            members.push(self.member(&format!("{name}.members[{index}]"), member)?);
        }
        let merger = match (&stage.merge, Fold::of(&stage.merge)) {
            (Merge::Stack(stack), _) => Merger::Stack(self.stacker(name, stack, members.len(), wanted)?),
            (_, Some(fold)) => Merger::Fold(fold),
            (_, None) => Merger::Fold(Fold::Mean),
        };
        Ok(Stage { merger, gate: stage.gate.clone(), members, wanted, exit })
    }

    fn member(&mut self, field: &str, member: &manifest::Member) -> Result<Member, EnsembleError> {
        let model = self.model(field, &member.model, member.sha256.as_deref())?;
        self.fits(field, fit::member(member, model.inputs(), model.outputs()))?;
        let size = (member.input.size[0] as usize, member.input.size[1] as usize);
        let tta = self.plugins(&format!("{field}.tta"), &member.tta, &[Role::Tta, Role::Prepare])?;
        let named = |source| self.plugin_error(format!("{field}.tta"), source);
        let views = View::list(member.identity, &tta);
        let view_sizes: Vec<_> = views.iter().map(|view| view.size(size)).collect::<Result<_, _>>().map_err(named)?;
        for &view in &view_sizes {
            self.fits(field, fit::view(member, model.inputs(), view).into_iter().collect())?;
        }
        Ok(Member {
            recipe: self.recipe(field, member)?,
            fixed_batch: fit::fixed_batch(model.inputs(), &member.input.name),
            manifest: member.clone(),
            model,
            views,
            view_sizes,
        })
    }

    fn recipe(&mut self, field: &str, member: &manifest::Member) -> Result<usize, EnsembleError> {
        let key = (member.intensity, member.input.size, member.input.resize, member.prepare.clone());
        if let Some(known) = self.recipes.iter().position(|(other, _)| *other == key) {
            return Ok(known);
        }
        let plugins = self.plugins(&format!("{field}.prepare"), &member.prepare, &[Role::Prepare])?;
        let size = (member.input.size[0] as usize, member.input.size[1] as usize);
        let recipe = Recipe { intensity: member.intensity, size, resize: member.input.resize, plugins };
        self.recipes.push((key, recipe));
        Ok(self.recipes.len() - 1)
    }

    fn stacker(
        &mut self,
        name: &str,
        stack: &manifest::Stack,
        members: usize,
        wanted: Wanted,
    ) -> Result<Stacker, EnsembleError> {
        let model = self.model(&format!("{name}.merge"), &stack.model, stack.sha256.as_deref())?;
        self.fits(name, fit::stack(stack, members, wanted.map, model.inputs(), model.outputs()))?;
        Ok(Stacker { manifest: stack.clone(), model })
    }

    fn model(&mut self, field: &str, file: &Path, sha256: Option<&str>) -> Result<Arc<Model>, EnsembleError> {
        let path = self.folder().join(file);
        let wrong = |key: &str, message| EnsembleError::Model {
            manifest: self.path.into(),
            field: format!("{field}.{key}"),
            message,
        };
        let known = self.models.get(&path).cloned();
        let found = match &known {
            Some((digest, _)) => digest.clone(),
            None => {
                digest::file(&path).map_err(|e| wrong("model", format!("cannot read `{}`: {e}", path.display())))?
            }
        };
        if let Some(declared) = sha256.filter(|declared| !declared.eq_ignore_ascii_case(&found)) {
            let message = format!("`{}` has changed: its sha256 is {found}, not {declared}", path.display());
            return Err(wrong("sha256", message));
        }
        if let Some((_, model)) = known {
            return Ok(model);
        }
        let model = Arc::new(Model::open_or_fall_back(self.runtime, &path, self.session, self.may_fall_back)?);
        self.models.insert(path, (found, Arc::clone(&model)));
        Ok(model)
    }

    /// Opens plugins, each of one of the roles that its place allows.
    fn plugins(&self, field: &str, steps: &[Step], roles: &[Role]) -> Result<Vec<Arc<Plugin>>, EnsembleError> {
        let open = |(index, step): (usize, &Step)| {
            let field = format!("{field}[{index}]");
            let plugin =
                Plugin::open(step, self.folder()).map_err(|source| self.plugin_error(field.clone(), source))?;
            if roles.contains(&plugin.role()) {
                return Ok(Arc::new(plugin));
            }
            let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
            let message =
                format!("plugin `{}` is for {}, not for {}", plugin.name(), plugin.role(), roles.join(" or "));
            Err(EnsembleError::Model { manifest: self.path.into(), field, message })
        };
        steps.iter().enumerate().map(open).collect()
    }

    fn plugin_error(&self, field: String, source: PluginError) -> EnsembleError {
        EnsembleError::Plugin { manifest: self.path.into(), field, source: Box::new(source) }
    }

    fn fits(&self, field: &str, misfits: Vec<Misfit>) -> Result<(), EnsembleError> {
        match misfits.into_iter().next() {
            None => Ok(()),
            Some(Misfit { key, message }) => {
                Err(EnsembleError::Model { manifest: self.path.into(), field: format!("{field}.{key}"), message })
            }
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}
