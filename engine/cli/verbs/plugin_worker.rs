//! `pleura plugin-worker`: the child process of plugins with `isolation = "process"`. Not for people.

use std::path::PathBuf;

use anyhow::Context;

use crate::exit::Exit;

#[derive(clap::Args)]
pub struct Args {
    /// The plugin's library.
    library: PathBuf,
    /// Load it with its symbols visible to others.
    #[arg(long)]
    global_symbols: bool,
    /// How many seconds a call may take.
    #[arg(long, value_name = "SECONDS")]
    timeout: u32,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    pleura::plugin::worker(&args.library, args.global_symbols, args.timeout)
        .with_context(|| format!("plugin library `{}`, in its child process", args.library.display()))?;
    Ok(Exit::Good)
}
