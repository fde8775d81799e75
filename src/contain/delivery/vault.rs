//! A KV v2 secret of Vault or OpenBao.
//!
//! <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>: the metadata tells the current
//! version, and a write names it (`cas`), so that nobody's change is overwritten. A secret that is
//! there is patched: its other fields are neither read nor changed.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

use super::fields::{Fields, wiped_json};
use super::target::Target;
use super::{Delivery, DeliveryCalls, DeliveryError};
use crate::http::{Answer, Call, Server, Silence, Token};
use crate::provider;
use crate::secret::{Credential, Secret};

/// A secret in a KV v2 engine.
#[derive(Clone)]
pub struct VaultDelivery {
    server: Server,
    mount: String,
    path: String,
    fields: Fields,
}

#[derive(Serialize)]
struct Write<'a> {
    options: Options,
    data: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Options {
    cas: u64,
}

impl VaultDelivery {
    /// Prepares a delivery: `address` as in `VAULT_ADDR`, a token, and perhaps a namespace.
    ///
    /// # Errors
    /// [`DeliveryError::Target`] where the address can't be used.
    pub fn new(
        target: &Target,
        address: &str,
        token: Secret,
        namespace: Option<String>,
    ) -> Result<Self, DeliveryError> {
        let (mount, path) = target.place.split_once('/').unwrap_or((&target.place, ""));
        let token = Token { header: "x-vault-token", before: "", secret: token };
        let headers = namespace.map(|name| ("x-vault-namespace", name)).into_iter().collect();
        Ok(Self {
            server: Server::new(address, Some(token), headers).map_err(DeliveryError::Target)?,
            mount: mount.to_owned(),
            path: path.to_owned(),
            fields: target.fields.clone(),
        })
    }

    /// Returns the current version, 0 where there is no such secret.
    async fn version(&self) -> Result<u64, String> {
        let path = format!("/v1/{}/metadata/{}", self.mount, self.path);
        let answer = self.server.call(Call::get(&path), Zeroizing::default()).await;
        let answer = answer.map_err(|silence| silence.why().to_owned())?;
        match answer.status {
            200 => answer.body["data"]["current_version"]
                .as_u64()
                .ok_or_else(|| "it told no version: is it a KV v2 engine?".to_owned()),
            // No errors: there is no such secret. With some, there is no such engine.
            404 if errors(&answer.body).is_empty() => Ok(0),
            403 => Err(format!(
                "the token may not read {}/metadata/{}; it needs `read` there and `create`, `update` and `patch` on {}/data/{}",
                self.mount, self.path, self.mount, self.path
            )),
            status => Err(format!("it answered {status} to a look: {}", errors(&answer.body))),
        }
    }

    async fn write(&self, version: u64, body: Zeroizing<Vec<u8>>) -> Result<Answer, Silence> {
        let path = format!("/v1/{}/data/{}", self.mount, self.path);
        if version > 0 {
            let patch =
                Call { method: "PATCH", path: &path, content_type: "application/merge-patch+json" };
            let answer = self.server.call(patch, body.clone()).await?;
            // The current version was deleted: there is nothing to patch.
            if answer.status != 404 {
                return Ok(answer);
            }
        }
        let post = Call { method: "POST", path: &path, content_type: "application/json" };
        self.server.call(post, body).await
    }

    /// Finds out by looking how a write ended that was not answered.
    async fn settle(&self, before: u64, why: &str) -> DeliveryError {
        match self.version().await {
            Ok(now) if now == before => self.refused(format!("{why}; nothing was written")),
            Ok(now) => self.unknown(format!("{why}; the secret is at version {now} since")),
            Err(blind) => self.unknown(format!("{why}; and looking can't tell: {blind}")),
        }
    }

    fn refused(&self, why: String) -> DeliveryError {
        DeliveryError::Refused { place: self.describe(), why }
    }

    fn unknown(&self, why: String) -> DeliveryError {
        DeliveryError::Unknown { place: self.describe(), why }
    }
}

/// Returns Vault's own words for what went wrong.
fn errors(body: &Value) -> String {
    let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

#[async_trait]
impl Delivery for VaultDelivery {
    async fn check(&self) -> Result<String, DeliveryError> {
        let version = self.version().await.map_err(|why| self.refused(why))?;
        Ok(match version {
            0 => format!("{} will be made", self.describe()),
            version => format!("{} is at version {version}", self.describe()),
        })
    }

    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        let data = self.fields.of(credential)?.into_iter().collect();
        let version = self.version().await.map_err(|why| self.refused(why))?;
        let body = wiped_json(&Write { options: Options { cas: version }, data })?;
        let answer = match self.write(version, body).await {
            Ok(answer) => answer,
            Err(Silence::NotSent(why)) => return Err(self.refused(why)),
            Err(Silence::Unanswered(why)) => return Err(self.settle(version, &why).await),
        };
        match answer.status {
            200 | 204 => match answer.body["data"]["version"].as_u64() {
                Some(now) => Ok(format!("{}, version {now}", self.describe())),
                None => Err(self.settle(version, "the answer names no version").await),
            },
            // Its words may hold what was sent, so they are not repeated.
            400 if errors(&answer.body).contains("check-and-set") => Err(self
                .refused("somebody else has changed it just now; nothing was written".to_owned())),
            403 => Err(self.refused(format!(
                "the token may not write {}/data/{}; it needs `create`, `update` and `patch` there",
                self.mount, self.path
            ))),
            status @ 400..=499 => Err(self.refused(format!("it answered {status} to the write"))),
            status => {
                Err(self.settle(version, &format!("it answered {status} to the write")).await)
            }
        }
    }

    fn calls(&self) -> DeliveryCalls {
        let (mount, path) = (&self.mount, &self.path);
        let call = |method: &str, room: &str, rights: &str| provider::Call {
            name: format!("{method} /v1/{mount}/{room}/{path}"),
            permission: Some(format!("{rights} on {mount}/{room}/{path}")),
        };
        let look = call("GET", "metadata", "read");
        let writes = [call("PATCH", "data", "patch"), call("POST", "data", "create, update")];
        DeliveryCalls {
            check: vec![look.clone()],
            deliver: std::iter::once(look).chain(writes).collect(),
        }
    }

    fn describe(&self) -> String {
        format!("the secret {}/{} at {}", self.mount, self.path, self.server.base())
    }
}
