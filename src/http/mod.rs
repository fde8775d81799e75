//! Calls to servers that are not AWS's: strict TLS, the system's root certificates, no redirects. To an
//! unencrypted address only on this machine.
//!
//! Takes an address that the operator named, a token and a body; gives the status and the JSON that was
//! answered, or whether the call can have arrived. What is answered is data, never obeyed.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Request;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Timeout};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// How long one call may take, connection included.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Answers are a few lines; nobody needs more.
const MAX_ANSWER: u64 = 1 << 20;

/// What a call got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The body where it is JSON, otherwise null.
    pub(crate) body: Value,
}

/// Why a call got no answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// It never left this machine: nothing was done.
    NotSent(String),
    /// It may have arrived.
    Unanswered(String),
}

impl Silence {
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::NotSent(why) | Self::Unanswered(why) => why,
        }
    }
}

/// A call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    pub(crate) content_type: &'static str,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, content_type: "application/json" }
    }
}

/// A server, and how to show it who calls.
#[derive(Clone)]
pub(crate) struct Server {
    agent: Agent,
    base: String,
    /// Plain headers.
    headers: Vec<(&'static str, String)>,
    token: Option<Token>,
}

/// The header that authenticates.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) header: &'static str,
    /// What stands before the token, such as `Bearer `.
    pub(crate) before: &'static str,
    pub(crate) secret: Secret,
}

impl Server {
    /// Prepares calls to a server.
    ///
    /// # Errors
    /// Where the address is not encrypted and elsewhere than on this machine, in words.
    pub(crate) fn new(
        base: &str,
        token: Option<Token>,
        headers: Vec<(&'static str, String)>,
    ) -> Result<Self, String> {
        let is_loopback = is_loopback(base);
        if !is_loopback && !base.starts_with("https://") {
            return Err(format!("{base} is not encrypted; only https:// will do"));
        }
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { agent: agent(is_loopback), base, headers, token })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Makes a call. A body is wiped from memory afterwards.
    pub(crate) async fn call(
        &self,
        call: Call<'_>,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<Answer, Silence> {
        let server = self.clone();
        let url = format!("{}{}", self.base, call.path);
        let (method, content_type) = (call.method, call.content_type);
        let work = move || server.call_now(method, &url, content_type, &body);
        let ended = tokio::task::spawn_blocking(work).await;
        ended.unwrap_or_else(|error| Err(Silence::Unanswered(error.to_string())))
    }

    fn call_now(
        &self,
        method: &str,
        url: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, Silence> {
        let not_sent = |why: &str| Silence::NotSent(why.to_owned());
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request = request.header("content-type", content_type);
        if let Some(Token { header, before, secret }) = &self.token {
            let text = secret.expose_str().ok_or_else(|| not_sent("the token is not text"))?;
            request = request.header(*header, Zeroizing::new(format!("{before}{text}")).as_str());
        }
        // A header that can't be written must not be repeated in an error.
        let unwritable = |_| not_sent("the address or token has signs no header may have");
        let request = request.body(body).map_err(unwritable)?;
        let mut answer = self.agent.run(request).map_err(|error| silence(&error))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let body = text.ok().and_then(|text| serde_json::from_slice(&text).ok());
        Ok(Answer { status, body: body.unwrap_or(Value::Null) })
    }
}

fn agent(is_loopback: bool) -> Agent {
    let certificates = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<_> =
        certificates.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    let tls = TlsConfig::builder().root_certs(RootCerts::from(certificates)).build();
    let mut config = Agent::config_builder()
        .tls_config(tls)
        .https_only(!is_loopback)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .user_agent("stanch");
    if is_loopback {
        // No proxy can reach this machine's own addresses.
        config = config.proxy(None);
    }
    config.build().into()
}

fn silence(error: &ureq::Error) -> Silence {
    let why = error.to_string();
    match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::BadUri(_)
        | ureq::Error::RequireHttpsOnly(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::Tls(_)
        | ureq::Error::Rustls(_)
        | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => Silence::NotSent(why),
        _ => Silence::Unanswered(why),
    }
}

fn is_loopback(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"))
    else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    // A name before an `@` looks like a host and isn't one.
    let is_local = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    !authority.contains('@') && (host == "localhost" || is_local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_unencrypted_elsewhere_than_to_this_machine() {
        let open = |base: &str| Server::new(base, None, Vec::new()).is_ok();
        for base in ["https://vault.example.com", "http://127.0.0.1:8200", "http://[::1]:1/"] {
            assert!(open(base), "{base}");
        }
        for base in
            ["http://vault.example.com", "http://127.0.0.1@evil.example", "ftp://x", "vault:8200"]
        {
            assert!(!open(base), "{base}");
        }
    }
}
