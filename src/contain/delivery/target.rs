//! Where a replacement goes, as an operator writes it: `SCHEME:PLACE[?file=PATH][#PART=NAME,…]`.

use std::path::PathBuf;

use super::DeliveryError;
use super::fields::Fields;

/// The kinds of places that have a scheme. Anything else is a program's command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// AWS Secrets Manager: a secret's name or ARN.
    SecretsManager,
    /// AWS Systems Manager Parameter Store: what the names of the parameters begin with.
    ParameterStore,
    /// A KV v2 secret of Vault or OpenBao: `MOUNT/PATH`.
    Vault,
    /// GitHub Actions: `OWNER/REPOSITORY`, perhaps `/ENVIRONMENT`.
    GitHub,
    /// A Kubernetes Secret: `NAMESPACE/NAME`.
    Kubernetes,
    /// An open file descriptor: its number.
    Descriptor,
}

const SCHEMES: &[(&str, Scheme)] = &[
    ("aws-secretsmanager:", Scheme::SecretsManager),
    ("aws-ssm:", Scheme::ParameterStore),
    ("vault:", Scheme::Vault),
    ("github:", Scheme::GitHub),
    ("kubernetes:", Scheme::Kubernetes),
    ("fd:", Scheme::Descriptor),
];

/// A place with a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which kind of place.
    pub scheme: Scheme,
    /// Its name there.
    pub place: String,
    /// The file to write, where the place is written to one.
    pub file: Option<PathBuf>,
    pub(super) fields: Fields,
}

impl Target {
    /// Reads a place; `None` where the text has none of the schemes.
    ///
    /// # Errors
    /// [`DeliveryError::Target`] where it has one and the rest can't be read.
    pub fn parse(text: &str) -> Result<Option<Self>, DeliveryError> {
        let known = |(prefix, scheme): &(&str, Scheme)| {
            text.strip_prefix(prefix).map(|rest| (*scheme, rest))
        };
        let Some((scheme, rest)) = SCHEMES.iter().find_map(known) else {
            return Ok(None);
        };
        let (rest, names) = rest.split_once('#').unwrap_or((rest, ""));
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let fields = Fields(
            names
                .split(',')
                .filter(|name| !name.is_empty())
                .map(field)
                .collect::<Result<_, _>>()?,
        );
        let target = Self { scheme, place: place.to_owned(), file: file(query)?, fields };
        target.check()?;
        Ok(Some(target))
    }

    fn check(&self) -> Result<(), DeliveryError> {
        let wrong = |why: &str| Err(DeliveryError::Target(why.to_owned()));
        let pieces: Vec<&str> = self.place.split('/').collect();
        let is_plain = pieces.iter().all(|piece| is_name(piece));
        if self.file.is_some() && self.scheme != Scheme::Kubernetes {
            return wrong("only kubernetes: is written to a file");
        }
        match self.scheme {
            Scheme::SecretsManager if self.place.is_empty() => {
                wrong("aws-secretsmanager: needs the name or ARN of a secret")
            }
            Scheme::ParameterStore if self.fields.0.is_empty() => wrong(
                "aws-ssm: needs a parameter for each part: aws-ssm:/app/#id=key-id,secret=key-secret",
            ),
            Scheme::Vault if pieces.len() < 2 || !is_plain => wrong(
                "vault: needs a mount and a path of letters, digits and -._~: vault:secret/app/key",
            ),
            Scheme::GitHub if !(2..=3).contains(&pieces.len()) || !is_plain => wrong(
                "github: needs github:OWNER/REPOSITORY or github:OWNER/REPOSITORY/ENVIRONMENT",
            ),
            Scheme::GitHub if self.fields.0.is_empty() => wrong(
                "github: needs a secret for each part: github:owner/repo#id=AWS_ACCESS_KEY_ID,secret=AWS_SECRET_ACCESS_KEY",
            ),
            Scheme::Kubernetes if pieces.len() != 2 || !is_plain => {
                wrong("kubernetes: needs kubernetes:NAMESPACE/NAME")
            }
            Scheme::Descriptor if self.place.parse::<u16>().is_err() => {
                wrong("fd: needs the number of an open file descriptor")
            }
            _ => Ok(()),
        }
    }
}

/// A name that needs no escaping in an address, and none that leads elsewhere (`..`).
fn is_name(piece: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !piece.is_empty() && piece.bytes().all(is_plain) && !piece.bytes().all(|byte| byte == b'.')
}

fn field(text: &str) -> Result<(String, String), DeliveryError> {
    match text.split_once('=') {
        Some((part, name)) if !part.is_empty() && !name.is_empty() => {
            Ok((part.to_owned(), name.to_owned()))
        }
        _ => Err(DeliveryError::Target(
            "behind the `#` stands PART=NAME for each part, such as id=KEY_ID,secret=KEY_SECRET"
                .to_owned(),
        )),
    }
}

fn file(query: &str) -> Result<Option<PathBuf>, DeliveryError> {
    match query.strip_prefix("file=") {
        Some(path) if !path.is_empty() => Ok(Some(PathBuf::from(path))),
        None if query.is_empty() => Ok(None),
        _ => Err(DeliveryError::Target("behind the `?` stands file=PATH".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_scheme() {
        for (text, scheme, place) in [
            (
                "aws-secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/key-AbCdEf",
                Scheme::SecretsManager,
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/key-AbCdEf",
            ),
            ("aws-ssm:/app/#id=a,secret=b", Scheme::ParameterStore, "/app/"),
            ("vault:secret/app/key#secret=token", Scheme::Vault, "secret/app/key"),
            ("github:o/r/production#secret=TOKEN", Scheme::GitHub, "o/r/production"),
            ("kubernetes:prod/app?file=/tmp/s.json", Scheme::Kubernetes, "prod/app"),
            ("fd:3", Scheme::Descriptor, "3"),
        ] {
            let target = Target::parse(text).unwrap().unwrap();
            assert_eq!((target.scheme, target.place.as_str()), (scheme, place), "{text}");
        }
        let named = Target::parse("vault:secret/app#id=KEY,secret=SECRET").unwrap().unwrap();
        let pair = |part: &str, name: &str| (part.to_owned(), name.to_owned());
        assert_eq!(named.fields.0, [pair("id", "KEY"), pair("secret", "SECRET")]);
        assert_eq!(Target::parse("vault-put app/key"), Ok(None));
    }

    #[test]
    fn refuses_what_would_lead_elsewhere() {
        for text in [
            "aws-secretsmanager:",
            "aws-ssm:/app/",
            "vault:secret",
            "vault:secret/../sys/seal",
            "vault:secret/a b",
            "vault:secret//a",
            "github:owner",
            "github:o/r",
            "github:o/r/e/x#secret=A",
            "kubernetes:name",
            "kubernetes:ns/name?to=x",
            "fd:three",
            "vault:secret/app?file=x",
            "vault:secret/app#secret",
            "vault:secret/app#=x",
        ] {
            assert!(matches!(Target::parse(text), Err(DeliveryError::Target(_))), "{text}");
        }
    }
}
