//! The command line of pleura: one verb, one file.

mod answers;
mod engine;
mod exit;
mod fetch;
mod guard;
mod interrupt;
mod memory;
mod outputs;
mod paths;
mod receipt;
mod remarks;
mod term;
mod verbs;

use std::io::IsTerminal;

use clap::Parser;

use crate::exit::Exit;

#[global_allocator]
static ALLOCATOR: guard::Allocator = guard::Allocator;

/// A two-stage ensemble engine for radiographs: classify, then segment.
#[derive(Parser)]
#[command(name = "pleura", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    verb: verbs::Verb,

    /// Say more: once for what is done, twice for how.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
}

fn main() -> Exit {
    pleura::runtime::keep_freed_memory();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => error.exit(),
        // the help is a result, too
        Err(help) => {
            let text = if std::io::stdout().is_terminal() {
                help.render().ansi().to_string()
            } else {
                help.render().to_string()
            };
            term::Results.styled(&text);
            return exit::conclude(Ok(Exit::Good));
        }
    };
    term::init(cli.verbose);
    if cli.verb.is_worker() {
        // The engine that started it looks at how it ends.
        return exit::conclude(cli.verb.run());
    }
    pleura::plugin::this_program_is_a_worker();
    guard::run(|| exit::conclude(cli.verb.run()))
}
