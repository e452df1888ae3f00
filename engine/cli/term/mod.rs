//! Terminal output: results, messages, warnings and progress.
//!
//! Messages go to standard error, so that standard output has only results. If standard error is not a terminal, there
//! is no bar and no colour; progress is then a line per minute.
//!
//! Neither stream ends a run. A message that cannot be written, as its reader closed or its disk is full, is dropped.
//! Results that cannot be written are dropped too, and [`finish`] returns the error: all other outputs of the run are
//! complete, and its exit code is that of its work.
//!
//! Text from files cannot control the terminal: both streams escape control characters, whether or not they are a
//! terminal, as a log may be viewed on one later. JSON loses nothing, as it escapes them the same way; tables for other
//! programs go to files, which have every byte unchanged.

mod events;
mod progress;
mod results;
mod skips;
mod text;

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

pub use progress::{Bar, line, lines, progress, spinner};
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
    // ONNX Runtime's log is for `-vv`
    let filter = tracing_subscriber::EnvFilter::try_from_env("PLEURA_LOG")
        // a node's audit is what it was asked to write
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(format!("{level},pleura_serve::audit=info")));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).event_format(events::Lines);
    lines.with_writer(|| Messages).init();
}

/// The value of `--color`, found before the command line is parsed: parse errors are coloured, too.
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

/// Prints a message, unless `--quiet` is given.
pub fn note(message: impl std::fmt::Display) {
    if !is_quiet() {
        self::message(visible(message));
    }
}

/// Prints a result to standard output, through [`Results`].
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

/// Prints help to standard output, as it is a result, too.
pub fn help(help: &clap::Error, color: ColorChoice) {
    let text = help.render();
    let styled = is_coloured(color, io::stdout().is_terminal());
    Results.styled(&if styled { text.ansi().to_string() } else { text.to_string() });
}

/// A line for standard error.
fn message(text: impl std::fmt::Display) {
    let _ = writeln!(Messages, "{text}"); // never fails
}

/// Standard error. Writing never fails: what cannot be written is dropped.
struct Messages;

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if cfg!(test) {
            // captured by the test harness, and shown if a test fails
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

/// Whether `-v` is given.
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
