//! What the deliveries to AWS share: how a refusal is told, and when an answer is missing.

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

use super::DeliveryError;
use crate::provider::Call;

/// Returns calls as a plan shows them: each needs the permission of its own name.
pub(super) fn listed<const N: usize>(names: [&str; N]) -> Vec<Call> {
    let call = |name: &str| Call { name: name.to_owned(), permission: Some(name.to_owned()) };
    names.map(call).into()
}

/// How a call ended that was not done.
pub(super) enum Ended {
    /// AWS, or this machine, said no: nothing was done.
    No(String),
    /// It may have been done.
    Maybe(String),
}

impl Ended {
    pub(super) fn at(self, place: String) -> DeliveryError {
        match self {
            Self::No(why) => DeliveryError::Refused { place, why },
            Self::Maybe(why) => DeliveryError::Unknown { place, why },
        }
    }

    pub(super) fn why(self) -> String {
        match self {
            Self::No(why) | Self::Maybe(why) => why,
        }
    }
}

/// Returns how a call ended. AWS's own words are told for its codes of denial only: others may repeat
/// what was sent.
pub(super) fn ended<E: ProvideErrorMetadata>(
    call: &str,
    error: &SdkError<E, HttpResponse>,
) -> Ended {
    match error {
        SdkError::ConstructionFailure(_) => Ended::No(format!("{call} could not be made")),
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            Ended::No(format!("{call} could not be sent"))
        }
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().unwrap_or("no code");
            match status {
                500.. => Ended::Maybe(format!("{call} was answered {status} ({code})")),
                _ if code.starts_with("AccessDenied") => {
                    Ended::No(format!("{call} was denied: the responder lacks {call} on it"))
                }
                _ => Ended::No(format!("{call} was refused: {code}")),
            }
        }
        // An answer without a code, such as a proxy's.
        SdkError::ResponseError(answer) if (400..500).contains(&answer.raw().status().as_u16()) => {
            let status = answer.raw().status().as_u16();
            Ended::No(format!("{call} was answered {status}; it needs the permission {call}"))
        }
        _ => Ended::Maybe(format!("{call} was sent and not answered")),
    }
}

/// Tells whether AWS said that the thing isn't there.
pub(super) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    matches!(code, Some("ResourceNotFoundException" | "ParameterNotFound"))
}
