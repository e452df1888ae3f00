//! `pleura models`: what an ONNX file is.

use std::path::PathBuf;

use pleura::models;

use crate::exit::Exit;
use crate::paths::{Checked, Command, Kind, Paths};
use crate::term;

#[derive(clap::Subcommand)]
pub enum Args {
    /// Show a model's inputs, outputs, opset and weights, and a member of a manifest to start from.
    Show(ShowArgs),
}

#[derive(clap::Args)]
pub struct ShowArgs {
    /// The ONNX file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> anyhow::Result<()> {
        let Self::Show(ShowArgs { file }) = self;
        paths.reads_as(Kind::Model, "FILE", file);
        Ok(())
    }

    fn run(&self, _: &Checked) -> anyhow::Result<Exit> {
        let Self::Show(ShowArgs { file }) = self;
        let description = models::describe(file)?;
        term::result(&description);
        match description.member() {
            Some(member) => term::result(format_args!("\n{}", member.trim_end())),
            None => term::note(
                "no member to start from: expected one input of (batch, channels, height, width) with 1 or 3 channels, \
                 and an output that is a map or a score",
            ),
        }
        Ok(Exit::Good)
    }
}
