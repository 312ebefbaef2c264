//! The table of all settings in docs/settings.md, made from the definitions and from what is not built, so that it cannot
//! say anything else.

use super::{WorkerConfig, connector, not_built, worker};
use millrace_api::{
    ConfigDef, PluginKind, Plugins, Properties,
    config::{Default, Key},
};
use std::fmt::Write as _;

/// What there is to say about settings that are neither just honoured nor refused.
const NOTES: &[(&str, &str)] = &[
    ("client.dns.lookup", "passed to the Kafka clients"),
    ("plugin.discovery", "accepted; plugins are built in, so nothing is discovered"),
    ("ssl.protocol", "accepted; `ssl.enabled.protocols` says what is spoken"),
    ("ssl.provider", "accepted; there are no Java providers"),
    ("ssl.cipher.suites", "refused for Kafka clients: Java's names cannot be translated"),
    ("ssl.keystore.type", "PEM; JKS and PKCS12 are refused where a store is used"),
    ("ssl.truststore.type", "PEM; JKS and PKCS12 are refused where a store is used"),
    ("ssl.keymanager.algorithm", "accepted; there are no Java key managers"),
    ("ssl.trustmanager.algorithm", "accepted; there are no Java trust managers"),
    ("ssl.secure.random.implementation", "accepted; randomness is the operating system's"),
    ("ssl.engine.factory.class", "refused for Kafka clients: Java classes cannot be loaded"),
    ("config.action.reload", "accepted; no provider that is built in says when its values change"),
    ("offsets.storage.topic", "accepted; a standalone worker keeps offsets in its file"),
    ("transaction.boundary", "checked; exactly-once delivery is not there yet"),
    ("transaction.boundary.interval.ms", "checked; exactly-once delivery is not there yet"),
];

/// Groups of settings that a prefix makes.
const PREFIXES: &[(&str, &str)] = &[
    (
        "producer.",
        "settings of the producers of source connectors, by their Java names; one without an equivalent is named in a warning",
    ),
    ("consumer.", "the same for the consumers of sink connectors"),
    ("admin.", "the same for admin clients, which also take unprefixed settings"),
    ("key.converter.", "settings of the converter; the same for `value.converter.` and `header.converter.`"),
    ("config.providers.", "[config providers](secrets.md)"),
    (
        "listeners.https.",
        "accepted; HTTPS listeners are not there yet, and `https://` in `listeners` is refused",
    ),
    ("metrics.context.", "accepted with a warning: there are no metrics yet"),
];

/// Returns the table; the plugins must have the converters that a worker names by default.
pub fn markdown(plugins: &Plugins) -> String {
    let mut text = String::from(
        "# Settings\n\nMade from the definitions of the settings; a test compares. Of a setting that says nothing else, its value is \
         honoured.\n\n## Workers\n\n",
    );
    let refused = |name: &str| not_built::of_worker_setting(name);
    table(&mut text, &worker::definition(), &refused);
    text.push_str("\n| settings that begin with | what becomes of them |\n| --- | --- |\n");
    for (prefix, note) in PREFIXES {
        let _ = writeln!(text, "| `{prefix}` | {note} |");
    }
    text.push_str(
        "\nOther settings are passed to plugins and Kafka clients; one that looks like a known setting is named in a warning, with the \
         one that was probably meant.\n",
    );
    let base = [
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("offset.storage.file.filename", "connect.offsets"),
    ];
    let Ok(worker) = WorkerConfig::parse(Properties::from(base), plugins) else { return text };
    for (title, kind) in [("Source connectors", PluginKind::Source), ("Sink connectors", PluginKind::Sink)] {
        let _ = write!(text, "\n## {title}\n\n");
        let framework = connector::framework(kind, plugins, &worker, &Properties::new());
        table(&mut text, &framework.definition, &|name| not_built::of_connector_setting(name));
    }
    text
}

fn table(text: &mut String, definition: &ConfigDef, refused: &dyn Fn(&str) -> Option<String>) {
    text.push_str("| setting | type | default | what it says | here |\n| --- | --- | --- | --- | --- |\n");
    for key in definition.keys() {
        let note =
            NOTES.iter().find(|(name, _)| *name == key.name.as_ref()).map(|(_, note)| (*note).to_owned());
        let here = refused(&key.name).or(note).unwrap_or_default();
        let doc = key.doc.replace('|', "\\|").replace('\n', " ");
        let kind = key.kind.to_string().to_lowercase();
        let _ = writeln!(text, "| `{}` | {kind} | {} | {doc} | {here} |", key.name, default(key));
    }
}

fn default(key: &Key) -> String {
    match &key.default {
        Default::None => "required".to_owned(),
        Default::Null => "none".to_owned(),
        Default::Text(text) if text.is_empty() => "empty".to_owned(),
        Default::Text(text) => format!("`{text}`"),
    }
}
