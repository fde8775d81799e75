//! From `--deliver-to` to the place a replacement goes to, with the operator's own tokens.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::connect::{AwsArgs, Occasion};
use crate::cli::{Failure, Global, environment};
use crate::contain::{
    CommandDelivery, Delivery, DeliveryError, Form, GitHubDelivery, Scheme, Sink, Target,
    VaultDelivery, WrittenDelivery,
};
use crate::scan::Scanner;
use crate::secret::{Credential, Part};

/// How long the operator's own delivery program may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Where GitHub's API is unless the operator says otherwise.
const GITHUB: &str = "https://api.github.com";

/// What was asked for.
pub(super) struct Asked {
    target: Option<Target>,
    text: String,
}

impl Asked {
    /// Reads what `--deliver-to` was given. It is shown with the plan and kept with the record, so
    /// it may hold no credential, neither the leaked one nor any other.
    pub(super) fn read(
        text: Option<&str>,
        leaked: &Credential,
        global: &Global,
    ) -> Result<Option<Self>, Failure> {
        let Some(text) = text else { return Ok(None) };
        let holds = |part: &Part| match part {
            Part::Secret(secret) => secret.expose_str().is_some_and(|secret| text.contains(secret)),
            Part::Public(_) => false,
        };
        let found = Scanner::new(global.pattern_set()?).scan_bytes(text.as_bytes());
        // The id of a key alone is no secret, and may well be what the program is told.
        let is_secret = |part: &Part| matches!(part, Part::Secret(_));
        let mut found = found.iter().flat_map(|found| found.credential.parts.values());
        if leaked.parts.values().any(holds) || found.any(is_secret) {
            return Err(Failure::new("what --deliver-to was given holds a credential").hint(
                "nothing was shown or kept of it; let the program take its secrets from a file or the environment",
            ));
        }
        let target = Target::parse(text).map_err(no_place)?;
        Ok(Some(Self { target, text: text.to_owned() }))
    }

    /// Tells whether the new key is written to the standard output, which then holds nothing else.
    pub(super) fn takes_output(&self) -> bool {
        let of = |target: &Target| target.scheme == Scheme::Kubernetes && target.file.is_none();
        self.target.as_ref().is_some_and(of)
    }

    /// Prepares the delivery, with the tokens of the environment.
    pub(super) async fn prepare(
        &self,
        aws: &AwsArgs,
        occasion: &Occasion,
    ) -> Result<Box<dyn Delivery>, Failure> {
        let Some(target) = &self.target else {
            return Ok(Box::new(CommandDelivery::new(&self.text, TIMEOUT).map_err(no_place)?));
        };
        match target.scheme {
            Scheme::SecretsManager | Scheme::ParameterStore => to_aws(target, aws, occasion).await,
            Scheme::Vault => to_vault(target),
            Scheme::GitHub => to_github(target),
            Scheme::Kubernetes => to_kubernetes(target),
            Scheme::Descriptor => {
                let file = descriptor(&target.place)?;
                let words = format!("file descriptor {}", target.place);
                let sink = Sink::Open(words, Arc::new(Mutex::new(file)));
                Ok(Box::new(WrittenDelivery::new(Form::Json, sink)))
            }
        }
    }
}

fn no_place(error: DeliveryError) -> Failure {
    Failure::new(error.to_string()).hint(
        "--deliver-to takes a program and its arguments, or a place: `stanch contain --help` lists them",
    )
}

#[cfg(feature = "aws")]
async fn to_aws(
    target: &Target,
    aws: &AwsArgs,
    occasion: &Occasion,
) -> Result<Box<dyn Delivery>, Failure> {
    use crate::contain::{ParameterStoreDelivery, SecretsManagerDelivery};
    use crate::provider::aws_iam;
    let config = aws_iam::configuration(&super::connect::aws_options(aws, occasion)?).await?;
    Ok(match target.scheme {
        Scheme::ParameterStore => Box::new(ParameterStoreDelivery::new(target, &config)),
        _ => Box::new(SecretsManagerDelivery::new(target, &config)),
    })
}

#[cfg(not(feature = "aws"))]
async fn to_aws(_: &Target, _: &AwsArgs, _: &Occasion) -> Result<Box<dyn Delivery>, Failure> {
    Err(Failure::new("this build can't deliver to AWS").hint("build it with the feature `aws`"))
}

fn to_vault(target: &Target) -> Result<Box<dyn Delivery>, Failure> {
    let missing = |what: &str| {
        Failure::new(format!("{what} is not set, so Vault can't be reached"))
            .hint("set VAULT_ADDR and VAULT_TOKEN, as for the command `vault`")
    };
    let address = environment::text(&["VAULT_ADDR", "BAO_ADDR"]);
    let address = address.ok_or_else(|| missing("VAULT_ADDR"))?;
    let token = environment::secret(&["VAULT_TOKEN", "BAO_TOKEN"]);
    let token = token.ok_or_else(|| missing("VAULT_TOKEN"))?;
    let namespace = environment::text(&["VAULT_NAMESPACE", "BAO_NAMESPACE"]);
    Ok(Box::new(VaultDelivery::new(target, &address, token, namespace).map_err(no_place)?))
}

fn to_github(target: &Target) -> Result<Box<dyn Delivery>, Failure> {
    let token = environment::secret(&["GH_TOKEN", "GITHUB_TOKEN"]).ok_or_else(|| {
        Failure::new("there is no token to write secrets of GitHub Actions with")
            .hint("set GH_TOKEN to one that may (permission \"Secrets\": write)")
    })?;
    let address = environment::text(&["GITHUB_API_URL"]).unwrap_or_else(|| GITHUB.to_owned());
    Ok(Box::new(GitHubDelivery::new(target, &address, token).map_err(no_place)?))
}

fn to_kubernetes(target: &Target) -> Result<Box<dyn Delivery>, Failure> {
    let sink = match &target.file {
        Some(path) => Sink::NewFile(path.clone()),
        None => {
            let output = std::io::stdout();
            not_shown(&output)?;
            Sink::Open("the standard output".to_owned(), Arc::new(Mutex::new(output)))
        }
    };
    Ok(Box::new(WrittenDelivery::new(Form::Kubernetes(target.clone()), sink)))
}

/// Opens a file descriptor that whoever started this program left open for writing.
fn descriptor(number: &str) -> Result<impl Write + Send + 'static, Failure> {
    let path = format!("/dev/fd/{number}");
    let file = OpenOptions::new().write(true).open(path).map_err(|error| {
        Failure::new(format!("file descriptor {number} can't be written: {error}")).hint(
            "open it in the shell, on Linux or macOS: `stanch contain … --deliver-to fd:3 3> >(program)`",
        )
    })?;
    not_shown(&file)?;
    Ok::<File, _>(file)
}

fn not_shown(output: &impl IsTerminal) -> Result<(), Failure> {
    match output.is_terminal() {
        false => Ok(()),
        true => Err(Failure::new("the new key would be shown on the terminal")
            .hint("send it to a program: `stanch contain … | kubectl apply -f -`, or name a file with ?file=PATH")),
    }
}
