//! Log lines in the form of Kafka Connect: `[2026-03-01 10:00:00,123] INFO [orders|task-0] text (target)`.

use jiff::Zoned;
use millrace_worker::{
    loggers::{self, Loggers},
    secrets,
};
use std::{fmt, io::IsTerminal};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    reload,
};

/// What is logged when `MILLRACE_LOG` does not say otherwise.
const FILTER: &str = "info";

/// Sends the log to standard output, as Kafka Connect does.
pub fn install() {
    let given = std::env::var("MILLRACE_LOG").unwrap_or_else(|_| FILTER.to_owned());
    let targets = given.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let (filter, handle) = reload::Layer::new(targets.clone());
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
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        return;
    }
    let apply: loggers::Apply = Box::new(move |root, modules| {
        let targets = Targets::new().with_default(filter_of(root));
        let levels = modules.iter().map(|(module, level)| (module.clone(), filter_of(*level)));
        // It fails only when the subscriber is gone, and then there is no log.
        let _ = handle.reload(targets.with_targets(levels));
    });
    let root = level_of(targets.default_level().unwrap_or(LevelFilter::INFO));
    let of_module = |module: &str| level_of(enabled(&targets, module));
    loggers::install(Loggers::new(root, of_module, apply));
}

/// Returns the most detailed level that is logged of a module.
fn enabled(targets: &Targets, module: &str) -> LevelFilter {
    let levels = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];
    let enabled = levels.into_iter().find(|level| targets.would_enable(module, level));
    enabled.map_or(LevelFilter::OFF, LevelFilter::from_level)
}

fn filter_of(level: loggers::Level) -> LevelFilter {
    match level {
        loggers::Level::Off => LevelFilter::OFF,
        loggers::Level::Fatal | loggers::Level::Error => LevelFilter::ERROR,
        loggers::Level::Warn => LevelFilter::WARN,
        loggers::Level::Info => LevelFilter::INFO,
        loggers::Level::Debug => LevelFilter::DEBUG,
        loggers::Level::Trace | loggers::Level::All => LevelFilter::TRACE,
    }
}

fn level_of(filter: LevelFilter) -> loggers::Level {
    match filter.into_level() {
        None => loggers::Level::Off,
        Some(Level::ERROR) => loggers::Level::Error,
        Some(Level::WARN) => loggers::Level::Warn,
        Some(Level::INFO) => loggers::Level::Info,
        Some(Level::DEBUG) => loggers::Level::Debug,
        Some(Level::TRACE) => loggers::Level::Trace,
    }
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
        let (message, fields) = (secrets::without(&text.message), secrets::without(&text.fields));
        writeln!(writer, "{message}{fields} ({})", metadata.target())
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
