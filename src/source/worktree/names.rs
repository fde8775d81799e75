//! Names of files that hold credentials, and are therefore scanned even where git ignores them: a file
//! is often ignored just because a secret is in it.

/// The whole name.
const NAMES: [&str; 21] = [
    ".boto",
    ".dockercfg",
    ".dockerconfigjson",
    ".env",
    ".git-credentials",
    ".htpasswd",
    ".my.cnf",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    ".s3cfg",
    ".terraformrc",
    ".vault-token",
    ".yarnrc.yml",
    "_netrc",
    "auth.json",
    "gradle.properties",
    "kubeconfig",
    "terraform.rc",
    "wp-config.php",
];

/// How the name begins.
const BEGINNINGS: [&str; 10] = [
    ".env.",
    ".envrc",
    "credentials",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "secrets",
    "service-account",
    "service_account",
];

/// How the name ends.
const ENDINGS: [&str; 16] = [
    ".env",
    ".jks",
    ".key",
    ".keystore",
    ".kubeconfig",
    ".ovpn",
    ".p12",
    ".p8",
    ".pem",
    ".pfx",
    ".ppk",
    ".secret",
    ".secrets",
    ".tfstate",
    ".tfstate.backup",
    ".tfvars",
];

/// Returns whether a file of that name is likely to hold credentials.
pub(super) fn is_credentials_file(name: &str) -> bool {
    let name = name.to_lowercase();
    NAMES.contains(&&*name)
        || BEGINNINGS.iter().any(|part| name.starts_with(part))
        || ENDINGS.iter().any(|part| name.ends_with(part))
        // Not only `.env.local`: `.env-old` and `.env_backup` are kept the same way.
        || name.starts_with(".env-")
        || name.starts_with(".env_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_whole_or_by_its_ends_in_any_case() {
        for name in [".env", ".ENV.local", "server.PEM", "id_rsa.bak", "Credentials.json"] {
            assert!(is_credentials_file(name), "{name}");
        }
        for name in ["environment.rs", "main.o", "keys.md", "npmrc"] {
            assert!(!is_credentials_file(name), "{name}");
        }
    }
}
