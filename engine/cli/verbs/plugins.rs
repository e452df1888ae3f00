//! `pleura plugins`: lists plugins, and tests their conformance.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pleura::manifest;
use pleura::plugin::{self, About, Found, Origin, conformance};
use serde_json::{Map, Value};

use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::term;

#[derive(clap::Subcommand)]
pub enum Args {
    /// List the plugins available to manifests in this folder.
    List,
    /// Test a plugin against the contract, on edge cases and in a child process.
    Test(TestArgs),
}

#[derive(clap::Args)]
pub struct TestArgs {
    /// Plugin library or name.
    #[arg(value_name = "LIB_OR_NAME")]
    plugin: String,
    /// Parameters of the plugin, a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = parse_params)]
    params: Map<String, Value>,
    /// Time limit of each call.
    #[arg(long, value_name = "SECONDS", default_value_t = manifest::DEFAULT_TIMEOUT, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: u32,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> anyhow::Result<()> {
        if let Self::Test(TestArgs { plugin, .. }) = self {
            paths.reads("PLUGIN", Path::new(plugin));
        }
        Ok(())
    }

    fn run(&self, _: &Checked) -> anyhow::Result<Exit> {
        run(self)
    }
}

fn run(args: &Args) -> anyhow::Result<Exit> {
    match args {
        Args::List => list(),
        Args::Test(args) => test(args),
    }
}

fn parse_params(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|e| format!("expected a JSON object: {e}"))
}

/// The folder that relative paths refer to: the manifest's in manifests, the current one here.
fn here() -> &'static Path {
    Path::new(".")
}

fn list() -> anyhow::Result<Exit> {
    let mut rows = vec![["NAME", "ROLE", "VERSION", "ABI", "FROM"].map(str::to_owned)];
    for Found { origin, about, .. } in plugin::list(here()) {
        match about {
            Ok(about) => rows.push(row(&about, &origin)),
            Err(error) => term::warning(error),
        }
    }
    print_table(&rows)?;
    let folders: Vec<_> = plugin::folders(here()).iter().map(|folder| folder.display().to_string()).collect();
    term::note(format!("searched {} (PLEURA_PLUGINS adds folders)", folders.join(", ")));
    Ok(Exit::Good)
}

fn row(about: &About, origin: &Origin) -> [String; 5] {
    let abi = format!("{}.{}", about.abi.0, about.abi.1);
    [about.name.clone(), about.role.to_string(), about.version.clone(), abi, origin.to_string()]
}

fn print_table(rows: &[[String; 5]]) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 4] = std::array::from_fn(width);
    let mut out = term::Results;
    for row in rows {
        for (cell, width) in row.iter().zip(widths) {
            write!(out, "{cell:width$}  ")?;
        }
        writeln!(out, "{}", row[4])?;
    }
    Ok(())
}

fn test(args: &TestArgs) -> anyhow::Result<Exit> {
    let all_hold = conformance::test(&origin(&args.plugin)?, &args.params, args.timeout, |check| {
        let line = match &check.outcome {
            Ok(remark) if remark.is_empty() => format!("ok    {}", check.what),
            Ok(remark) => format!("ok    {}: {remark}", check.what),
            Err(problem) => format!("FAIL  {}: {problem}", check.what),
        };
        term::result(line);
    });
    Ok(if all_hold { Exit::Good } else { Exit::Wrong })
}

/// The origin of a plugin; on the command line a bare file name is a file, as everywhere.
fn origin(plugin: &str) -> anyhow::Result<Origin> {
    let file = PathBuf::from(plugin);
    if file.is_file() { Ok(Origin::Library(file)) } else { Ok(plugin::named(plugin, here())?) }
}
