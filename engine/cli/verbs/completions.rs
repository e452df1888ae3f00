//! `pleura completions`: completion scripts for shells.

use anyhow::Result;
use clap_complete::Shell;

use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::term;

#[derive(clap::Args)]
pub struct Args {
    /// The shell.
    shell: Shell,
}

impl Command for Args {
    fn paths(&self, _: &mut Paths) -> Result<()> {
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::command(), "pleura", &mut script);
        // the script is our own, byte for byte
        term::Results.styled(&String::from_utf8(script)?);
        Ok(Exit::Good)
    }
}
