//! What goes to the terminal: messages, warnings and progress bars.
//!
//! Messages go to standard error, so that standard output holds nothing but results. Where standard error is not a
//! terminal there is no bar and no colour.
//!
//! Neither ends a run. A message that cannot be shown is dropped, as its reader hung up or its disk is full. Results that
//! cannot be written are dropped too, and [`finish`] then says why: what the run writes elsewhere is complete, and its exit
//! code is that of its work.

use std::io::{self, ErrorKind, IsTerminal, Write, stderr, stdout};
use std::sync::Mutex;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
        .with_writer(|| Messages)
        .with_ansi(coloured())
        .without_time()
        .with_target(false)
        .init();
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

/// Prints a result to standard output, as [`Results`] do.
pub fn result(text: impl std::fmt::Display) {
    let _ = writeln!(Results, "{text}"); // never fails
}

/// A line for standard error.
fn message(text: impl std::fmt::Display) {
    let _ = writeln!(Messages, "{text}"); // never fails
}

/// Standard error, to which writing never fails: what cannot be shown is dropped.
struct Messages;

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why standard output takes no more.
static BROKEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// Standard output, to which writing never fails: [`finish`] says what went wrong. Nothing that is written steers the
/// terminal.
pub struct Results;

impl Results {
    /// Writes text of our own, with its colours.
    pub fn styled(&self, text: &str) {
        self.attempt(|out| out.write_all(text.as_bytes()));
    }

    fn attempt(&self, write: impl FnOnce(&mut io::Stdout) -> io::Result<()>) {
        let mut broken = BROKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if broken.is_none() {
            *broken = write(&mut stdout()).err();
        }
    }
}

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.styled(&visible(String::from_utf8_lossy(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(Write::flush);
        Ok(())
    }
}

/// The end of all results.
///
/// # Errors
/// Where not all of them could be written. A reader that has read enough (`| head`) is no error.
pub fn finish() -> anyhow::Result<()> {
    let _ = Results.flush(); // never fails
    let broken = BROKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    match broken.filter(|error| error.kind() != ErrorKind::BrokenPipe) {
        Some(error) => Err(anyhow::Error::new(error).context("cannot write results to standard output")),
        None => Ok(()),
    }
}

/// Prints something worth knowing.
pub fn note(message: impl std::fmt::Display) {
    self::message(visible(message));
}

/// A text without what would steer the terminal, as names of files, ids of images and DICOM's tags may: such a character
/// is shown as its number, `\u001b`, which is also how JSON writes it.
fn visible(text: impl std::fmt::Display) -> String {
    let text = text.to_string();
    if !text.contains(steers) {
        return text;
    }
    text.chars().map(|c| if steers(c) { format!("\\u{:04x}", u32::from(c)) } else { c.into() }).collect()
}

/// Control characters but for line feed and tab, and those that turn the direction of writing.
fn steers(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(visible("a\tb\nc äö"), "a\tb\nc äö");
        assert_eq!(visible("\u{1b}[31m\r\u{7f}\u{9b}\u{202e}"), r"\u001b[31m\u000d\u007f\u009b\u202e");
        let json = serde_json::to_string("\u{1b}\u{7f}\u{85}").unwrap();
        assert_eq!(serde_json::from_str::<String>(&visible(&json)).unwrap(), "\u{1b}\u{7f}\u{85}");
    }
}
