//! The command line of pleura; each verb has its own file.

mod answers;
mod decode;
mod engine;
mod examples;
mod exit;
mod fetch;
mod guard;
mod interrupt;
mod memory;
mod outputs;
mod paths;
mod receipt;
mod remarks;
mod remote;
mod scratch;
mod term;
mod verbs;
mod version;

use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser};

use crate::exit::Exit;

#[global_allocator]
static ALLOCATOR: guard::Allocator = guard::Allocator;

/// A two-stage ensemble engine for radiographs: classify, then segment.
#[derive(Parser)]
#[command(name = "pleura", version = version::SHORT, long_version = version::LONG, propagate_version = true)]
#[command(max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: verbs::Verb,

    #[command(flatten)]
    terminal: term::Args,
}

/// The whole command line, with examples in its help.
fn command() -> clap::Command {
    examples::add(Cli::command())
}

/// Reads the command line.
fn parse(color: ColorChoice) -> Result<Cli, clap::Error> {
    let mut matches = command().color(color).try_get_matches()?;
    Cli::from_arg_matches_mut(&mut matches)
}

fn main() -> Exit {
    guard::leave_out_backtraces();
    pleura::runtime::keep_freed_memory();
    let color = term::color_of(std::env::args_os());
    let cli = match parse(color) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            term::refusal(&error, color);
            return Exit::Wrong;
        }
        Err(answer) => {
            term::help(&answer, color);
            if answer.kind() == ErrorKind::DisplayVersion && answer.to_string().contains(version::LONG) {
                term::result(version::rest());
            }
            return exit::conclude(Ok(Exit::Good));
        }
    };
    term::init(cli.terminal);
    if cli.verb.is_worker() {
        // the engine that started it reads its exit code
        return exit::conclude(cli.verb.run());
    }
    pleura::plugin::this_program_is_a_worker();
    if let Ok(program) = std::env::current_exe() {
        pleura::runtime::probe_with(program);
    }
    guard::run(|| exit::conclude(cli.verb.run()))
}
