//! Provider classes: those that are built in, and what to do instead of others.

const PACKAGE: &str = "org.apache.kafka.common.config.provider.";
const SUFFIX: &str = "ConfigProvider";

/// A provider that is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    File,
    Directory,
    Environment,
}

/// Names that tell whose secrets a foreign provider reads, and what to do instead.
const FOREIGN: &[(&str, &str)] = &[
    (
        "kubernetessecret",
        "mount the secret as a volume and use DirectoryConfigProvider, or pass it as a variable and use EnvVarConfigProvider",
    ),
    ("kubernetesconfigmap", "mount the config map as a volume and use DirectoryConfigProvider"),
    (
        "vault",
        "let Vault Agent write the secrets to a file, and use FileConfigProvider or DirectoryConfigProvider",
    ),
    (
        "secretsmanager",
        "let an agent or a CSI driver of the secret manager write files, and use DirectoryConfigProvider",
    ),
    (
        "secretmanager",
        "let an agent or a CSI driver of the secret manager write files, and use DirectoryConfigProvider",
    ),
    ("ssmparam", "let an agent write the parameters to a file, and use FileConfigProvider"),
    ("s3import", "copy the object to a file before the start, and use FileConfigProvider"),
    ("aws", "let an agent or a CSI driver write the secrets to files, and use DirectoryConfigProvider"),
    ("azure", "let the CSI driver of the key vault write files, and use DirectoryConfigProvider"),
    ("gcp", "let the CSI driver of the secret manager write files, and use DirectoryConfigProvider"),
    ("gcloud", "let the CSI driver of the secret manager write files, and use DirectoryConfigProvider"),
    (
        "securepass",
        "write the decrypted secrets to a file that only the worker can read, and use FileConfigProvider",
    ),
    (
        "secretregistry",
        "write the secrets to a file that only the worker can read, and use FileConfigProvider",
    ),
    (
        "aes256",
        "write the decrypted secrets to a file that only the worker can read, and use FileConfigProvider",
    ),
    ("env", "use EnvVarConfigProvider"),
];

/// Finds a provider by class name, simple name or short name. The error says what is wrong, or what to do instead.
pub(super) fn find(class: &str) -> Result<Found, String> {
    let simple = class.strip_prefix(PACKAGE).unwrap_or(class);
    match simple.strip_suffix(SUFFIX).unwrap_or(simple) {
        "File" => return Ok(Found::File),
        "Directory" => return Ok(Found::Directory),
        "EnvVar" => return Ok(Found::Environment),
        _ => {}
    }
    let available: Vec<_> =
        ["Directory", "EnvVar", "File"].map(|name| format!("{PACKAGE}{name}{SUFFIX}")).into();
    let text = format!(
        "Failed to find any class that implements ConfigProvider and which name matches {class}, available \
         ConfigProviders are: {}",
        available.join(", ")
    );
    let lower = class.to_lowercase();
    match FOREIGN.iter().find(|(part, _)| lower.contains(part)) {
        Some((_, advice)) => Err(format!("{text}. Java classes cannot be loaded here: {advice}")),
        None => Err(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_found_by_any_of_their_names() {
        for (name, found) in
            [("File", Found::File), ("Directory", Found::Directory), ("EnvVar", Found::Environment)]
        {
            assert_eq!(find(name), Ok(found));
            assert_eq!(find(&format!("{name}{SUFFIX}")), Ok(found));
            assert_eq!(find(&format!("{PACKAGE}{name}{SUFFIX}")), Ok(found));
        }
    }

    #[test]
    fn others_are_answered_with_what_to_do_instead() {
        for (class, advice) in [
            ("io.strimzi.kafka.KubernetesSecretConfigProvider", "mount the secret"),
            ("io.strimzi.kafka.EnvVarConfigProvider", "use EnvVarConfigProvider"),
            ("com.github.jcustenborder.kafka.config.vault.VaultConfigProvider", "Vault Agent"),
            ("com.amazonaws.kafka.config.providers.SecretsManagerConfigProvider", "DirectoryConfigProvider"),
            ("io.lenses.connect.secrets.providers.AzureSecretProvider", "CSI driver"),
        ] {
            let text = find(class).unwrap_err();
            assert!(text.contains(advice) && text.contains(class), "{text}");
        }
        let text = find("org.example.Mine").unwrap_err();
        assert!(text.ends_with("FileConfigProvider") && !text.contains("instead"), "{text}");
    }
}
