//! Log lines in the form of Kafka Connect: `[2026-03-01 10:00:00,123] INFO [orders|task-0] text (target)`.

use jiff::Zoned;
use std::{fmt, io::IsTerminal};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
};

/// What is logged when `MILLRACE_LOG` does not say otherwise.
const FILTER: &str = "info";

/// Sends the log to standard output, as Kafka Connect does.
pub fn install() {
    let filter = EnvFilter::try_from_env("MILLRACE_LOG").unwrap_or_else(|_| EnvFilter::new(FILTER));
    let context = format::debug_fn(|writer, field, value| match field.name() {
        "context" => write!(writer, "{value:?}"),
        _ => Ok(()),
    });
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stdout().is_terminal())
        .fmt_fields(context)
        .event_format(ConnectLine)
        .with_filter(filter);
    let subscriber = tracing_subscriber::registry().with(lines);
    // A second call finds the first one's subscriber, which is the same.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

struct ConnectLine;

impl<S, N> FormatEvent<S, N> for ConnectLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = Zoned::now();
        let metadata = event.metadata();
        let level = if *metadata.level() == Level::TRACE { "TRACE" } else { metadata.level().as_str() };
        write!(writer, "[{},{:03}] {level} ", now.strftime("%Y-%m-%d %H:%M:%S"), now.millisecond())?;
        let innermost = context.lookup_current();
        if let Some(span) = innermost
            && let Some(fields) = span.extensions().get::<FormattedFields<N>>()
        {
            write!(writer, "{fields}")?;
        }
        let mut text = Text::default();
        event.record(&mut text);
        writeln!(writer, "{}{} ({})", text.message, text.fields, metadata.target())
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.fields.push_str(&format!(" {}={value:?}", field.name()));
        }
    }
}
