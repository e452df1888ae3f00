//! `pleura import nnunet`: a manifest of an nnU-Net, compared with nnU-Net's own answers.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use pleura::Radiograph;
use pleura::ensemble::Ensemble;
use pleura::import::nnunet::{self, Difference, Expected, Options, Target};

use super::network::written;
use crate::engine::EngineArgs;
use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::term::{self, Skips};

/// The end of the names of nnU-Net's images: their first channel.
const FIRST_CHANNEL: &str = "_0000";

#[derive(clap::Args)]
pub struct Args {
    /// The folder that the script wrote: `nnunet.json` and the folds as ONNX files.
    folder: PathBuf,

    /// Folder for `ensemble.toml` and copies of the folds.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The label that becomes the mask. Default: the only one besides the background.
    #[arg(long, value_name = "NAME")]
    label: Option<String>,

    /// Leave nnU-Net's own postprocessing out.
    #[arg(long)]
    no_postprocessing: bool,

    /// Images to compare on: files, folders or globs.
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "expected", help_heading = "Proof")]
    images: Vec<PathBuf>,

    /// nnU-Net's own predictions of these images: NAME.npz (`--save_probabilities`), NAME.png, or both.
    #[arg(long, value_name = "DIR", requires = "images", help_heading = "Proof")]
    expected: Option<PathBuf>,

    /// Largest difference of a probability, or share of a mask's pixels, that is no failure. nnU-Net itself adds logits
    /// up in half precision, which moves single probabilities by up to 0.009.
    #[arg(long, value_name = "P", default_value_t = 0.01, help_heading = "Proof")]
    tolerance: f32,

    #[command(flatten)]
    engine: EngineArgs,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads("FOLDER", &self.folder);
        for file in self.folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()) {
            paths.reads("FOLDER", &file);
        }
        paths.reads_any("--expected", &self.expected);
        paths.writes_like("--out", &self.out, ["ensemble.toml", "*.onnx"]);
        self.engine.paths(paths);
        if !self.images.is_empty() {
            paths.images("--images", &self.images)?;
        }
        Ok(())
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        let options = Options { label: self.label.clone(), no_postprocessing: self.no_postprocessing };
        let (imported, target) = nnunet::import(&self.folder, &options)?;
        let manifest = written(&imported, &self.out)?;
        match &self.expected {
            Some(expected) => self.prove(&manifest, expected, &target, checked.images()),
            None => Ok(Exit::Good),
        }
    }
}

impl Args {
    /// Compares the ensemble that was written with nnU-Net's own answers.
    fn prove(&self, manifest: &Path, folder: &Path, target: &Target, images: &[PathBuf]) -> Result<Exit> {
        let ensemble = self.engine.open(manifest, Ensemble::options().keep_maps(true))?;
        let skips = Skips::unlisted("image");
        let (mut compared, mut failed) = (0, 0);
        for path in images {
            match compare(&ensemble, folder, target, path) {
                Ok(difference) => {
                    compared += 1;
                    failed += usize::from(!self.is_small(difference));
                    term::result(format_args!("{}: {}", path.display(), text(difference)));
                }
                Err(error) => skips.file(path, &error),
            }
        }
        ensure!(compared > 0, "no image could be compared with an answer in `{}`", folder.display());
        let images = term::quantity(compared, "image");
        term::result(format_args!("{images} compared, {failed} beyond {}", self.tolerance));
        Ok(if failed + skips.count() > 0 { Exit::Skipped } else { Exit::Good })
    }

    fn is_small(&self, Difference { probability, pixels }: Difference) -> bool {
        let share = pixels.map(|(differ, of)| differ as f32 / of as f32);
        probability.or(share).is_none_or(|difference| difference <= self.tolerance)
    }
}

fn compare(ensemble: &Ensemble, folder: &Path, target: &Target, path: &Path) -> Result<Difference> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let names = [stem.strip_suffix(FIRST_CHANNEL).unwrap_or(&stem), &stem];
    let mut expected = None;
    for name in names {
        expected = expected.or(Expected::read(folder, name, target)?);
    }
    let expected = expected.with_context(|| format!("no answer to `{}` in `{}`", names[0], folder.display()))?;
    let finding = ensemble.predict(&Radiograph::open(path)?)?;
    expected.compare(&finding).map_err(|message| anyhow!(message))
}

fn text(Difference { probability, pixels }: Difference) -> String {
    let probability = probability.map(|difference| format!("probabilities differ by up to {difference:.1e}"));
    let pixels = pixels.map(|(differ, of)| format!("{differ} of {of} pixels of the mask differ"));
    probability.into_iter().chain(pixels).collect::<Vec<_>>().join(", ")
}
