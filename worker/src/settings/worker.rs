//! The settings of a standalone worker, read from its file.

use super::{ListenerUrl, OverridePolicy, listener, not_built, policy, response_headers, unknown, version};
use crate::{properties_file, providers::Providers, secrets};
use millrace_api::{
    Config, ConfigDef, HIDDEN, Plugins, Problems, Properties, Secret,
    config::{Check, Parsed, Setting, Type, at_least, one_of},
};
use millrace_kafka::{KafkaError, Role, translate};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The name under which the values are logged.
const LOGGED_AS: &str = "StandaloneConfig";

/// Settings that went away in Kafka Connect 3.0: one warning, no effect.
const REMOVED: [&str; 2] = ["internal.key.converter", "internal.value.converter"];

/// What a worker runs with.
#[derive(Debug)]
pub struct WorkerConfig {
    pub common: CommonSettings,
    pub rest: RestSettings,
    /// Never empty.
    pub listeners: Vec<ListenerUrl>,
    /// Where administration is served alone; when there is none, it is served with everything else.
    pub admin_listeners: Option<Vec<ListenerUrl>>,
    pub override_policy: OverridePolicy,
    /// Where source offsets are kept.
    pub offset_file: PathBuf,
    /// Everything as it was given: clients, converters and plugins take what is theirs by prefix.
    pub properties: Arc<Properties>,
    /// What resolves references in connectors' settings; the worker's own are resolved already.
    pub providers: Arc<Providers>,
    values: Vec<(String, String)>,
    warnings: Vec<String>,
}

/// Where the brokers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// `host:port,host:port`
    Servers(String),
    /// `embedded://DIR`: this process is to run the embedded broker on that folder.
    Embedded(PathBuf),
}

/// Which producer a source task has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskProducer {
    /// One that other tasks use too.
    Shared,
    /// One of its own, as in Kafka Connect.
    Own,
}

/// Settings of both modes.
#[derive(Debug, Config)]
pub struct CommonSettings {
    /// The Kafka brokers, as host:port pairs separated by commas. `embedded://DIR` runs the embedded broker of this
    /// program with its data in that folder: for development, not for production.
    #[config(high, name = "bootstrap.servers", default = "localhost:9092")]
    pub bootstrap: Bootstrap,

    /// Which addresses of a broker's name are tried.
    #[config(
        default = "use_all_dns_ips",
        check = one_of(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"])
    )]
    pub client_dns_lookup: String,

    /// Converter of keys for connectors that name none. Settings that begin with `key.converter.` are the converter's.
    #[config(high, class)]
    pub key_converter: String,

    /// Version of the converter of keys.
    #[config(low)]
    pub key_converter_plugin_version: Option<String>,

    /// Converter of values for connectors that name none. Settings that begin with `value.converter.` are the converter's.
    #[config(high, class)]
    pub value_converter: String,

    /// Version of the converter of values.
    #[config(low)]
    pub value_converter_plugin_version: Option<String>,

    /// Converter of headers for connectors that name none. Settings that begin with `header.converter.` are the converter's.
    #[config(low, class, default = "org.apache.kafka.connect.storage.SimpleHeaderConverter")]
    pub header_converter: String,

    /// Version of the converter of headers.
    #[config(low)]
    pub header_converter_plugin_version: Option<String>,

    /// How long tasks may take to stop, all together.
    #[config(low, name = "task.shutdown.graceful.timeout.ms", default = 5000)]
    pub task_shutdown_graceful_timeout: Duration,

    /// How often offsets are committed.
    #[config(low, name = "offset.flush.interval.ms", default = 60000)]
    pub offset_flush_interval: Duration,

    /// How long one commit of offsets may take.
    #[config(low, name = "offset.flush.timeout.ms", default = 5000)]
    pub offset_flush_timeout: Duration,

    /// Folders of Java plugins. Plugins of this program are built in.
    #[config(low)]
    pub plugin_path: Option<Vec<String>>,

    /// How Java plugins are found; of no effect for built-in ones.
    #[config(low, default = "hybrid_warn", check = one_of_any_case(&["only_scan", "hybrid_warn", "hybrid_fail", "service_load"]))]
    pub plugin_discovery: String,

    /// The time over which a metric is sampled.
    #[config(low, name = "metrics.sample.window.ms", default = 30000)]
    pub metrics_sample_window: Duration,

    /// How many samples a metric has.
    #[config(low, default = 2, check = at_least(1))]
    pub metrics_num_samples: i32,

    /// Which metrics are kept.
    #[config(low, default = "INFO", check = one_of(&["INFO", "DEBUG"]))]
    pub metrics_recording_level: String,

    /// Classes that report metrics.
    #[config(low, default = "org.apache.kafka.common.metrics.JmxReporter")]
    pub metric_reporters: Vec<String>,

    /// Names of the providers that resolve references in settings.
    #[config(low, default = "")]
    pub config_providers: Vec<String>,

    /// Which client settings a connector may override.
    #[config(default = "All")]
    pub connector_client_config_override_policy: String,

    /// The client settings that the policy `Allowlist` allows.
    #[config(default = "")]
    pub connector_client_config_override_allowlist: Vec<String>,

    /// Whether source tasks share a few producers (`shared`; those with client overrides never do), or each has one of its
    /// own with the client.id that Kafka Connect gives it (`own`).
    #[config(low, default = "shared")]
    pub source_task_producer: TaskProducer,

    /// Whether source connectors may create topics.
    #[config(low, default = true)]
    pub topic_creation_enable: bool,

    /// Whether the topics that a connector uses are recorded.
    #[config(low, default = true)]
    pub topic_tracking_enable: bool,

    /// Whether the record of a connector's topics may be reset.
    #[config(low, default = true)]
    pub topic_tracking_allow_reset: bool,
}

/// Settings of the REST API.
#[derive(Debug, Config)]
pub struct RestSettings {
    /// Where the REST API is served, as URLs separated by commas; without a host, on all addresses.
    #[config(low, default = "http://:8083", check = listener::list())]
    pub listeners: Vec<String>,

    /// The host name that other workers are told.
    #[config(low)]
    pub rest_advertised_host_name: Option<String>,

    /// The port that other workers are told.
    #[config(low)]
    pub rest_advertised_port: Option<i32>,

    /// The protocol that other workers are told: http or https.
    #[config(low)]
    pub rest_advertised_listener: Option<String>,

    /// Whether `POST /preview` shows what a connector would do to sample records.
    #[config(low, default = false)]
    pub preview_enable: bool,

    /// Origins that browsers may call from.
    #[config(low, default = "")]
    pub access_control_allow_origin: String,

    /// Methods that browsers of other origins may use.
    #[config(low, default = "")]
    pub access_control_allow_methods: String,

    /// Headers that are added to each response.
    #[config(low, default = "", check = response_headers::check())]
    pub response_http_headers_config: String,

    /// Classes that extend the REST API.
    #[config(low, default = "")]
    pub rest_extension_classes: Vec<String>,

    /// Where the administration of loggers is served; nowhere when empty, with everything else when not set.
    #[config(low, check = listener::admin_list())]
    pub admin_listeners: Option<Vec<String>>,

    /// Whether HTTPS clients must show a certificate.
    #[config(low, default = "none", check = one_of(&["required", "requested", "none"]))]
    pub ssl_client_auth: String,
}

/// Settings of TLS: of the worker's own clients, and of the REST API.
#[derive(Debug, Config)]
#[allow(
    dead_code,
    reason = "the clients take these from the properties; the definition types and hides them"
)]
struct TlsSettings {
    /// Protocol of a context.
    #[config(default = "TLSv1.3")]
    ssl_protocol: String,
    /// Java security provider.
    ssl_provider: Option<String>,
    /// Cipher suites that may be used.
    #[config(low)]
    ssl_cipher_suites: Option<Vec<String>>,
    /// Protocols that may be used.
    #[config(default = "TLSv1.2,TLSv1.3")]
    ssl_enabled_protocols: Vec<String>,
    /// Format of the key store.
    #[config(default = "JKS")]
    ssl_keystore_type: String,
    /// File with key and certificate.
    #[config(high)]
    ssl_keystore_location: Option<String>,
    /// Password of the key store.
    #[config(high)]
    ssl_keystore_password: Option<Secret>,
    /// Password of the key.
    #[config(high)]
    ssl_key_password: Option<Secret>,
    /// Key in PEM form.
    #[config(high)]
    ssl_keystore_key: Option<Secret>,
    /// Certificates of the key in PEM form.
    #[config(high)]
    ssl_keystore_certificate_chain: Option<Secret>,
    /// Trusted certificates in PEM form.
    #[config(high)]
    ssl_truststore_certificates: Option<Secret>,
    /// Format of the trust store.
    #[config(default = "JKS")]
    ssl_truststore_type: String,
    /// File with trusted certificates.
    #[config(high)]
    ssl_truststore_location: Option<String>,
    /// Password of the trust store.
    #[config(high)]
    ssl_truststore_password: Option<Secret>,
    /// Java algorithm of key managers.
    #[config(low, default = "SunX509")]
    ssl_keymanager_algorithm: String,
    /// Java algorithm of trust managers.
    #[config(low, default = "PKIX")]
    ssl_trustmanager_algorithm: String,
    /// How host names are checked; empty for not at all.
    #[config(low, default = "https")]
    ssl_endpoint_identification_algorithm: String,
    /// Java source of randomness.
    #[config(low)]
    ssl_secure_random_implementation: Option<String>,
    /// Java class that makes TLS engines.
    #[config(low, class)]
    ssl_engine_factory_class: Option<String>,
}

#[derive(Debug, Config)]
struct StandaloneSettings {
    #[config(flatten)]
    common: CommonSettings,
    #[config(flatten)]
    _tls: TlsSettings,
    #[config(flatten)]
    rest: RestSettings,
    /// File that keeps the offsets of source connectors.
    #[config(high, name = "offset.storage.file.filename", check = millrace_api::config::non_empty())]
    offset_file: PathBuf,
}

/// Why a worker cannot start with its file: every problem at once.
#[derive(Debug, thiserror::Error)]
pub enum WorkerConfigError {
    #[error(transparent)]
    File(#[from] properties_file::FileError),
    #[error("{}", lines(file, problems))]
    Settings { file: PathBuf, problems: Problems },
}

fn lines(file: &Path, problems: &Problems) -> String {
    let lines: Vec<_> = problems
        .iter()
        .flat_map(|(_, texts)| texts)
        .map(|text| format!("{}: {text}", file.display()))
        .collect();
    lines.join("\n")
}

// === impl WorkerConfig ===

impl WorkerConfig {
    /// Reads a worker's file and resolves the references in it.
    pub fn read(file: &Path, plugins: &Plugins) -> Result<Self, WorkerConfigError> {
        Self::resolve(&properties_file::read(file)?, plugins)
            .map_err(|problems| WorkerConfigError::Settings { file: file.to_owned(), problems })
    }

    /// Reads a worker's settings with the references in them.
    pub fn resolve(given: &Properties, plugins: &Plugins) -> Result<Self, Problems> {
        let providers = Providers::of(given)?;
        let resolved = providers.resolve(given).map_err(|error| {
            let mut problems = Problems::default();
            problems.add("config.providers", error.to_string());
            problems
        })?;
        let mut config = Self::parse(resolved, plugins)?;
        secrets::hide_marked(&config.properties);
        config.providers = Arc::new(providers);
        Ok(config)
    }

    /// Reads a worker's settings, collecting every problem. Touches nothing outside, so no reference is resolved.
    pub fn parse(mut properties: Properties, plugins: &Plugins) -> Result<Self, Problems> {
        hide_passwords(&mut properties);
        let mut problems = Problems::default();
        let mut warnings = Vec::new();
        not_built::check(&properties, &mut problems, &mut warnings);
        warnings.extend(removed(&properties));
        warnings.extend(unknown::of_worker(&properties, &StandaloneSettings::definition()));
        check_clients(&properties, &mut problems, &mut warnings);
        let settings = match StandaloneSettings::parse(&properties) {
            Ok(settings) => Some(settings),
            Err(found) => {
                add(&mut problems, &found);
                None
            }
        };
        check_converters(&properties, plugins, &mut problems);
        let policy = policy::of(&properties).map_err(|problem| problems.add(policy::SETTING, problem));
        match (settings, policy) {
            (Some(settings), Ok(override_policy)) if problems.is_empty() => {
                if !properties.contains("bootstrap.servers") {
                    warnings.push(
                        "bootstrap.servers is not set: the brokers are looked for at localhost:9092"
                            .to_owned(),
                    );
                }
                let listeners = listener::all(&settings.rest.listeners);
                Ok(Self {
                    admin_listeners: settings.rest.admin_listeners.as_deref().map(listener::all),
                    common: settings.common,
                    rest: settings.rest,
                    listeners,
                    override_policy,
                    offset_file: settings.offset_file,
                    providers: Arc::default(),
                    values: values(&properties),
                    properties: Arc::new(properties),
                    warnings,
                })
            }
            _ => Err(problems),
        }
    }

    /// Returns what a user should know: settings that have no effect here.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the block of values that is logged at the start, passwords hidden.
    pub fn shown(&self) -> String {
        let lines: String = self.values.iter().map(|(name, value)| format!("\n\t{name} = {value}")).collect();
        format!("{LOGGED_AS} values: {lines}\n")
    }

    /// Logs values and warnings.
    pub fn log(&self) {
        tracing::info!(target: "org.apache.kafka.connect.runtime.standalone.StandaloneConfig", "{}", self.shown());
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
    }
}

/// Marks everything that is a password for some client, under whatever prefix it was given.
fn hide_passwords(properties: &mut Properties) {
    let passwords = StandaloneSettings::definition();
    let passwords =
        passwords.keys().iter().filter(|key| key.kind == Type::Password).map(|key| key.name.as_ref());
    let passwords: Vec<_> = passwords.chain(["sasl.jaas.config"]).collect();
    let names: Vec<_> = properties.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        if passwords.iter().any(|password| name.ends_with(password)) {
            properties.hide(&name);
        }
    }
}

fn removed(properties: &Properties) -> impl Iterator<Item = String> {
    let given = REMOVED.into_iter().filter(|name| properties.contains(name));
    given.map(|name| format!("{name} was removed from Kafka Connect and has no effect"))
}

fn check_converters(properties: &Properties, plugins: &Plugins, problems: &mut Problems) {
    for role in ["key", "value", "header"] {
        let setting = format!("{role}.converter");
        let Some(class) = properties.get(&setting).map(str::trim) else { continue };
        let found = match role {
            "header" => plugins.find_header_converter(class),
            _ => plugins.find_converter(class),
        };
        let Some(found) = found else {
            let problem = format!(
                "Invalid value {class} for configuration {setting}: Class {class} could not be found."
            );
            problems.add(&setting, problem);
            continue;
        };
        let setting = format!("{setting}.plugin.version");
        if let Some(range) = properties.get(&setting)
            && let Err(problem) = version::check(class, range, &found.info().version)
        {
            problems.add(&setting, problem);
        }
    }
}

/// Lets the translation of client settings say what it thinks of the worker's.
fn check_clients(properties: &Properties, problems: &mut Problems, warnings: &mut Vec<String>) {
    for (prefix, role) in
        [("producer.", Role::Producer), ("consumer.", Role::Consumer), ("admin.", Role::Admin)]
    {
        match translate(role, &properties.with_prefix(prefix)) {
            Ok(translation) => {
                let ignored = translation.ignored.iter();
                warnings.extend(
                    ignored.map(|name| format!("{prefix}{name} has no effect on Kafka clients here")),
                );
            }
            Err(KafkaError::Setting { name, reason }) => {
                let setting = format!("{prefix}{name}");
                problems.add(&setting, format!("Invalid configuration {setting}: {reason}"));
            }
            Err(other) => problems.add(prefix, other.to_string()),
        }
    }
}

fn add(problems: &mut Problems, found: &Problems) {
    for (setting, texts) in found.iter() {
        texts.iter().for_each(|text| problems.add(setting, text));
    }
}

/// Returns every known setting with its value as Kafka's logs show it, by name.
fn values(properties: &Properties) -> Vec<(String, String)> {
    let definition = StandaloneSettings::definition();
    let mut values: Vec<_> = definition
        .validate(properties)
        .into_iter()
        .map(|value| {
            let shown = match (&value.parsed, value.value.as_deref()) {
                (Parsed::Null, _) | (_, None) => "null".to_owned(),
                (_, Some(HIDDEN)) => HIDDEN.to_owned(),
                (Parsed::List(texts), _) => format!("[{}]", texts.join(", ")),
                (_, Some(text)) => text.to_owned(),
            };
            (value.name.to_string(), shown)
        })
        .collect();
    values.sort();
    values
}

/// Returns the definition of a standalone worker's settings.
pub(super) fn definition() -> ConfigDef {
    StandaloneSettings::definition()
}

/// One of these texts, in whatever case.
pub(super) fn one_of_any_case(texts: &'static [&'static str]) -> Check {
    Check::new(move |value| match value {
        Parsed::Text(text) if texts.iter().any(|known| known.eq_ignore_ascii_case(text)) => Ok(()),
        Parsed::Null => Ok(()),
        _ => {
            let texts: Vec<_> = texts.iter().map(|text| text.to_uppercase()).collect();
            Err(format!("String must be one of (case insensitive): {}", texts.join(", ")))
        }
    })
}

// === impl Bootstrap ===

const EMBEDDED: &str = "embedded://";

impl Setting for Bootstrap {
    const TYPE: Type = Type::List;

    fn from_parsed(parsed: Parsed) -> Result<Self, String> {
        let Parsed::List(servers) = parsed else { return Err("entry must be non null".to_owned()) };
        match servers.as_slice() {
            [] => Err("no server is named".to_owned()),
            [server] if server == EMBEDDED => {
                Err("embedded:// needs a folder, as in embedded://data".to_owned())
            }
            [server] if server.starts_with(EMBEDDED) => Ok(Self::Embedded(server[EMBEDDED.len()..].into())),
            servers if servers.iter().any(|server| server.starts_with(EMBEDDED)) => {
                Err("the embedded broker cannot be mixed with other servers".to_owned())
            }
            servers => Ok(Self::Servers(servers.join(","))),
        }
    }
}

impl fmt::Display for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Servers(servers) => f.write_str(servers),
            Self::Embedded(folder) => write!(f, "{EMBEDDED}{}", folder.display()),
        }
    }
}

// === impl TaskProducer ===

impl Setting for TaskProducer {
    const TYPE: Type = Type::String;

    fn from_parsed(parsed: Parsed) -> Result<Self, String> {
        match parsed {
            Parsed::Text(text) if text == "shared" => Ok(Self::Shared),
            Parsed::Text(text) if text == "own" => Ok(Self::Own),
            _ => Err("String must be one of: shared, own".to_owned()),
        }
    }
}

impl fmt::Display for TaskProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared => "shared",
            Self::Own => "own",
        })
    }
}

#[cfg(test)]
mod tests;
