//! The folders of the demo.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use pleura_demo::committed;
use pleura_train::files;

use crate::term;

/// Prefix of the demo's own files: only they are removed when the demo runs again.
pub const STEM: &str = "phantom-";

/// The demo's folder.
pub struct Place<'a> {
    pub out: &'a Path,
    pub radiographs: PathBuf,
    pub overlays: PathBuf,
    pub ensemble: PathBuf,
}

impl<'a> Place<'a> {
    /// Creates the folders, and removes the radiographs of an earlier run.
    pub fn new(out: &'a Path) -> Result<Self> {
        let [radiographs, overlays, ensemble] = ["radiographs", "overlays", "ensemble"].map(|name| out.join(name));
        let place = Self { out, radiographs, overlays, ensemble };
        place.ensure_ours()?;
        for folder in [&place.radiographs, &place.overlays, &place.networks()] {
            fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        }
        clear(&place.radiographs)?;
        clear(&place.overlays)?;
        Ok(place)
    }

    /// # Errors
    /// If the folder holds files, but none of a demo: the demo might replace them.
    fn ensure_ours(&self) -> Result<()> {
        let holds_files = fs::read_dir(self.out).is_ok_and(|mut entries| entries.next().is_some());
        if holds_files && !self.networks().is_dir() {
            bail!("`{}` is not empty, and not a demo's folder: name another with `--out`", self.out.display());
        }
        Ok(())
    }

    pub fn submission(&self) -> PathBuf {
        self.out.join("submission.csv")
    }

    pub fn truth(&self) -> PathBuf {
        self.out.join("truth.csv")
    }

    pub fn findings(&self) -> PathBuf {
        self.out.join("findings.jsonl")
    }

    pub fn manifest(&self) -> PathBuf {
        self.ensemble.join(committed::MANIFEST.path)
    }

    /// The folder of networks and recipes, and of the files that these name.
    pub fn networks(&self) -> PathBuf {
        self.ensemble.join("demo")
    }

    /// Writes the ensemble. Existing files are kept and used: they may have been edited or trained.
    pub fn unpack(&self) -> Result<()> {
        let manifest = pleura::manifest::json_schema();
        let recipe = pleura_train::recipe::json_schema();
        for (name, schema) in [("manifest.schema.json", manifest), ("recipe.schema.json", recipe)] {
            files::write(&self.ensemble.join(name), schema)?;
        }
        let networks = committed::NETWORKS.into_iter().flat_map(|network| [network.recipe, network.model]);
        let mut others = Vec::new();
        for file in std::iter::once(committed::MANIFEST).chain(networks) {
            let path = self.ensemble.join(file.path);
            match pleura_files::regular::read(&path) {
                Ok(bytes) if bytes == file.bytes => {}
                Ok(_) => others.push(file.path),
                Err(_) => files::write(&path, file.bytes)?,
            }
        }
        if !others.is_empty() {
            let (folder, others) = (self.ensemble.display(), others.join("`, `"));
            term::note(format_args!("`{folder}` was edited: running your `{others}`"));
        }
        Ok(())
    }

    /// Prints what to open, and what to try next.
    pub fn farewell(&self, trained: bool) {
        let (out, manifest) = (self.out.display(), self.manifest());
        let manifest = manifest.display();
        let program = std::env::args().next().unwrap_or_else(|| "pleura".into());
        let (learned, train) = if trained {
            let text = format!("\n  {out}/training/  how the networks learned: curves.svg, metrics.jsonl, oof.csv");
            (text, String::new())
        } else {
            let text = format!(
                "\nor retrain the networks from the recipes in {out}/ensemble/demo\n  {program} demo --out {out} \
                 --train"
            );
            (String::new(), text)
        };
        term::note(format_args!(
            "
open
  {out}/report.html  numbers, charts and every case, the worst first
  {out}/overlays/  radiograph, truth and prediction side by side
  {out}/submission.csv  the submission, ImageId,EncodedPixels; the truth is in {out}/truth.csv
  {out}/findings.jsonl  what was found in each image, and how it was decided
  {manifest}  the ensemble, with every key explained{learned}

try next: edit the ensemble, then
  {program} check {manifest}
  {program} predict {manifest} {out}/radiographs --out {out}/mine.csv
  {program} score {out}/mine.csv {out}/truth.csv
or other radiographs
  {program} demo --out {out} --seed 2{train}"
        ));
    }
}

/// Removes the files of an earlier demo from a folder.
fn clear(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read the folder `{}`", folder.display()))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STEM)) {
            fs::remove_file(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
    }
    Ok(())
}
