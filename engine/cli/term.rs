//! What goes to the terminal: messages, warnings and progress bars.
//!
//! Messages go to standard error, so that standard output holds nothing but results. Where standard error is not a
//! terminal there is no bar and no colour.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::Exit;
use crate::guard;

/// Sets up logging: warnings always, more with `-v`.
pub fn init(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    // ONNX Runtime's chatter is for `-vv`.
    let filter = tracing_subscriber::EnvFilter::try_from_env("PLEURA_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(coloured())
        .without_time()
        .with_target(false)
        .init();
}

/// Prints an error and its causes as one line.
pub fn error(error: &anyhow::Error) {
    let style = paint(AnsiColor::Red);
    eprintln!("{style}error{style:#}: {}", visible(chain(error)));
}

/// Prints a warning.
pub fn warning(message: impl std::fmt::Display) {
    let style = paint(AnsiColor::Yellow);
    eprintln!("{style}warning{style:#}: {}", visible(message));
}

/// Prints a result to standard output. Where that goes to a program that has read enough (`| head`), the end is quiet.
pub fn result(text: impl std::fmt::Display) {
    if let Err(error) = writeln!(stdout(), "{text}") {
        let quiet = error.kind() == ErrorKind::BrokenPipe;
        guard::leave(if quiet { Exit::Good } else { Exit::Transient });
    }
}

/// Prints something worth knowing.
pub fn note(message: impl std::fmt::Display) {
    eprintln!("{}", visible(message));
}

/// A text without what would steer the terminal: names of files and ids of images are anybody's.
fn visible(text: impl std::fmt::Display) -> String {
    let text = text.to_string();
    if text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t') {
        return text;
    }
    let shown =
        |c: char| if c.is_control() && c != '\n' && c != '\t' { c.escape_default().to_string() } else { c.into() };
    text.chars().map(shown).collect()
}

/// An error with its causes, outermost first; a cause that its parent already tells is not repeated.
pub fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // ONNX Runtime ends some of its words with a line
        let cause = cause.trim_end();
        if !text.ends_with(cause) {
            text.push_str(": ");
            text.push_str(cause);
        }
    }
    text
}

/// A bar for work of `len` pieces; invisible where standard error is not a terminal.
pub fn progress(len: u64, what: &'static str) -> ProgressBar {
    let target = if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style =
        ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left {msg}")
            .expect("the template is well formed");
    ProgressBar::with_draw_target(Some(len), target).with_style(style).with_prefix(what)
}

/// A spinner for work of unknown length; invisible where standard error is not a terminal.
pub fn spinner(what: &'static str) -> ProgressBar {
    let target = if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target).with_message(what);
    // The bar's own way to start its thread panics where the system has none to spare; it then stands still.
    if stderr().is_terminal() && std::thread::Builder::new().spawn(|| ()).is_ok() {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar
}

/// A line that is written anew over and over; invisible where standard error is not a terminal.
pub fn line() -> ProgressBar {
    let target = if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{wide_msg}").expect("the template is well formed");
    ProgressBar::with_draw_target(None, target).with_style(style)
}

fn coloured() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

fn paint(color: AnsiColor) -> Style {
    if coloured() { Style::new().bold().fg_color(Some(color.into())) } else { Style::new() }
}
