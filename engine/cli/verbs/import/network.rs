//! `pleura import smp`, `timm` and `xrv`: a member for one network.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pleura::Size;
use pleura::import::encoder::{self, Imported, Options};
use pleura::import::torchxrayvision;

use crate::exit::Exit;
use crate::paths::{Checked, Command, Kind, Paths};
use crate::term;
use crate::verbs::submission::size;

#[derive(clap::Args)]
pub struct Args {
    /// The ONNX file.
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Its preprocessing: the dictionary of `smp.encoders.get_preprocessing_params`, or of
    /// `timm.data.resolve_model_data_config`, as JSON.
    #[arg(long, value_name = "JSON")]
    preprocessing: PathBuf,

    /// Size of the input, in pixels. Default: that of the preprocessing or of the model.
    #[arg(long, value_name = "HxW", value_parser = size)]
    size: Option<Size>,

    /// Channel of the outputs that is wanted, counted from 0.
    #[arg(long, value_name = "N")]
    channel: Option<u32>,

    /// Write an ensemble of this segmenter alone and a copy of the model into this folder, instead of printing a member.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(clap::Args)]
pub struct XrvArgs {
    /// The ONNX file.
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// The label that is wanted, one of the network's 18.
    #[arg(long, value_name = "LABEL", default_value = "Pneumothorax")]
    label: String,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_as(Kind::Model, "MODEL", &self.model);
        paths.reads("--preprocessing", &self.preprocessing);
        if let Some(out) = &self.out {
            paths.writes_like("--out", out, ["ensemble.toml", "*.onnx"]);
        }
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        let size = self.size.map(|size| [size.height as u32, size.width as u32]);
        let imported = encoder::import(&self.model, &self.preprocessing, &Options { size, channel: self.channel })?;
        let Some(out) = &self.out else { return Ok(print(&imported)) };
        let Some(ensemble) = imported.ensemble(&self.model) else {
            bail!("the model is a classifier, which alone has no masks: add its member to a manifest, without `--out`");
        };
        written(&ensemble, out)?;
        Ok(Exit::Good)
    }
}

impl Command for XrvArgs {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_as(Kind::Model, "MODEL", &self.model);
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        Ok(print(&torchxrayvision::import(&self.model, &self.label)?))
    }
}

fn print(imported: &Imported) -> Exit {
    imported.remarks.iter().for_each(term::note);
    term::result(imported.member.trim_end());
    Exit::Good
}

/// Writes an import, and says where; the manifest's path.
pub(super) fn written(imported: &pleura::import::Imported, out: &Path) -> Result<PathBuf> {
    let path = imported.write(out)?;
    imported.remarks.iter().for_each(term::note);
    term::result(format_args!("wrote `{}`", path.display()));
    Ok(path)
}
