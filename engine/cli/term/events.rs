//! Log events of the libraries, in the form of all other messages.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::{paint, visible};

/// Formats an event as a line: its level, its fields, and the fields of its spans.
pub struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        // such as the current image
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>().filter(|it| !it.is_empty()) {
                write!(text, " ({} {fields})", span.name())?;
            }
        }
        let (level, style) = match *event.metadata().level() {
            Level::ERROR => ("error", paint(AnsiColor::Red)),
            Level::WARN => ("warning", paint(AnsiColor::Yellow)),
            Level::INFO => ("info", Style::new()),
            Level::DEBUG => ("debug", Style::new()),
            Level::TRACE => ("trace", Style::new()),
        };
        writeln!(out, "{style}{level}{style:#}: {}", visible(text))
    }
}
