//! What goes to the terminal: results, messages, warnings and progress.
//!
//! Messages go to standard error, so that standard output holds nothing but results. Where standard error is not a
//! terminal there is no bar and no colour; progress is then a line a minute.
//!
//! Neither ends a run. A message that cannot be shown is dropped, as its reader hung up or its disk is full. Results that
//! cannot be written are dropped too, and [`finish`] then says why: what the run writes elsewhere is complete, and its exit
//! code is that of its work.
//!
//! Nothing that a file says steers the terminal: both streams show such characters as their numbers, whether or not they
//! are a terminal now, as what a log or a pipe holds is looked at on one later. JSON loses nothing by that, as it writes
//! them the same way; tables for other programs go to files, which have every byte as it is.

mod events;
mod progress;
mod results;
mod skips;
mod text;

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

pub use progress::{Bar, line, progress, spinner};
pub use results::{Results, finish};
pub use skips::Skips;
use text::visible;
pub use text::{chain, inline, quantity, reason};

/// How much is said, and how.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Global options")]
pub struct Args {
    /// Print more: `-v` for each step, `-vv` for details.
    #[arg(short, long, action = clap::ArgAction::Count, global = true, conflicts_with = "quiet")]
    verbose: u8,

    /// Print results, warnings and errors only, without notes and progress.
    #[arg(short, long, global = true)]
    quiet: bool,

    /// When to use colours; `auto` uses them on a terminal unless `NO_COLOR` is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: ColorChoice,
}

static ARGS: OnceLock<Args> = OnceLock::new();

/// Sets up messages and logging: warnings always, more with `-v`.
pub fn init(args: Args) {
    let level = match args.verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let _ = ARGS.set(args); // there is one command line
    // ONNX Runtime's chatter is for `-vv`.
    let filter = tracing_subscriber::EnvFilter::try_from_env("PLEURA_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).event_format(events::Lines);
    lines.with_writer(|| Messages).init();
}

/// What `--color` says, before the command line is read as a whole: its faults are coloured, too.
pub fn color_of(words: impl Iterator<Item = std::ffi::OsString>) -> ColorChoice {
    let words: Vec<_> = words.filter_map(|word| word.into_string().ok()).take_while(|word| word != "--").collect();
    let place = words.iter().rposition(|word| word == "--color" || word.starts_with("--color="));
    let value = place.and_then(|place| match words[place].split_once('=') {
        Some((_, value)) => Some(value),
        None => words.get(place + 1).map(String::as_str),
    });
    value.and_then(|value| clap::ValueEnum::from_str(value, false).ok()).unwrap_or(ColorChoice::Auto)
}

/// Prints an error and its causes as one line.
pub fn error(error: &anyhow::Error) {
    let style = paint(AnsiColor::Red);
    message(format_args!("{style}error{style:#}: {}", visible(chain(error))));
}

/// Prints a warning.
pub fn warning(message: impl std::fmt::Display) {
    let style = paint(AnsiColor::Yellow);
    self::message(format_args!("{style}warning{style:#}: {}", visible(message)));
}

/// Prints something worth knowing, unless `--quiet` is given.
pub fn note(message: impl std::fmt::Display) {
    if !is_quiet() {
        self::message(visible(message));
    }
}

/// Prints a result to standard output, as [`Results`] do.
pub fn result(text: impl std::fmt::Display) {
    let _ = writeln!(Results, "{text}"); // never fails
}

/// Prints why a command line was not understood.
pub fn refusal(error: &clap::Error, color: ColorChoice) {
    let text = error.render();
    let plain = text.to_string();
    let shown = visible(&plain);
    let styled = shown == plain && is_coloured(color, stderr().is_terminal());
    let _ = write!(Messages, "{}", if styled { text.ansi().to_string() } else { shown }); // never fails
}

/// Prints help to standard output: it is a result, too.
pub fn help(help: &clap::Error, color: ColorChoice) {
    let text = help.render();
    let styled = is_coloured(color, io::stdout().is_terminal());
    Results.styled(&if styled { text.ansi().to_string() } else { text.to_string() });
}

/// A line for standard error.
fn message(text: impl std::fmt::Display) {
    let _ = writeln!(Messages, "{text}"); // never fails
}

/// Standard error, to which writing never fails: what cannot be shown is dropped.
struct Messages;

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if cfg!(test) {
            // shown where a test fails, and not otherwise
            eprint!("{}", String::from_utf8_lossy(bytes));
        } else {
            let _ = stderr().write_all(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_quiet() -> bool {
    ARGS.get().is_some_and(|args| args.quiet)
}

/// Whether everything is to be said that there is.
pub fn is_verbose() -> bool {
    ARGS.get().is_some_and(|args| args.verbose > 0)
}

fn is_coloured(color: ColorChoice, is_terminal: bool) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            is_terminal && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

fn paint(color: AnsiColor) -> Style {
    let choice = ARGS.get().map_or(ColorChoice::Auto, |args| args.color);
    if is_coloured(choice, stderr().is_terminal()) {
        Style::new().bold().fg_color(Some(color.into()))
    } else {
        Style::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_of_colours_is_found_in_any_command_line() {
        let of = |words: &str| color_of(words.split(' ').map(Into::into));
        assert_eq!(of("pleura predict --color never x"), ColorChoice::Never);
        assert_eq!(of("pleura --color=always predict"), ColorChoice::Always);
        assert_eq!(of("pleura --color=always --color never"), ColorChoice::Never);
        for words in ["pleura", "pleura --color", "pleura --color green", "pleura -- --color=always"] {
            assert_eq!(of(words), ColorChoice::Auto, "{words}");
        }
    }

    #[test]
    fn colours_are_for_terminals_unless_forced() {
        assert!(is_coloured(ColorChoice::Always, false));
        assert!(!is_coloured(ColorChoice::Never, true) && !is_coloured(ColorChoice::Auto, false));
    }
}
