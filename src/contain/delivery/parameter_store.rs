//! Parameters of AWS Systems Manager Parameter Store, one for each part of the new key.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>: a parameter
//! that isn't there is made as a `SecureString`; one that is keeps its type.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ParameterType;
use zeroize::Zeroizing;

use super::aws::{Ended, ended, is_missing, listed};
use super::fields::Fields;
use super::target::Target;
use super::{Delivery, DeliveryCalls, DeliveryError};
use crate::provider::aws_iam::{GET_PARAMETER, PUT_PARAMETER};
use crate::secret::Credential;

/// Parameters of Parameter Store.
#[derive(Clone, Debug)]
pub struct ParameterStoreDelivery {
    client: Client,
    prefix: String,
    fields: Fields,
}

impl ParameterStoreDelivery {
    /// Prepares a delivery by the responder whose configuration it is.
    pub fn new(target: &Target, config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            prefix: target.place.clone(),
            fields: target.fields.clone(),
        }
    }

    /// Returns the type of a parameter, `None` where there is none.
    async fn type_of(&self, name: &str) -> Result<Option<ParameterType>, DeliveryError> {
        match self.client.get_parameter().name(name).send().await {
            Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.r#type)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.refused(ended(GET_PARAMETER, &error).why())),
        }
    }

    async fn put(&self, name: &str, value: &str) -> Result<(), Ended> {
        let kind = self.type_of(name).await.map_err(|error| Ended::No(error.to_string()))?;
        let request = self.client.put_parameter().name(name).value(value).overwrite(true);
        let kind = kind.unwrap_or(ParameterType::SecureString);
        let written = request.r#type(kind).send().await;
        match written.map_err(|error| ended(PUT_PARAMETER, &error)) {
            Err(Ended::No(why)) => Err(Ended::No(format!("{name}: {why}"))),
            // Whether it was taken or not answered, what is read back decides.
            Ok(_) | Err(Ended::Maybe(_)) => self.test(name, value).await,
        }
    }

    async fn test(&self, name: &str, value: &str) -> Result<(), Ended> {
        let request = self.client.get_parameter().name(name).with_decryption(true);
        let maybe = |why: &str| Ended::Maybe(format!("{name}: {why}"));
        let answer = request.send().await;
        let answer = answer.map_err(|error| maybe(&ended(GET_PARAMETER, &error).why()))?;
        let text = answer.parameter.and_then(|parameter| parameter.value);
        let text = Zeroizing::new(text.unwrap_or_default());
        let is_same = text.as_str() == value;
        is_same.then_some(()).ok_or_else(|| maybe("what was read back is another value"))
    }

    fn refused(&self, why: String) -> DeliveryError {
        DeliveryError::Refused { place: self.describe(), why }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.fields.0.iter().map(|(_, name)| format!("{}{name}", self.prefix))
    }
}

#[async_trait]
impl Delivery for ParameterStoreDelivery {
    async fn check(&self) -> Result<String, DeliveryError> {
        let mut found = Vec::new();
        for name in self.names() {
            let words = match self.type_of(&name).await? {
                Some(_) => "is there",
                None => "will be made",
            };
            found.push(format!("{name} {words}"));
        }
        Ok(found.join(", "))
    }

    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        let values = self.fields.of(credential)?;
        for (nth, (name, value)) in values.iter().enumerate() {
            let name = format!("{}{name}", self.prefix);
            match self.put(&name, value).await {
                Ok(()) => {}
                Err(Ended::No(why)) if nth == 0 => return Err(self.refused(why)),
                Err(ended) => {
                    let of = format!("{nth} of {} were written", values.len());
                    let why = format!("{of}; {}", ended.why());
                    return Err(DeliveryError::Unknown { place: self.describe(), why });
                }
            }
        }
        Ok(self.describe())
    }

    fn calls(&self) -> DeliveryCalls {
        DeliveryCalls {
            check: listed([GET_PARAMETER]),
            deliver: listed([GET_PARAMETER, PUT_PARAMETER]),
        }
    }

    fn describe(&self) -> String {
        let names: Vec<String> = self.names().collect();
        format!("AWS Parameter Store's {}", names.join(" and "))
    }
}
