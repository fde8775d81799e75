//! Calls to places that are not AWS's: strict TLS, the system's root certificates, no redirects. To an
//! unencrypted address only on this machine.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Request;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Timeout};
use zeroize::Zeroizing;

use super::DeliveryError;
use crate::secret::Secret;

/// How long one call may take, connection included.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Answers are a few lines; nobody needs more.
const MAX_ANSWER: u64 = 1 << 20;

/// What a call got.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The body where it is JSON, otherwise null.
    pub(super) body: Value,
}

/// Why a call got no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// It never left this machine: nothing was done.
    NotSent(String),
    /// It may have arrived.
    Unanswered(String),
}

impl Silence {
    pub(super) fn why(&self) -> &str {
        match self {
            Self::NotSent(why) | Self::Unanswered(why) => why,
        }
    }
}

/// A call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    pub(super) content_type: &'static str,
}

impl<'a> Call<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, content_type: "application/json" }
    }
}

/// A server, and how to show it who calls.
#[derive(Clone)]
pub(super) struct Server {
    agent: Agent,
    base: String,
    /// Plain headers.
    headers: Vec<(&'static str, String)>,
    /// The header that authenticates: its name, what stands before the token, the token.
    token: (&'static str, &'static str, Secret),
}

impl Server {
    /// Prepares calls to a server.
    ///
    /// # Errors
    /// [`DeliveryError::Target`] where the address is not encrypted and elsewhere than on this machine.
    pub(super) fn new(
        base: &str,
        token: (&'static str, &'static str, Secret),
        headers: Vec<(&'static str, String)>,
    ) -> Result<Self, DeliveryError> {
        let is_loopback = is_loopback(base);
        if !is_loopback && !base.starts_with("https://") {
            return Err(DeliveryError::Target(format!(
                "{base} is not encrypted; a new key goes to https:// only"
            )));
        }
        Ok(Self {
            agent: agent(is_loopback),
            base: base.trim_end_matches('/').to_owned(),
            headers,
            token,
        })
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Makes a call. A body is wiped from memory afterwards.
    pub(super) async fn call(
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
        let (header, before, token) = &self.token;
        let not_sent = |why: &str| Silence::NotSent(why.to_owned());
        let token = token.expose_str().ok_or_else(|| not_sent("the token is not text"))?;
        let token = Zeroizing::new(format!("{before}{token}"));
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request = request.header("content-type", content_type).header(*header, token.as_str());
        // A header that can't be written must not be repeated in an error.
        let request = request
            .body(body)
            .map_err(|_| not_sent("the address or token has signs no header may have"))?;
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
    fn a_new_key_goes_unencrypted_to_this_machine_only() {
        let open = |base: &str| {
            Server::new(base, ("x-vault-token", "", Secret::new("t")), Vec::new()).is_ok()
        };
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
