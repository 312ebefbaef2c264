//! `jdbc:` URLs: which database they name, where it is, and with which parameters. Pure.

use millrace_api::HIDDEN;
use percent_encoding::percent_decode_str;

/// A database that there is a driver for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    PostgreSql,
    /// `jdbc:mysql:`, which is also used against MariaDB.
    MySql,
    /// `jdbc:mariadb:`, whose Java driver reports some types otherwise.
    MariaDb,
    Sqlite,
}

/// The parts of a `jdbc:` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JdbcUrl {
    pub(crate) product: Product,
    /// In the order in which they are tried; empty for SQLite.
    pub(crate) hosts: Vec<(String, u16)>,
    /// The database, or SQLite's file.
    pub(crate) database: Option<String>,
    /// As they were written, decoded.
    pub(crate) parameters: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlError {
    /// The reference's text.
    #[error("Not a valid JDBC URL: {url}")]
    NotJdbc { url: String },

    #[error(
        "there is no driver for jdbc:{protocol}: in connection.url; there are postgresql, mysql, mariadb and sqlite"
    )]
    NoDriver { protocol: String },

    #[error("connection.url {url} has no host that could be read; write {form}")]
    Shape { url: String, form: &'static str },

    #[error("connection.url {url} has the port {port}, which is no number from 1 to 65535")]
    Port { url: String, port: String },
}

impl Product {
    /// Returns what errors call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
            Self::Sqlite => "SQLite",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::PostgreSql => 5432,
            Self::MySql | Self::MariaDb => 3306,
            Self::Sqlite => 0,
        }
    }

    fn form(self) -> &'static str {
        match self {
            Self::PostgreSql => "jdbc:postgresql://host:5432/database",
            Self::MySql => "jdbc:mysql://host:3306/database",
            Self::MariaDb => "jdbc:mariadb://host:3306/database",
            Self::Sqlite => "jdbc:sqlite:/path/to/file.db",
        }
    }
}

impl JdbcUrl {
    /// Reads a URL.
    pub(crate) fn parse(url: &str) -> Result<Self, UrlError> {
        let url = url.trim();
        let not_jdbc = || UrlError::NotJdbc { url: without_secrets(url) };
        let rest = url.strip_prefix("jdbc:").ok_or_else(not_jdbc)?;
        let (protocol, rest) = rest.split_once(':').ok_or_else(not_jdbc)?;
        let product = match protocol {
            "postgresql" => Product::PostgreSql,
            "mysql" => Product::MySql,
            "mariadb" => Product::MariaDb,
            "sqlite" => Product::Sqlite,
            "" => return Err(not_jdbc()),
            other => return Err(UrlError::NoDriver { protocol: other.to_string() }),
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let parameters = parameters(query);
        if product == Product::Sqlite {
            let database = Some(place.to_string());
            return Ok(Self { product, hosts: Vec::new(), database, parameters });
        }
        let (hosts, database) = place_of(product, place, url)?;
        Ok(Self { product, hosts, database, parameters })
    }

    /// Returns what errors call the database: where it is, and nothing else of the URL.
    pub(crate) fn target(&self) -> String {
        let database = self.database.as_deref().unwrap_or_default();
        if self.product == Product::Sqlite {
            return format!("SQLite file {database}");
        }
        let hosts: Vec<_> = self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        format!("{} at {}/{database}", self.product.name(), hosts.join(","))
    }
}

/// Returns a URL as it may be shown: values of parameters that hold secrets are hidden, and so is a password before an `@`.
pub(crate) fn without_secrets(url: &str) -> String {
    let (place, query) = match url.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (url, None),
    };
    let place = match (place.find("//"), place.rfind('@')) {
        (Some(begin), Some(end)) if end > begin => {
            format!("{}//{HIDDEN}@{}", &place[..begin], &place[end + 1..])
        }
        _ => place.to_string(),
    };
    let Some(query) = query else { return place };
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
        _ => part.to_string(),
    });
    format!("{place}?{}", parts.collect::<Vec<_>>().join("&"))
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "token"].iter().any(|word| name.contains(word))
}

fn parameters(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

type Place = (Vec<(String, u16)>, Option<String>);

/// Reads `//host:port,host2/database`, `/database` or `database`.
fn place_of(product: Product, place: &str, url: &str) -> Result<Place, UrlError> {
    let local = || vec![("localhost".to_string(), product.default_port())];
    let named = |database: &str| Some(decoded_path(database)).filter(|database| !database.is_empty());
    let Some(rest) = place.strip_prefix("//") else {
        // PostgreSQL's short form; MySQL has none.
        if product != Product::PostgreSql {
            return Err(UrlError::Shape { url: without_secrets(url), form: product.form() });
        }
        return Ok((local(), named(place.trim_start_matches('/'))));
    };
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    if hosts.contains(['@', '(']) {
        return Err(UrlError::Shape { url: without_secrets(url), form: product.form() });
    }
    let mut found = Vec::new();
    for host in hosts.split(',').filter(|host| !host.is_empty()) {
        found.push(host_and_port(product, host, url)?);
    }
    Ok((if found.is_empty() { local() } else { found }, named(database)))
}

fn decoded_path(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn host_and_port(product: Product, text: &str, url: &str) -> Result<(String, u16), UrlError> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        None | Some("") => product.default_port(),
        Some(port) => match port.parse() {
            Ok(number) if number > 0 => number,
            _ => return Err(UrlError::Port { url: without_secrets(url), port: port.to_string() }),
        },
    };
    Ok((host.to_string(), port))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[track_caller]
    fn check(url: &str, product: Product, hosts: &[(&str, u16)], database: Option<&str>) {
        let found = JdbcUrl::parse(url).unwrap();
        let hosts: Vec<_> = hosts.iter().map(|(host, port)| (host.to_string(), *port)).collect();
        assert_eq!((found.product, found.hosts, found.database.as_deref()), (product, hosts, database));
    }

    #[test]
    fn every_form_is_read() {
        use Product::*;
        check("jdbc:postgresql://db/shop", PostgreSql, &[("db", 5432)], Some("shop"));
        check("jdbc:postgresql://a:1,b/shop?x=y", PostgreSql, &[("a", 1), ("b", 5432)], Some("shop"));
        check("jdbc:postgresql:shop", PostgreSql, &[("localhost", 5432)], Some("shop"));
        check("jdbc:postgresql://[::1]:5433/", PostgreSql, &[("::1", 5433)], None);
        check("jdbc:postgresql:///a%20b", PostgreSql, &[("localhost", 5432)], Some("a b"));
        check("jdbc:mysql://db:3307/shop", MySql, &[("db", 3307)], Some("shop"));
        check("jdbc:mariadb://db", MariaDb, &[("db", 3306)], None);
        check("jdbc:sqlite:/var/a.db", Sqlite, &[], Some("/var/a.db"));
        check("jdbc:sqlite::memory:", Sqlite, &[], Some(":memory:"));
    }

    #[test]
    fn parameters_are_decoded() {
        let url = JdbcUrl::parse("jdbc:postgresql://h/d?ApplicationName=a%20b+c&ssl&x=1=2").unwrap();
        let expected = [("ApplicationName", "a b c"), ("ssl", ""), ("x", "1=2")];
        assert_eq!(url.parameters, expected.map(|(name, value)| (name.to_string(), value.to_string())));
    }

    #[track_caller]
    fn refused(url: &str, message: &str) {
        assert_eq!(JdbcUrl::parse(url).unwrap_err().to_string(), message);
    }

    #[test]
    fn what_is_wrong_is_said_without_secrets() {
        refused("", "Not a valid JDBC URL: ");
        refused(
            "postgresql://h/d?password=hunter2&a=b",
            "Not a valid JDBC URL: postgresql://h/d?password=[hidden]&a=b",
        );
        refused("postgresql://me:hunter2@h/d", "Not a valid JDBC URL: postgresql://[hidden]@h/d");
        refused(
            "jdbc:oracle:thin:@h:1521:x",
            "there is no driver for jdbc:oracle: in connection.url; there are postgresql, mysql, mariadb and sqlite",
        );
        refused(
            "jdbc:mysql://me:hunter2@h/d",
            "connection.url jdbc:mysql://[hidden]@h/d has no host that could be read; write jdbc:mysql://host:3306/database",
        );
        refused(
            "jdbc:mysql://h:70000/d",
            "connection.url jdbc:mysql://h:70000/d has the port 70000, which is no number from 1 to 65535",
        );
    }
}
