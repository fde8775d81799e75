//! The operator's list of sinks.

use std::path::PathBuf;

use serde::Deserialize;

use super::Sink;
use crate::http::{Server, Token};
use crate::secret::Secret;

/// The sinks an operator named.
#[derive(Clone)]
pub struct Sinks(pub(super) Vec<Sink>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    sink: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    file: Option<PathBuf>,
    program: Option<String>,
    webhook: Option<String>,
    token_env: Option<String>,
}

impl Sinks {
    /// Reads a list of sinks:
    ///
    /// ```toml
    /// [[sink]]
    /// file = "/var/log/stanch/heads.jsonl"
    /// [[sink]]
    /// program = "logger -t stanch"
    /// [[sink]]
    /// webhook = "https://hooks.example.com/stanch"
    /// token-env = "STANCH_WEBHOOK_TOKEN"      # sent as `Authorization: Bearer …`
    /// ```
    ///
    /// `token` gives the value of an environment variable.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str, token: impl Fn(&str) -> Option<Secret>) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        file.sink.into_iter().map(|entry| sink(entry, &token)).collect::<Result<_, _>>().map(Self)
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn sink(entry: Entry, token: &impl Fn(&str) -> Option<Secret>) -> Result<Sink, String> {
    if entry.token_env.is_some() && entry.webhook.is_none() {
        return Err("only a webhook has a token-env".to_owned());
    }
    match (entry.file, entry.program, entry.webhook) {
        (Some(path), None, None) => Ok(Sink::File(path)),
        (None, Some(line), None) => match shell_words::split(&line) {
            Ok(words) if !words.is_empty() => Ok(Sink::Program(words)),
            _ => Err("the program of a sink is no command line".to_owned()),
        },
        (None, None, Some(address)) => webhook(&address, entry.token_env, token),
        _ => Err("a sink has one of file, program and webhook".to_owned()),
    }
}

fn webhook(
    address: &str,
    variable: Option<String>,
    token: &impl Fn(&str) -> Option<Secret>,
) -> Result<Sink, String> {
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    let token = match variable {
        Some(name) => {
            let secret = token(&name).ok_or_else(|| format!("{name} is not set"))?;
            Some(Token { header: "authorization", before: "Bearer ", secret })
        }
        None => None,
    };
    Ok(Sink::Webhook(Server::new(&address[..end], token, Vec::new())?, address[end..].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<usize, String> {
        let token = |name: &str| (name == "SET").then(|| Secret::new("t"));
        Sinks::parse(text, token).map(|sinks| sinks.0.len())
    }

    #[test]
    fn each_kind_is_read_and_a_wrong_one_is_named() {
        let three = "[[sink]]\nfile = 'heads'\n[[sink]]\nprogram = 'logger -t x'\n[[sink]]\nwebhook = 'https://x.example/y'\ntoken-env = 'SET'\n";
        assert_eq!(parse(three), Ok(3));
        assert_eq!(parse(""), Ok(0));
        for (text, word) in [
            ("[[sink]]\n", "one of"),
            ("[[sink]]\nfile = 'a'\nprogram = 'b'", "one of"),
            ("[[sink]]\nprogram = \"'\"", "command line"),
            ("[[sink]]\nwebhook = 'http://x.example/y'", "https"),
            ("[[sink]]\nwebhook = 'https://x.example'\ntoken-env = 'UNSET'", "UNSET"),
            ("[[sink]]\nfile = 'a'\ntoken-env = 'SET'", "webhook"),
            ("[[sinks]]\nfile = 'a'", "sinks"),
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.contains(word), "{text}: {why}");
        }
    }
}
