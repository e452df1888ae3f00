//! `pleura plugin-worker`: the child process of plugins with `isolation = "process"`. Not for people.

use std::path::PathBuf;

use anyhow::Context;

use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};

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

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> anyhow::Result<()> {
        paths.reads("LIBRARY", &self.library);
        Ok(())
    }

    fn run(&self, _: &Checked) -> anyhow::Result<Exit> {
        pleura::plugin::worker(&self.library, self.global_symbols, self.timeout)
            .with_context(|| format!("plugin library `{}`, in its child process", self.library.display()))?;
        Ok(Exit::Good)
    }
}
