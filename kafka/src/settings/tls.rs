//! TLS settings. PEM only: librdkafka reads no Java key stores.

use std::collections::BTreeMap;

use super::Output;
use crate::KafkaError;

const NOT_PEM: &str =
    "JKS and PKCS12 stores cannot be read yet; convert the store to PEM and set the type to PEM";

pub(super) fn translate(java: &BTreeMap<&str, &str>, out: &mut Output) -> Result<(), KafkaError> {
    let protocol = java.get("security.protocol").copied().unwrap_or("").to_ascii_lowercase();
    if !protocol.ends_with("ssl") {
        return Ok(());
    }
    let given = |name: &str| java.get(name).copied().filter(|text| !text.is_empty());

    trust(&given, out)?;
    identity(&given, out)?;
    match java.get("ssl.endpoint.identification.algorithm") {
        Some(&"") => out.set("ssl.endpoint.identification.algorithm", "none"),
        None => out.set("ssl.endpoint.identification.algorithm", "https"),
        Some(name) if name.eq_ignore_ascii_case("https") => {
            out.set("ssl.endpoint.identification.algorithm", "https");
        }
        Some(_) => {
            let reason = "neither https nor empty";
            return Err(KafkaError::setting("ssl.endpoint.identification.algorithm", reason));
        }
    }
    if let Some(text) = given("ssl.enabled.protocols") {
        // What OpenSSL offers by itself. Anything narrower would be silently wider.
        let mut names: Vec<_> = text.split(',').map(str::trim).collect();
        names.sort_unstable();
        if names != ["TLSv1.2", "TLSv1.3"] {
            let reason = "only TLSv1.2,TLSv1.3 is supported";
            return Err(KafkaError::setting("ssl.enabled.protocols", reason));
        }
    }
    Ok(())
}

fn trust<'a>(given: &impl Fn(&str) -> Option<&'a str>, out: &mut Output) -> Result<(), KafkaError> {
    if let Some(pem) = given("ssl.truststore.certificates") {
        out.set("ssl.ca.pem", lines(pem));
    } else if let Some(path) = given("ssl.truststore.location") {
        require_pem("ssl.truststore.type", given)?;
        out.set("ssl.ca.location", path);
    } else {
        // Java trusts what its platform trusts; so does this.
        out.set("ssl.ca.location", "probe");
    }
    Ok(())
}

fn identity<'a>(given: &impl Fn(&str) -> Option<&'a str>, out: &mut Output) -> Result<(), KafkaError> {
    if let Some(key) = given("ssl.keystore.key") {
        let Some(chain) = given("ssl.keystore.certificate.chain") else {
            let reason = "missing beside ssl.keystore.key";
            return Err(KafkaError::setting("ssl.keystore.certificate.chain", reason));
        };
        out.set("ssl.key.pem", lines(key));
        out.set("ssl.certificate.pem", lines(chain));
    } else if let Some(path) = given("ssl.keystore.location") {
        require_pem("ssl.keystore.type", given)?;
        // In Java's PEM stores the key and its chain stand in one file.
        out.set("ssl.key.location", path);
        out.set("ssl.certificate.location", path);
    } else {
        return Ok(());
    }
    if let Some(password) = given("ssl.key.password") {
        out.set("ssl.key.password", password);
    }
    Ok(())
}

fn require_pem<'a>(name: &str, given: &impl Fn(&str) -> Option<&'a str>) -> Result<(), KafkaError> {
    // Java's default type is JKS.
    if given(name).is_some_and(|kind| kind.eq_ignore_ascii_case("PEM")) {
        return Ok(());
    }
    Err(KafkaError::setting(name, NOT_PEM))
}

/// In a properties file a PEM text often stands on one line, its line breaks replaced by spaces, which Java's reader
/// accepts and OpenSSL's does not.
fn lines(pem: &str) -> String {
    let mut text = String::with_capacity(pem.len() + 16);
    for part in pem.split("-----") {
        // Parts alternate between what lies outside markers and the markers' own texts, which hold spaces.
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        if part.starts_with("BEGIN ") || part.starts_with("END ") {
            text.push_str("-----");
            text.push_str(part);
            text.push_str("-----\n");
        } else if part.contains(':') {
            // An encrypted key of the old form has header lines; it is left as it is.
            text.push_str(part);
            text.push('\n');
        } else {
            for line in part.split_whitespace() {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}
