//! The parameters of PostgreSQL's Java driver, translated or refused by name. Pure but for the files of certificates.

use crate::{
    connection::ConnectionSettings,
    error::JdbcError,
    tls::{self, TlsFiles, Verify},
};
use rustls::ClientConfig;
use std::time::Duration;
use tokio_postgres::config::{ChannelBinding, Config, LoadBalanceHosts, SslMode, TargetSessionAttrs};

/// How long connecting to one host may take when nothing is said: the Java driver's default.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Parameters that mean something to Java's driver only, or whose effect is there without them.
const IGNORED: [&str; 25] = [
    "adaptiveFetch",
    "assumeMinServerVersion",
    "autosave",
    "binaryTransfer",
    "binaryTransferDisable",
    "binaryTransferEnable",
    "cleanupSavepoints",
    "databaseMetadataCacheFields",
    "databaseMetadataCacheFieldsMiB",
    "defaultRowFetchSize",
    "disableColumnSanitiser",
    "escapeSyntaxCallMode",
    "gssEncMode",
    "hostRecheckSeconds",
    "logServerErrorDetail",
    "loggerFile",
    "loggerLevel",
    "logUnclosedConnections",
    "maxResultBuffer",
    "preparedStatementCacheQueries",
    "preparedStatementCacheSizeMiB",
    "prepareThreshold",
    "preferQueryMode",
    "reWriteBatchedInserts",
    "unknownLength",
];

/// What to connect with.
pub(super) struct Parameters {
    pub(super) config: Config,
    pub(super) tls: ClientConfig,
    /// Statements that are run once the connection is there.
    pub(super) first: Vec<String>,
}

/// Translates settings and parameters.
pub(super) fn read(settings: &ConnectionSettings) -> Result<Parameters, JdbcError> {
    let mut config = Config::new();
    for (host, port) in &settings.url.hosts {
        config.host(host).port(*port);
    }
    if let Some(user) = &settings.user {
        config.user(user);
    }
    if let Some(password) = &settings.password {
        config.password(password.reveal());
    }
    config.application_name("Millrace").connect_timeout(CONNECT_WAIT);
    let mut reading = Reading {
        config,
        mode: SslMode::Prefer,
        verify: Verify::Nothing,
        files: TlsFiles::default(),
        first: Vec::new(),
    };
    for (name, value) in settings.parameters() {
        reading.take(&name, &value).map_err(|reason| JdbcError::Parameter { name, reason })?;
    }
    let Reading { mut config, mode, verify, files, first } = reading;
    config.ssl_mode(mode);
    // The Java driver connects to the database that has the user's name when none is given, and so does this one.
    if let Some(database) = &settings.url.database {
        config.dbname(database);
    }
    if config.get_user().is_none() {
        return Err(JdbcError::setting("connecting to PostgreSQL needs connection.user"));
    }
    Ok(Parameters { config, tls: tls::client(verify, &files)?, first })
}

struct Reading {
    config: Config,
    mode: SslMode,
    verify: Verify,
    files: TlsFiles,
    first: Vec<String>,
}

impl Reading {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let config = &mut self.config;
        match name {
            "user" => _ = config.user(value),
            "password" => _ = config.password(value),
            "ApplicationName" => _ = config.application_name(value),
            "options" => _ = config.options(value),
            "connectTimeout" | "loginTimeout" => match seconds(value)? {
                // 0 is for ever in Java; nobody waits that long.
                Duration::ZERO => {}
                wait => _ = config.connect_timeout(wait),
            },
            "socketTimeout" => match seconds(value)? {
                Duration::ZERO => {}
                wait => _ = config.tcp_user_timeout(wait),
            },
            "tcpKeepAlive" => _ = config.keepalives(boolean(value)?),
            "currentSchema" => {
                let quoted = value.replace('\'', "''");
                self.first.push(format!("SELECT pg_catalog.set_config('search_path', '{quoted}', false)"));
            }
            "readOnly" if boolean(value)? => {
                self.first.push("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY".to_string());
            }
            "readOnly" | "readOnlyMode" | "tcpNoDelay" => {}
            "targetServerType" => _ = config.target_session_attrs(target(value)?),
            "loadBalanceHosts" if boolean(value)? => {
                config.load_balance_hosts(LoadBalanceHosts::Random);
            }
            "loadBalanceHosts" => {}
            "channelBinding" => _ = config.channel_binding(channel_binding(value)?),
            "ssl" => match value {
                "" | "true" => (self.mode, self.verify) = (SslMode::Require, Verify::Host),
                "false" => {}
                _ => return Err(format!("{value} is neither true nor false")),
            },
            "sslmode" => (self.mode, self.verify) = ssl_mode(value)?,
            "sslrootcert" => self.files.root = Some(value.into()),
            "sslcert" => self.files.certificate = Some(value.into()),
            "sslkey" => self.files.key = Some(value.into()),
            // Whether texts are sent with a type; here each parameter has the type that the server wants.
            "stringtype" => {}
            _ if IGNORED.contains(&name) => {}
            _ => return Err("there is no such parameter in this PostgreSQL driver; remove it".to_string()),
        }
        Ok(())
    }
}

fn seconds(value: &str) -> Result<Duration, String> {
    value.parse().map(Duration::from_secs).map_err(|_| format!("{value} is no number of seconds"))
}

fn boolean(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{value} is neither true nor false")),
    }
}

fn target(value: &str) -> Result<TargetSessionAttrs, String> {
    match value {
        "any" | "preferPrimary" | "preferSecondary" | "preferSlave" => Ok(TargetSessionAttrs::Any),
        "primary" | "master" => Ok(TargetSessionAttrs::ReadWrite),
        "secondary" | "slave" => Ok(TargetSessionAttrs::ReadOnly),
        _ => Err(format!("{value} is none of any, primary, secondary, preferPrimary, preferSecondary")),
    }
}

fn channel_binding(value: &str) -> Result<ChannelBinding, String> {
    match value {
        "disable" => Ok(ChannelBinding::Disable),
        "prefer" => Ok(ChannelBinding::Prefer),
        "require" => Ok(ChannelBinding::Require),
        _ => Err(format!("{value} is none of disable, prefer, require")),
    }
}

fn ssl_mode(value: &str) -> Result<(SslMode, Verify), String> {
    Ok(match value {
        "disable" => (SslMode::Disable, Verify::Nothing),
        "allow" | "prefer" => (SslMode::Prefer, Verify::Nothing),
        "require" => (SslMode::Require, Verify::Nothing),
        "verify-ca" => (SslMode::Require, Verify::Authority),
        "verify-full" => (SslMode::Require, Verify::Host),
        _ => {
            return Err(format!(
                "{value} is none of disable, allow, prefer, require, verify-ca, verify-full"
            ));
        }
    })
}
