//! Opening an ensemble: from the manifest to stages that can run.

mod ahead;
mod devices;
mod member;
pub mod model_file;
mod options;
mod parts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::Size;
use crate::ensemble::Ensemble;
use crate::ensemble::EnsembleError;
use crate::ensemble::device::clock::Clock;
use crate::ensemble::member::Member;
use crate::ensemble::member::cache::{Cache, Counts};
use crate::ensemble::member::inputs::InputGroup;
use crate::ensemble::member::part::Part;
use crate::ensemble::member::prepare::Recipe;
use crate::ensemble::member::weights::{Opener, Source};
use crate::ensemble::stage::crop::Crop;
use crate::ensemble::stage::gate::Gate;
use crate::ensemble::stage::merge::MergeAccumulator;
use crate::ensemble::stage::{EarlyExit, Merger, Stage};
use crate::ensemble::task::RequiredOutputs;
use crate::manifest::{self, Exit, Folder, Manifest, Merge, Step};
use crate::plugin::{Plugin, PluginOptions, Role};
use crate::pool::Pool;
use crate::runtime;
use model_file::MAX_MODEL_BYTES;

pub use options::Options;

/// The settings of opening, and what has been opened so far.
struct Opening<'a> {
    path: &'a Path,
    folder: Folder,
    /// The largest allowed size of a model in bytes.
    most_bytes: u64,
    opener: Opener,
    plugin_options: &'a PluginOptions,
    /// Members that name the same file share a session.
    sources: BTreeMap<PathBuf, Arc<Source>>,
    plugins: Vec<Arc<Plugin>>,
    /// Whether models are opened on first use.
    lazy: bool,
    /// Whether each image is predicted only by weights that have not seen it.
    out_of_fold: bool,
    recipes: Vec<(RecipeKey, Recipe)>,
    inputs: Vec<(InputKey, InputGroup)>,
}

/// The values by which members' inputs are compared.
#[derive(PartialEq)]
struct InputKey {
    recipe: usize,
    input: manifest::Input,
    identity: bool,
    tta: Vec<Step>,
}

/// The values by which recipes are compared.
#[derive(PartialEq)]
struct RecipeKey {
    intensity: manifest::Intensity,
    size: manifest::Sides,
    resize: manifest::Resize,
    fit: manifest::Fit,
    normalize: manifest::Normalize,
    prepare: Vec<Step>,
    part: Part,
    /// The intensity around a small image depends on these.
    zero: Option<(f32, Vec<f32>, manifest::Unit)>,
}

/// A stage as declared in a manifest.
struct Declared<'a> {
    name: &'static str,
    members: &'a [manifest::Member],
    merge: &'a Merge,
    gate: Option<&'a manifest::Gate>,
    /// The outputs that are merged.
    wanted: RequiredOutputs,
    exit: EarlyExit,
    /// The probability above which a pixel is in a member's own mask, if members' masks are compared.
    compared_above: Option<f32>,
}

/// Opens an ensemble.
pub fn open(mut manifest: Manifest, path: &Path, options: &Options) -> Result<Ensemble, EnsembleError> {
    let folder = Folder::containing(path, options.allow_outside);
    parts::files_are_inside(path, &manifest, &folder)?;
    if let Some(Size { height, width }) = options.output_size {
        manifest.output = manifest::Output { size: Some([height as u32, width as u32]), mask_size: None };
    }
    let pool = Pool::shared(options.threads).map_err(EnsembleError::Threads)?;
    let runtime = runtime::load(options.onnxruntime.as_deref())?;
    let placements = devices::placements(runtime, options)?;
    let mut opening = Opening {
        path,
        folder,
        most_bytes: options.max_model_bytes.unwrap_or(MAX_MODEL_BYTES),
        opener: devices::opener(runtime, &manifest, path, &placements, options),
        plugin_options: &options.plugins,
        sources: BTreeMap::new(),
        plugins: Vec::new(),
        lazy: options.cache.is_some(),
        out_of_fold: options.folds.is_some(),
        recipes: Vec::new(),
        inputs: Vec::new(),
    };
    let postprocess = opening.plugins("postprocess", &manifest.postprocess, &[Role::Postprocess])?;
    opening.open_ahead(&manifest);
    let crop = opening.crop(&manifest)?;
    let exact = options.exit.unwrap_or(manifest.exit) == Exit::Exact;
    // The segmenters come first, because they determine whether the classifier's exact score is needed.
    // What a rule of referral reads has to be exact, too.
    let refer = manifest.refer.as_ref();
    let compared = refer.is_some_and(|refer| refer.dice_below.is_some());
    let segmenter = opening.segmenter(&manifest, exact && !options.keep_maps && !compared)?;
    let fail = exact && !refer.is_some_and(manifest::Refer::reads_classifiers);
    let pass = fail && !score_is_read(&segmenter, &postprocess);
    let classifier = opening.classifier(&manifest, EarlyExit { pass, fail })?;
    let batch = devices::batch(options.batch, placements[0].device);
    Ok(Ensemble {
        path: path.into(),
        resolved_sha256: None,
        crop,
        classifier,
        segmenter,
        steps: postprocess.iter().map(|plugin| plugin.name().to_owned()).collect(),
        postprocess,
        recipes: opening.recipes.into_iter().map(|(_, recipe)| recipe).collect(),
        inputs: opening.inputs.into_iter().map(|(_, group)| group).collect(),
        sources: opening.sources.into_values().collect(),
        plugins: opening.plugins,
        cache: cache(options)?,
        counts: Counts::default(),
        folds: options.folds.clone(),
        devices: placements.into_iter().map(|placement| (placement, Mutex::new(()))).collect(),
        clock: Clock::default(),
        pool,
        batch,
        memory: options.memory,
        keep_maps: options.keep_maps,
        manifest,
    })
}

fn cache(options: &Options) -> Result<Option<Cache>, EnsembleError> {
    let opened = options.cache.as_ref().map(|(folder, form)| {
        Cache::open(folder, *form).map_err(|source| EnsembleError::Cache { folder: folder.clone(), source })
    });
    opened.transpose()
}

/// Whether anything after the classifier uses its score, not only its decision.
fn score_is_read(segmenter: &Stage, postprocess: &[Arc<Plugin>]) -> bool {
    let own_steps = segmenter.members.iter().flat_map(|member| &member.postprocess).map(|(_, plugin)| plugin);
    postprocess.iter().chain(own_steps).any(|plugin| plugin.uses_score())
        || segmenter.members.iter().any(|member| member.manifest.times_score)
}

/// What the classifier stage merges: maps for a gate that reads them; scores if every member that runs gives one. A
/// stack takes only one kind, the map if both are possible.
pub fn classifier_wants(stage: &manifest::Stage) -> RequiredOutputs {
    let map = stage.gate.iter().flat_map(manifest::Gate::tests).any(manifest::Gate::reads_merged_map);
    let stacks_maps = map && matches!(stage.merge, Merge::Stack(_));
    let mut running = stage.members.iter().filter(|member| member.weight > 0.0);
    RequiredOutputs { score: !stacks_maps && running.all(manifest::Member::gives_score), map }
}

/// The crop stage, if there is one and some member uses its box.
fn running_crop(manifest: &Manifest) -> Option<&manifest::Crop> {
    let stages = manifest.classifier.iter().chain([&manifest.segmenter]);
    let mut members = stages.flat_map(|stage| &stage.members);
    let wanted = members.any(|member| member.crop && member.weight > 0.0);
    manifest.crop.as_ref().filter(|_| wanted)
}

impl Opening<'_> {
    fn crop(&mut self, manifest: &Manifest) -> Result<Option<Crop>, EnsembleError> {
        let Some(crop) = running_crop(manifest) else { return Ok(None) };
        let stage = self.stage(&Declared {
            name: "crop",
            members: &crop.members,
            merge: &crop.merge,
            gate: None,
            wanted: RequiredOutputs { score: false, map: true },
            exit: EarlyExit { pass: false, fail: false },
            compared_above: None,
        })?;
        Ok(Some(Crop::new(stage, crop)))
    }

    fn classifier(&mut self, manifest: &Manifest, exit: EarlyExit) -> Result<Option<Stage>, EnsembleError> {
        let Some(stage) = &manifest.classifier else { return Ok(None) };
        let wanted = classifier_wants(stage);
        let (members, merge, gate) = (&stage.members, &stage.merge, stage.gate.as_ref());
        self.stage(&Declared { name: "classifier", members, merge, gate, wanted, exit, compared_above: None }).map(Some)
    }

    fn segmenter(&mut self, manifest: &Manifest, early: bool) -> Result<Stage, EnsembleError> {
        let stage = &manifest.segmenter;
        let scored = stage.gate.iter().flat_map(manifest::Gate::tests).any(manifest::Gate::reads_merged_score);
        self.stage(&Declared {
            name: "segmenter",
            members: &stage.members,
            merge: &stage.merge,
            gate: stage.gate.as_ref(),
            wanted: RequiredOutputs { score: scored, map: true },
            exit: EarlyExit { pass: false, fail: early },
            compared_above: Some(manifest.agreement.above),
        })
    }

    fn stage(&mut self, declared: &Declared<'_>) -> Result<Stage, EnsembleError> {
        let &Declared { name, merge, gate, wanted, exit, .. } = declared;
        let stacked = matches!(merge, Merge::Stack(_));
        let scoreless = !wanted.score || (stacked && wanted.map);
        if scoreless && gate.iter().flat_map(|gate| gate.tests()).any(manifest::Gate::reads_merged_score) {
            let why = if stacked { "a stack of maps has none" } else { "not every member has one" };
            let message = format!("the gate needs the stage's score, but {why}");
            return Err(EnsembleError::Model { manifest: self.path.into(), field: format!("{name}.gate"), message });
        }
        let running: Vec<_> = declared.members.iter().enumerate().filter(|(_, member)| member.weight > 0.0).collect();
        let names: Vec<&str> = running.iter().map(|(_, member)| member.name.as_str()).collect();
        let scored: Vec<usize> = (0..running.len()).filter(|&place| running[place].1.gives_score()).collect();
        let gate = gate.map(|gate| Gate::new(gate, &names, &scored));
        let mut members: Vec<Member> = Vec::new();
        for (place, (index, member)) in running.iter().enumerate() {
            let wanted = gate.as_ref().map_or(wanted, |gate| wanted.or(gate.wants(place)));
            members.push(self.member(&format!("{name}.members[{index}]"), member, wanted)?);
        }
        let merger = match (merge, MergeAccumulator::from_manifest(merge)) {
            (Merge::Stack(stack), _) => Merger::Stack(self.stacker(name, stack, members.len(), wanted)?),
            (_, Some(fold)) => Merger::MergeAccumulator(fold),
            (_, None) => Merger::MergeAccumulator(MergeAccumulator::Mean),
        };
        let shifted = members.iter().any(Member::is_shifted);
        let compared_above = declared.compared_above.filter(|_| members.len() > 1);
        Ok(Stage { merger, gate, members, wanted, exit, shifted, compared_above })
    }
}
