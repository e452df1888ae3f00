//! `pleura export`: a recipe's network with given weights as ONNX.

use std::path::PathBuf;

use anyhow::Result;
use pleura_train::fit;

use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::term;

#[derive(clap::Args)]
pub struct Args {
    /// Recipe (TOML) of the network.
    recipe: PathBuf,

    /// File of weights (`.pth`, `.safetensors` or `.onnx`), with the recipe's `[weights]` for its other keys. Default:
    /// the recipe's `weights.file`.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// The ONNX file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_recipe("RECIPE", &self.recipe);
        paths.reads_any("--weights", &self.weights);
        paths.writes("--out", &self.out);
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        let remark = fit::export(&self.recipe, self.weights.as_deref(), &self.out)?;
        term::note(remark);
        term::result(self.out.display());
        Ok(Exit::Good)
    }
}
