//! `pleura man`: manual pages, one per verb.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap_mangen::Man;
use pleura_files::atomic;

use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::term;

/// The pages of all verbs.
const PAGES: [&str; 2] = ["pleura.1", "pleura-*.1"];

#[derive(clap::Args)]
pub struct Args {
    /// Output folder for the pages, one per verb: `pleura.1`, `pleura-predict.1` and so on. Default: print `pleura.1`.
    dir: Option<PathBuf>,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        self.dir.iter().for_each(|dir| paths.writes_like("DIR", dir, PAGES));
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        let mut command = crate::command().disable_help_subcommand(true);
        command.build();
        match &self.dir {
            None => term::Results.styled(&String::from_utf8(page(&command)?)?),
            Some(dir) => {
                std::fs::create_dir_all(dir).with_context(|| format!("cannot make folder `{}`", dir.display()))?;
                let count = write(&command, dir)?;
                term::note(format_args!("wrote {count} pages to `{}`", dir.display()));
            }
        }
        Ok(Exit::Good)
    }
}

/// Writes the pages of a verb and its subcommands; returns their number.
fn write(command: &clap::Command, dir: &Path) -> Result<usize> {
    let mut count = 1;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        count += write(sub, dir)?;
    }
    let path = dir.join(format!("{}.1", name(command)));
    let page = page(command)?;
    let written = || -> std::io::Result<()> {
        let mut file = atomic::beside(&path)?;
        file.write_all(&page)?;
        atomic::place_unsynced(file, &path)
    };
    written().with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(count)
}

fn page(command: &clap::Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

/// `pleura-data-convert`
fn name(command: &clap::Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}
