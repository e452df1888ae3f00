//! `pleura plugin-worker`: the child process of plugins with `isolation = "process"`. Not for people.

use std::path::PathBuf;

use anyhow::Context;
use pleura::plugin::Origin;

use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};

#[derive(clap::Args)]
pub struct Args {
    /// The plugin's library, or a built-in plugin's name.
    plugin: PathBuf,
    /// Take the built-in plugin of that name.
    #[arg(long)]
    built_in: bool,
    /// Load it with its symbols visible to others.
    #[arg(long)]
    global_symbols: bool,
    /// How many seconds a call may take.
    #[arg(long, value_name = "SECONDS")]
    timeout: u32,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> anyhow::Result<()> {
        if !self.built_in {
            paths.reads("PLUGIN", &self.plugin);
        }
        Ok(())
    }

    fn run(&self, _: &Checked) -> anyhow::Result<Exit> {
        let plugin = self.plugin.display();
        let origin = match self.built_in {
            true => Origin::built_in(&plugin.to_string()).with_context(|| format!("no built-in plugin `{plugin}`"))?,
            false => Origin::Library(self.plugin.clone()),
        };
        pleura::plugin::worker(&origin, self.global_symbols, self.timeout)
            .with_context(|| format!("plugin `{plugin}`, in its child process"))?;
        Ok(Exit::Good)
    }
}
