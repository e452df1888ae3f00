//! `pleura plugins`.

use crate::exit::Exit;

#[derive(clap::Subcommand)]
pub enum Args {
    /// Not written yet.
    Todo,
}

pub fn run(_args: &Args) -> anyhow::Result<Exit> {
    anyhow::bail!("not written yet")
}
