//! The parameters of MySQL's and MariaDB's Java drivers, translated or refused by name. Pure.

use super::types::{Rules, ZeroDate};
use crate::{connection::ConnectionSettings, error::JdbcError};
use mysql_async::{OptsBuilder, SslOpts};
use std::{path::PathBuf, time::Duration};

/// How long connecting to one host may take when nothing is said.
const CONNECT_WAIT: Duration = Duration::from_secs(30);

/// How long the server waits, in seconds, for a slow reader of a result before it cuts the connection. A reader here is as slow
/// as Kafka; the server's default is a minute.
const WRITE_TIMEOUT_SECONDS: u32 = 24 * 3600;

/// Parameters that mean something to Java's drivers only, or whose effect is there without them.
const IGNORED: [&str; 35] = [
    "allowMultiQueries",
    "allowPublicKeyRetrieval",
    "autoReconnect",
    "cachePrepStmts",
    "cacheResultSetMetadata",
    "cacheServerConfiguration",
    "characterEncoding",
    "characterSetResults",
    "connectionTimeZone",
    "defaultFetchSize",
    "elideSetAutoCommits",
    "enabledSslProtocolSuites",
    "enabledTLSProtocols",
    "failOverReadOnly",
    "forceConnectionTimeZoneToSession",
    "jdbcCompliantTruncation",
    "logger",
    "maintainTimeStats",
    "maxReconnects",
    "netTimeoutForStreamingResults",
    "noDatetimeStringSync",
    "pool",
    "prepStmtCacheSize",
    "prepStmtCacheSqlLimit",
    "preserveInstants",
    "profileSQL",
    "rewriteBatchedStatements",
    "serverTimezone",
    "tcpNoDelay",
    "useBulkStmts",
    "useCursorFetch",
    "useInformationSchema",
    "useLegacyDatetimeCode",
    "useServerPrepStmts",
    "useUnicode",
];

/// Whether TLS must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preference {
    Prefer,
    /// Required, or not wanted: then there are no options.
    Settled,
}

/// What to connect with.
pub(super) struct Parameters {
    pub(super) options: OptsBuilder,
    pub(super) tls: Option<SslOpts>,
    pub(super) preference: Preference,
    pub(super) connect_wait: Duration,
    pub(super) rules: Rules,
}

/// Translates settings and parameters.
pub(super) fn read(settings: &ConnectionSettings) -> Result<Parameters, JdbcError> {
    let mut reading = Reading {
        user: settings.user.clone(),
        password: settings.password.as_ref().map(|password| password.reveal().to_string()),
        options: OptsBuilder::default().prefer_socket(false).tcp_keepalive(Some(Duration::from_secs(60))),
        tls: Tls::Prefer,
        root: None,
        connect_wait: CONNECT_WAIT,
        first: vec![format!("SET SESSION net_write_timeout = {WRITE_TIMEOUT_SECONDS}")],
        rules: Rules {
            tiny_one_is_bit: true,
            year_is_date: true,
            zero_date: ZeroDate::Error,
            null_catalog_is_current: false,
        },
    };
    for (name, value) in settings.parameters() {
        reading.take(&name, &value).map_err(|reason| JdbcError::Parameter { name, reason })?;
    }
    let Reading { user, password, options, tls, root, connect_wait, first, rules } = reading;
    let options = options.user(user).pass(password).db_name(settings.url.database.clone()).init(first);
    let roots = root.into_iter().map(Into::into).collect();
    let secured = SslOpts::default().with_root_certs(roots);
    let (tls, preference) = match tls {
        Tls::Off => (None, Preference::Settled),
        Tls::Prefer => (Some(secured.with_danger_accept_invalid_certs(true)), Preference::Prefer),
        Tls::Require => (Some(secured.with_danger_accept_invalid_certs(true)), Preference::Settled),
        Tls::VerifyAuthority => (Some(secured.with_danger_skip_domain_validation(true)), Preference::Settled),
        Tls::VerifyHost => (Some(secured), Preference::Settled),
    };
    Ok(Parameters { options, tls, preference, connect_wait, rules })
}

enum Tls {
    Off,
    Prefer,
    Require,
    VerifyAuthority,
    VerifyHost,
}

struct Reading {
    user: Option<String>,
    password: Option<String>,
    options: OptsBuilder,
    tls: Tls,
    root: Option<PathBuf>,
    connect_wait: Duration,
    first: Vec<String>,
    rules: Rules,
}

impl Reading {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "user" => self.user = Some(value.to_string()),
            "password" => self.password = Some(value.to_string()),
            "connectTimeout" => match milliseconds(value)? {
                // 0 is for ever in Java; nobody waits that long.
                Duration::ZERO => {}
                wait => self.connect_wait = wait,
            },
            "socketTimeout" if milliseconds(value)? == Duration::ZERO => {}
            "tcpKeepAlive" if boolean(value)? => {}
            "tcpKeepAlive" => self.options = std::mem::take(&mut self.options).tcp_keepalive(None),
            "tinyInt1isBit" => self.rules.tiny_one_is_bit = boolean(value)?,
            "yearIsDateType" => self.rules.year_is_date = boolean(value)?,
            "zeroDateTimeBehavior" => self.rules.zero_date = zero_date(value)?,
            "nullCatalogMeansCurrent" | "nullDatabaseMeansCurrent" => {
                self.rules.null_catalog_is_current = boolean(value)?;
            }
            "sessionVariables" => self.first.push(format!("SET SESSION {value}")),
            "useSSL" | "useSsl" => self.tls = if boolean(value)? { Tls::Require } else { Tls::Off },
            "requireSSL" if boolean(value)? => self.tls = Tls::Require,
            "verifyServerCertificate" if boolean(value)? => self.tls = Tls::VerifyAuthority,
            "requireSSL" | "verifyServerCertificate" => {}
            "trustServerCertificate" if boolean(value)? => self.tls = Tls::Require,
            "trustServerCertificate" => {}
            "sslMode" => self.tls = ssl_mode(value)?,
            "serverSslCert" => self.root = Some(value.into()),
            _ if IGNORED.contains(&name) => {}
            _ => {
                return Err(
                    "there is no such parameter in this driver of MySQL and MariaDB; remove it".to_string()
                );
            }
        }
        Ok(())
    }
}

fn milliseconds(value: &str) -> Result<Duration, String> {
    value.parse().map(Duration::from_millis).map_err(|_| format!("{value} is no number of milliseconds"))
}

fn boolean(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "" | "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{value} is neither true nor false")),
    }
}

fn zero_date(value: &str) -> Result<ZeroDate, String> {
    match value.to_ascii_lowercase().replace('_', "").as_str() {
        "exception" => Ok(ZeroDate::Error),
        "converttonull" => Ok(ZeroDate::Null),
        "round" => Ok(ZeroDate::Round),
        _ => Err(format!("{value} is none of EXCEPTION, CONVERT_TO_NULL, ROUND")),
    }
}

fn ssl_mode(value: &str) -> Result<Tls, String> {
    match value.to_ascii_lowercase().replace('-', "_").as_str() {
        "disabled" | "disable" => Ok(Tls::Off),
        "preferred" => Ok(Tls::Prefer),
        "required" | "trust" => Ok(Tls::Require),
        "verify_ca" => Ok(Tls::VerifyAuthority),
        "verify_identity" | "verify_full" => Ok(Tls::VerifyHost),
        _ => Err(format!("{value} is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY")),
    }
}
