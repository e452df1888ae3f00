//! A recipe with everything that it names, opened and checked before training starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pleura::runtime::{self, Device, Placement};

use super::fold::Job;
use super::rule::Rule;
use super::{Options, TrainError, Watch, subject};
use crate::data::{Dataset, Division};
use crate::device::Place;
use crate::recipe::{Precision, Recipe};

/// The inputs of a training.
pub struct Opened {
    pub recipe: Recipe,
    /// The recipe's folder.
    pub folder: PathBuf,
    /// The output folder; it exists.
    pub out: PathBuf,
    pub data: Arc<Dataset>,
    pub division: Division,
    rule: Option<Rule>,
    place: Place,
    placement: Placement,
    parameters: u64,
}

impl Opened {
    /// Opens the inputs of a training of all folds, or of a single one.
    pub fn new(
        recipe_path: &Path,
        alone: Option<u32>,
        options: &Options,
        watch: &mut dyn Watch,
    ) -> Result<Self, TrainError> {
        let recipe = Recipe::read(recipe_path)?;
        let folder = recipe_path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        subject::files_are_there(&recipe, folder)?;
        let prepared = subject::prepare(&recipe, folder, recipe.seed)?;
        prepared.remarks.iter().for_each(|remark| watch.note(remark));
        let data = Arc::new(subject::dataset(&recipe, folder)?.within(options.decode));
        // without a positive there is nothing to learn: most likely a wrong folder or polarity
        let division = Division::open(folder, &recipe.folds, data.items(), true)?;
        let trained = division.trained();
        if let Some(fold) = alone.filter(|fold| !trained.contains(fold)) {
            return Err(TrainError::NoFold { fold, trained: trained.into() });
        }
        data.remarks().iter().chain(division.remarks()).for_each(|remark| watch.note(remark));

        let loaded = runtime::load(options.onnxruntime.as_deref())?;
        let placement = runtime::place(loaded, options.device)?;
        if recipe.precision != Precision::Fp32 && !matches!(placement.device, Device::Cuda(_)) {
            return Err(TrainError::Precision { device: placement.device });
        }
        let place = Place::new(loaded, placement.device, options.threads)?;
        let parameters = prepared.parameters();
        let rule = Rule::open(&recipe, folder).map_err(|source| TrainError::Postprocess(Box::new(source)))?;
        let out = out(&recipe, options)?;
        Ok(Self { folder: folder.into(), recipe, out, data, division, rule, place, placement, parameters })
    }

    /// Reports what is about to be trained.
    pub fn tell(&self, folds: &[u32], watch: &mut dyn Watch) {
        watch.note(&format!(
            "`{}`: {} images, {} positive; {} of {}; {} parameters; on {}",
            self.recipe.name,
            self.data.items().len(),
            self.data.positives(),
            named(folds),
            self.recipe.folds.count,
            self.parameters,
            self.placement,
        ));
    }

    pub fn job<'j>(&'j self, options: &'j Options, folds: &'j [u32], records: &'j Path) -> Job<'j> {
        Job {
            recipe: &self.recipe,
            folder: &self.folder,
            out: &self.out,
            records,
            folds,
            options,
            place: &self.place,
            data: &self.data,
            digest: subject::digest_of_data(self.data.items(), &self.division),
            division: &self.division,
            rule: self.rule.as_ref(),
        }
    }
}

/// Folds counted from 1, with the names of their files.
fn named(folds: &[u32]) -> String {
    let name = |fold: &u32| format!("{} (`fold{fold}`)", fold + 1);
    let names: Vec<_> = folds.iter().map(name).collect();
    format!("{} {}", if names.len() == 1 { "fold" } else { "folds" }, names.join(", "))
}

fn out(recipe: &Recipe, options: &Options) -> Result<PathBuf, TrainError> {
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from(subject::stem(&recipe.name)));
    if out.is_file() {
        return Err(TrainError::NoFolder { path: out });
    }
    std::fs::create_dir_all(&out).map_err(|source| TrainError::folder(&out, source))?;
    Ok(out)
}
