//! Secrets of GitHub Actions: of a repository, or of one of its environments.
//!
//! <https://docs.github.com/en/rest/actions/secrets>: each value is sealed (libsodium's sealed box) to
//! the repository's public key, so that GitHub's front never sees it, and a secret can be written and
//! never read. Writing twice is writing once.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;
use serde_json::json;
use zeroize::Zeroizing;

use super::fields::Fields;
use super::target::Target;
use super::{Delivery, DeliveryCalls, DeliveryError};
use crate::http::{Call, Server, Silence, Token};
use crate::provider;
use crate::secret::{Credential, Secret};

/// The version of the API everything here was written against.
const API_VERSION: &str = "2022-11-28";

/// Secrets of GitHub Actions.
#[derive(Clone)]
pub struct GitHubDelivery {
    server: Server,
    owner: String,
    repository: String,
    environment: Option<String>,
    fields: Fields,
}

/// A public key to seal to.
struct Lock {
    id: String,
    key: PublicKey,
}

impl GitHubDelivery {
    /// Prepares a delivery: `address` as in `GITHUB_API_URL`, and a token that may write secrets.
    ///
    /// # Errors
    /// [`DeliveryError::Target`] where the address can't be used.
    pub fn new(target: &Target, address: &str, token: Secret) -> Result<Self, DeliveryError> {
        let headers = vec![
            ("accept", "application/vnd.github+json".to_owned()),
            ("x-github-api-version", API_VERSION.to_owned()),
        ];
        let token = Token { header: "authorization", before: "Bearer ", secret: token };
        let mut pieces = target.place.split('/').map(str::to_owned);
        Ok(Self {
            server: Server::new(address, Some(token), headers).map_err(DeliveryError::Target)?,
            owner: pieces.next().unwrap_or_default(),
            repository: pieces.next().unwrap_or_default(),
            environment: pieces.next(),
            fields: target.fields.clone(),
        })
    }

    fn secrets(&self) -> String {
        let repository = format!("/repos/{}/{}", self.owner, self.repository);
        match &self.environment {
            Some(environment) => format!("{repository}/environments/{environment}/secrets"),
            None => format!("{repository}/actions/secrets"),
        }
    }

    async fn lock(&self) -> Result<Lock, DeliveryError> {
        let path = format!("{}/public-key", self.secrets());
        let answer = self.server.call(Call::get(&path), Zeroizing::default()).await;
        let answer = answer.map_err(|silence| self.refused(silence.why().to_owned()))?;
        match answer.status {
            200 => {}
            401 => return Err(self.refused("the token is not valid".to_owned())),
            403 | 404 => {
                return Err(self.refused(format!(
                    "it answered {}: there is no such place, or the token may not write its secrets (permission \"Secrets\": write)",
                    answer.status
                )));
            }
            status => return Err(self.refused(format!("it answered {status} to a look"))),
        }
        let bytes = answer.body["key"].as_str().and_then(|text| STANDARD.decode(text).ok());
        let key: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
        match (key, answer.body["key_id"].as_str()) {
            (Some(key), Some(id)) => Ok(Lock { id: id.to_owned(), key: PublicKey::from(key) }),
            _ => Err(self.refused("it gave no public key to seal the secrets with".to_owned())),
        }
    }

    /// Writes one secret; the error says whether it may have been written.
    async fn put(&self, name: &str, value: &str, lock: &Lock) -> Result<(), Silence> {
        let not_sent = |why: &str| Silence::NotSent(why.to_owned());
        let sealed = lock.key.seal(&mut OsRng, value.as_bytes());
        let sealed = STANDARD.encode(sealed.map_err(|_| not_sent("it could not be sealed"))?);
        let body = json!({"encrypted_value": sealed, "key_id": lock.id}).to_string();
        let path = format!("{}/{name}", self.secrets());
        let call = Call { method: "PUT", path: &path, content_type: "application/json" };
        let answer = self.server.call(call, Zeroizing::new(body.into_bytes())).await?;
        match answer.status {
            201 | 204 => Ok(()),
            status @ 500.. => Err(Silence::Unanswered(format!("{name}: it answered {status}"))),
            status => Err(Silence::NotSent(format!("{name}: it answered {status}"))),
        }
    }

    fn refused(&self, why: String) -> DeliveryError {
        DeliveryError::Refused { place: self.describe(), why }
    }
}

#[async_trait]
impl Delivery for GitHubDelivery {
    async fn check(&self) -> Result<String, DeliveryError> {
        self.lock().await?;
        Ok(format!("{} can be sealed to", self.describe()))
    }

    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        let values = self.fields.of(credential)?;
        let lock = self.lock().await?;
        for (nth, (name, value)) in values.iter().enumerate() {
            match self.put(name, value, &lock).await {
                Ok(()) => {}
                Err(Silence::NotSent(why)) if nth == 0 => return Err(self.refused(why)),
                Err(silence) => {
                    let why =
                        format!("{} of {} were written; {}", nth, values.len(), silence.why());
                    return Err(DeliveryError::Unknown { place: self.describe(), why });
                }
            }
        }
        Ok(self.describe())
    }

    fn calls(&self) -> DeliveryCalls {
        let call = |method: &str, name: &str, right: &str| provider::Call {
            name: format!("{method} {}/{name}", self.secrets()),
            permission: Some(format!("Secrets: {right} on {}/{}", self.owner, self.repository)),
        };
        let look = call("GET", "public-key", "read");
        let writes = self.fields.0.iter().map(|(_, name)| call("PUT", name, "write"));
        DeliveryCalls {
            check: vec![look.clone()],
            deliver: std::iter::once(look.clone()).chain(writes).collect(),
        }
    }

    fn describe(&self) -> String {
        let names: Vec<&str> = self.fields.0.iter().map(|(_, name)| name.as_str()).collect();
        let environment = self.environment.as_ref().map(|name| format!(", environment {name}"));
        format!(
            "the Actions secrets {} of {}/{}{}",
            names.join(", "),
            self.owner,
            self.repository,
            environment.unwrap_or_default()
        )
    }
}
