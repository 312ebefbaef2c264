//! Lines of a file to a topic, and a topic to lines of a file.
//!
//! Both connectors have the names, settings, offsets and texts of Apache Kafka's `connect/file`, so that a connector file
//! written for it works here and an existing offsets topic is taken over. `docs/file.md` is the page for users.
//!
//! ```
//! let mut plugins = millrace_api::Plugins::default();
//! millrace_file::register(&mut plugins);
//! assert!(plugins.connector("FileStreamSource").is_ok());
//! assert!(plugins.connector("org.apache.kafka.connect.file.FileStreamSinkConnector").is_ok());
//! ```
//!
//! Where things are: [`config`](FileSourceConfig) holds the settings, `source/lines.rs` finds lines (pure), `source/input.rs`
//! reads files and standard input on blocking threads, `source/watch.rs` is the one file watcher of the process,
//! `sink/text.rs` is the text form of a value (pure), and `sink/output.rs` writes.

mod config;
mod error;
mod sink;
mod source;

pub use config::{FileSinkConfig, FileSourceConfig, ValueType};
pub use sink::{FileSink, FileSinkTask};
pub use source::{FileSource, FileSourceTask};

use millrace_api::{PluginInfo, Plugins};

/// The Java class name of the source connector.
pub const SOURCE_CLASS: &str = "org.apache.kafka.connect.file.FileStreamSourceConnector";

/// The Java class name of the sink connector.
pub const SINK_CLASS: &str = "org.apache.kafka.connect.file.FileStreamSinkConnector";

/// Adds both connectors to a program.
pub fn register(plugins: &mut Plugins) {
    let source_task = "org.apache.kafka.connect.file.FileStreamSourceTask";
    plugins.source::<FileSource>(PluginInfo::connector(SOURCE_CLASS, source_task));
    let sink_task = "org.apache.kafka.connect.file.FileStreamSinkTask";
    plugins.sink::<FileSink>(PluginInfo::connector(SINK_CLASS, sink_task));
}

/// Compiles and runs the page that shows how plugins are written; it stands here because a plugin has all it needs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/plugins.md")]
struct PluginPage;
