//! `pleura import`: manifests of networks as other tools describe them.

mod network;
mod nnunet;

use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::term;

#[derive(clap::Subcommand)]
pub enum Args {
    /// Import an nnU-Net v2 model (2D) that the script of `pleura import script` exported.
    Nnunet(Box<nnunet::Args>),
    /// Print the Python script that exports an nnU-Net's folder, to be run where nnU-Net is.
    Script,
    /// Print a manifest's member for an export of segmentation_models_pytorch, with its preprocessing.
    Smp(network::Args),
    /// Print a manifest's member for an export of timm, with its data configuration.
    Timm(network::Args),
    /// Print a manifest's member for an export of a torchxrayvision classifier, for one of its labels.
    Xrv(network::XrvArgs),
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> anyhow::Result<()> {
        match self {
            Self::Nnunet(args) => args.paths(paths),
            Self::Script => Ok(()),
            Self::Smp(args) | Self::Timm(args) => args.paths(paths),
            Self::Xrv(args) => args.paths(paths),
        }
    }

    fn run(&self, checked: &Checked) -> anyhow::Result<Exit> {
        match self {
            Self::Nnunet(args) => args.run(checked),
            Self::Script => {
                term::result(pleura::import::nnunet::SCRIPT.trim_end());
                Ok(Exit::Good)
            }
            Self::Smp(args) | Self::Timm(args) => args.run(checked),
            Self::Xrv(args) => args.run(checked),
        }
    }
}
