//! A secret of AWS Secrets Manager, by the stages its own rotation uses.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-how.html>: the new
//! version is `AWSPENDING` until it was read back, then `AWSCURRENT`; what was current becomes
//! `AWSPREVIOUS`. The version's id is made from the new key's, so that asking twice makes one version.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::aws::{Ended, ended, is_missing, listed};
use super::fields::{Fields, wiped_json};
use super::target::Target;
use super::{Delivery, DeliveryCalls, DeliveryError};
use crate::provider::aws_iam::{DESCRIBE_SECRET, GET_SECRET, MOVE_STAGE, PUT_SECRET};
use crate::secret::{Credential, Part};

const PENDING: &str = "AWSPENDING";
const CURRENT: &str = "AWSCURRENT";

/// A secret of AWS Secrets Manager: a JSON object whose other fields stay as they are.
#[derive(Clone, Debug)]
pub struct SecretsManagerDelivery {
    client: Client,
    secret: String,
    fields: Fields,
}

/// The version that consumers have now.
#[derive(Default)]
struct Current {
    version: Option<String>,
    text: Zeroizing<String>,
}

/// The fields of a secret, each as it is written, so that nothing but the new key's is touched.
#[derive(Deserialize, Serialize)]
struct Object<'a>(#[serde(borrow)] BTreeMap<String, &'a RawValue>);

impl SecretsManagerDelivery {
    /// Prepares a delivery by the responder whose configuration it is.
    pub fn new(target: &Target, config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            secret: target.place.clone(),
            fields: target.fields.clone(),
        }
    }

    async fn current(&self) -> Result<Current, DeliveryError> {
        let request = self.client.get_secret_value().secret_id(&self.secret);
        match request.version_stage(CURRENT).send().await {
            Ok(answer) => Ok(Current {
                version: answer.version_id,
                text: Zeroizing::new(answer.secret_string.unwrap_or_default()),
            }),
            // A secret that has no value yet; whether it is there at all was checked before.
            Err(error) if is_missing(&error) => Ok(Current::default()),
            Err(error) => Err(self.no(ended(GET_SECRET, &error))),
        }
    }

    /// Returns the new value: the current object with the new key's fields in it.
    fn value(
        &self,
        current: &Current,
        credential: &Credential,
    ) -> Result<Zeroizing<Vec<u8>>, DeliveryError> {
        let text = match current.text.trim() {
            "" => "{}",
            text => text,
        };
        let mut object: Object<'_> = serde_json::from_str(text).map_err(|_| {
            self.refused("its value is no JSON object, so the new key has no place in it")
        })?;
        let values = self.fields.of(credential)?;
        let texts = values.iter().map(|(name, value)| Ok((*name, wiped_json(value)?)));
        let texts: Vec<(&str, Zeroizing<Vec<u8>>)> = texts.collect::<Result<_, DeliveryError>>()?;
        for (name, text) in &texts {
            let raw = serde_json::from_slice(text).map_err(|_| DeliveryError::NotText)?;
            object.0.insert((*name).to_owned(), raw);
        }
        wiped_json(&object)
    }

    /// Writes the pending version; the same one again where it is there already.
    async fn put(&self, version: &str, value: &[u8]) -> Result<(), Ended> {
        let text = std::str::from_utf8(value).unwrap_or_default();
        let request = self.client.put_secret_value().secret_id(&self.secret);
        let request = request.client_request_token(version).version_stages(PENDING);
        let answer = request.secret_string(text).send().await;
        answer.map(drop).map_err(|error| ended(PUT_SECRET, &error))
    }

    /// Reads the pending version back.
    async fn test(&self, version: &str, value: &[u8]) -> Result<(), String> {
        let request = self.client.get_secret_value().secret_id(&self.secret);
        match request.version_id(version).send().await {
            Ok(answer) => {
                let text = Zeroizing::new(answer.secret_string.unwrap_or_default());
                let is_same = text.as_bytes() == value;
                is_same
                    .then_some(())
                    .ok_or_else(|| "what was read back is another value".to_owned())
            }
            Err(error) => Err(ended(GET_SECRET, &error).why()),
        }
    }

    async fn make_current(&self, version: &str, before: Option<String>) -> Result<(), Ended> {
        let stages = || self.client.update_secret_version_stage().secret_id(&self.secret);
        let request = stages().version_stage(CURRENT).move_to_version_id(version);
        let moved = request.set_remove_from_version_id(before).send().await;
        moved.map_err(|error| ended(MOVE_STAGE, &error))?;
        // A stage that is left behind would look like a rotation that never ended; it harms nobody.
        let _ = stages().version_stage(PENDING).remove_from_version_id(version).send().await;
        Ok(())
    }

    fn refused(&self, why: &str) -> DeliveryError {
        DeliveryError::Refused { place: self.describe(), why: why.to_owned() }
    }

    /// The error of a call that only looked: whatever became of it, nothing was delivered.
    fn no(&self, ended: Ended) -> DeliveryError {
        self.refused(&ended.why())
    }
}

/// Returns the id of the version that holds a key: the same for the same key.
fn version_of(credential: &Credential) -> String {
    let ids = credential.parts.values().filter_map(|part| match part {
        Part::Public(id) => Some(id.as_str()),
        Part::Secret(_) => None,
    });
    let ids: Vec<&str> = ids.collect();
    match ids.is_empty() {
        true => Uuid::new_v4().to_string(),
        false => Uuid::new_v5(&Uuid::NAMESPACE_URL, ids.join("/").as_bytes()).to_string(),
    }
}

#[async_trait]
impl Delivery for SecretsManagerDelivery {
    async fn check(&self) -> Result<String, DeliveryError> {
        let answer = self.client.describe_secret().secret_id(&self.secret).send().await;
        let answer = answer.map_err(|error| self.no(ended(DESCRIBE_SECRET, &error)))?;
        if answer.deleted_date.is_some() {
            return Err(self.refused("it is about to be deleted"));
        }
        let current = self.current().await?;
        if !current.text.trim().is_empty() {
            serde_json::from_str::<Object<'_>>(&current.text).map_err(|_| {
                self.refused("its value is no JSON object, so the new key has no place in it")
            })?;
        }
        Ok(format!("{} is there", self.describe()))
    }

    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        let current = self.current().await?;
        let value = self.value(&current, credential)?;
        let version = version_of(credential);
        match self.put(&version, &value).await {
            Ok(()) => {}
            Err(Ended::No(why)) => return Err(self.refused(&why)),
            // The version's id is ours alone, so reading it back tells whether it was written.
            Err(Ended::Maybe(_)) => {}
        }
        // Until here consumers have what they had: a pending version is nobody's.
        self.test(&version, &value).await.map_err(|why| self.refused(&why))?;
        self.make_current(&version, current.version)
            .await
            .map_err(|ended| ended.at(self.describe()))?;
        Ok(format!("{}, version {version}", self.describe()))
    }

    fn calls(&self) -> DeliveryCalls {
        DeliveryCalls {
            check: listed([DESCRIBE_SECRET, GET_SECRET]),
            deliver: listed([GET_SECRET, PUT_SECRET, MOVE_STAGE]),
        }
    }

    fn describe(&self) -> String {
        format!("AWS Secrets Manager's {}", self.secret)
    }
}
