//! The rest of the evidence: what a user has beside its policies, what it has used, and what AWS's own
//! simulation says of the dangerous actions.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_iam::operation::get_service_last_accessed_details::GetServiceLastAccessedDetailsOutput;
use aws_sdk_iam::types::{EvaluationResult, JobStatusType, PolicyEvaluationDecisionType};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::evidence::{Answer, Reading, ask};
use super::permissions::{
    ACCESSED, ACCESSED_GET, CERTIFICATES, LIST, LOGIN, MFA, REPORT, REPORT_GET, SERVICE_KEYS,
    SIMULATE, SSH_KEYS, USER_TAGS,
};
use super::powers::{self, Simulated};
use super::watch::Watch;

/// How long reports that AWS prepares first are waited for: they are good to have, not needed to act.
const REPORT_TIME: Duration = Duration::from_secs(10);
const REPORT_WAIT: Duration = Duration::from_millis(500);

/// The codes of a report that isn't there yet.
const NOT_YET: &[&str] =
    &["ReportInProgress", "ReportNotPresent", "CredentialReportNotReadyException"];

/// The column of the credential report that names the user.
const REPORT_USER: &str = "user";

impl Reading<'_> {
    pub(super) async fn surroundings(&self) {
        tokio::join!(
            self.tags(),
            self.keys(),
            self.factors(),
            self.password(),
            self.ssh_keys(),
            self.certificates(),
            self.service_keys(),
            self.credential_report(),
            self.last_accessed(),
        );
    }

    async fn tags(&self) {
        let request = self.aws.clients.reader.list_user_tags().user_name(self.user);
        if let Answer::Is(answer) = ask!(self, USER_TAGS, self.user, request) {
            self.whole(USER_TAGS, answer.is_truncated);
            let tags: BTreeMap<_, _> =
                answer.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
            self.keep(USER_TAGS, self.user, json!(tags));
        }
    }

    async fn keys(&self) {
        let request = self.aws.clients.reader.list_access_keys().user_name(self.user);
        if let Answer::Is(answer) = ask!(self, LIST, self.user, request) {
            self.whole(LIST, answer.is_truncated);
            let keys = answer.access_key_metadata.into_iter().map(|key| {
                json!({
                    "AccessKeyId": key.access_key_id,
                    "Status": key.status.map(|status| status.as_str().to_owned()),
                    "CreateDate": key.create_date.map(|at| at.to_string()),
                })
            });
            self.keep(LIST, self.user, keys.collect());
        }
    }

    async fn factors(&self) {
        let request = self.aws.clients.reader.list_mfa_devices().user_name(self.user);
        if let Answer::Is(answer) = ask!(self, MFA, self.user, request) {
            self.whole(MFA, answer.is_truncated);
            let devices = answer.mfa_devices.into_iter().map(|one| {
                json!({ "SerialNumber": one.serial_number, "EnableDate": one.enable_date.to_string() })
            });
            self.keep(MFA, self.user, devices.collect());
        }
    }

    async fn password(&self) {
        let request = self.aws.clients.reader.get_login_profile().user_name(self.user);
        match ask!(self, LOGIN, self.user, request) {
            Answer::Is(answer) => {
                let since = answer.login_profile.map(|profile| profile.create_date.to_string());
                self.keep(LOGIN, self.user, json!({ "CreateDate": since }));
            }
            // A user without a password can't sign in to the console.
            Answer::Nothing => self.keep(LOGIN, self.user, Value::Null),
            Answer::Unread => {}
        }
    }

    async fn ssh_keys(&self) {
        let request = self.aws.clients.reader.list_ssh_public_keys().user_name(self.user);
        if let Answer::Is(answer) = ask!(self, SSH_KEYS, self.user, request) {
            self.whole(SSH_KEYS, answer.is_truncated);
            let keys = answer.ssh_public_keys.unwrap_or_default().into_iter().map(|one| {
                json!({
                    "SSHPublicKeyId": one.ssh_public_key_id,
                    "Status": one.status.as_str(),
                    "UploadDate": one.upload_date.to_string(),
                })
            });
            self.keep(SSH_KEYS, self.user, keys.collect());
        }
    }

    async fn certificates(&self) {
        let request = self.aws.clients.reader.list_signing_certificates().user_name(self.user);
        if let Answer::Is(answer) = ask!(self, CERTIFICATES, self.user, request) {
            self.whole(CERTIFICATES, answer.is_truncated);
            let all = answer.certificates.into_iter().map(|one| {
                json!({
                    "CertificateId": one.certificate_id,
                    "Status": one.status.as_str(),
                    "UploadDate": one.upload_date.map(|at| at.to_string()),
                })
            });
            self.keep(CERTIFICATES, self.user, all.collect());
        }
    }

    async fn service_keys(&self) {
        let reader = &self.aws.clients.reader;
        let request = reader.list_service_specific_credentials().user_name(self.user);
        if let Answer::Is(answer) = ask!(self, SERVICE_KEYS, self.user, request) {
            self.whole(SERVICE_KEYS, answer.is_truncated);
            let keys = answer.service_specific_credentials.unwrap_or_default();
            let keys = keys.into_iter().map(|one| {
                json!({
                    "ServiceSpecificCredentialId": one.service_specific_credential_id,
                    "ServiceName": one.service_name,
                    "Status": one.status.as_str(),
                    "CreateDate": one.create_date.to_string(),
                    "ExpirationDate": one.expiration_date.map(|at| at.to_string()),
                })
            });
            self.keep(SERVICE_KEYS, self.user, keys.collect());
        }
    }

    /// The account's credential report, of which only this user's row is kept.
    async fn credential_report(&self) {
        let reader = &self.aws.clients.reader;
        let whose = "the account";
        let Answer::Is(_) = ask!(self, REPORT, whose, reader.generate_credential_report()) else {
            return;
        };
        let until = Instant::now() + REPORT_TIME;
        loop {
            // Asked without a gap for "not yet", which isn't one.
            let answer = reader.get_credential_report().send().await;
            let is_early = answer.as_ref().err().is_some_and(is_not_yet);
            if is_early && Instant::now() < until {
                tokio::time::sleep(REPORT_WAIT).await;
                continue;
            }
            let watch = Watch::default();
            let answer = std::future::ready(answer);
            if let Answer::Is(report) = self.settle(REPORT_GET, whose, answer, &watch).await {
                let text = report.content.map(|blob| blob.into_inner()).unwrap_or_default();
                match row_of(&text, self.user) {
                    Some(row) => self.keep(REPORT_GET, self.user, row),
                    None => self.gap(format!("{REPORT_GET} has no row for {}", self.user)),
                }
            }
            return;
        }
    }

    /// Which services the user has used, and when last.
    async fn last_accessed(&self) {
        let reader = &self.aws.clients.reader;
        let request = reader.generate_service_last_accessed_details().arn(&self.arn);
        let Answer::Is(job) = ask!(self, ACCESSED, self.user, request) else { return };
        let until = Instant::now() + REPORT_TIME;
        loop {
            let request = reader.get_service_last_accessed_details().set_job_id(job.job_id.clone());
            let Answer::Is(answer) = ask!(self, ACCESSED_GET, self.user, request) else { return };
            match answer.job_status {
                JobStatusType::InProgress if Instant::now() < until => {
                    tokio::time::sleep(REPORT_WAIT).await;
                }
                JobStatusType::Completed => {
                    self.whole(ACCESSED_GET, answer.is_truncated);
                    return self.keep(ACCESSED_GET, self.user, services(answer));
                }
                status => {
                    let seconds = REPORT_TIME.as_secs();
                    return self.gap(format!("{ACCESSED_GET} is {status} after {seconds} s"));
                }
            }
        }
    }

    pub(super) async fn simulation(&self) {
        let mut marker = None;
        let mut told = serde_json::Map::new();
        loop {
            let request = self.aws.clients.reader.simulate_principal_policy();
            let request = request
                .policy_source_arn(&self.arn)
                .set_action_names(Some(powers::actions().map(str::to_owned).collect()))
                .set_marker(marker);
            let Answer::Is(answer) = ask!(self, SIMULATE, self.user, request) else { return };
            for result in answer.evaluation_results.unwrap_or_default() {
                let one = simulated(&result);
                told.insert(
                    result.eval_action_name.clone(),
                    json!({ "Decision": result.eval_decision.as_str(), "Through": one.through }),
                );
                self.rights(|rights| drop(rights.simulated.insert(result.eval_action_name, one)));
            }
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return self.keep(SIMULATE, self.user, Value::Object(told));
            }
        }
    }
}

fn is_not_yet<E: aws_sdk_iam::error::ProvideErrorMetadata>(error: &E) -> bool {
    error.code().is_some_and(|code| NOT_YET.contains(&code))
}

fn simulated(result: &EvaluationResult) -> Simulated {
    let decision = &result.eval_decision;
    let through = result.matched_statements().first().and_then(|one| one.source_policy_id());
    Simulated {
        allowed: *decision == PolicyEvaluationDecisionType::Allowed,
        forbidden: *decision == PolicyEvaluationDecisionType::ExplicitDeny,
        through: through.map(str::to_owned),
        depends: !result.missing_context_values().is_empty(),
    }
}

/// The services that were used at all.
fn services(answer: GetServiceLastAccessedDetailsOutput) -> Value {
    let used = answer.services_last_accessed.into_iter().filter_map(|one| {
        let at = one.last_authenticated?.to_string();
        Some((one.service_namespace, json!({ "At": at, "Region": one.last_authenticated_region })))
    });
    Value::Object(used.collect())
}

/// Returns a user's row of the credential report, by the names of its columns.
fn row_of(report: &[u8], user: &str) -> Option<Value> {
    let mut reader = csv::Reader::from_reader(report);
    let columns = reader.headers().ok()?.clone();
    let at = columns.iter().position(|column| column == REPORT_USER)?;
    let row = reader.records().flatten().find(|row| row.get(at) == Some(user))?;
    let pairs = columns.iter().zip(row.iter());
    Some(Value::Object(pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_row_of_the_report_is_kept() {
        let report = b"user,arn,mfa_active\nada,arn:1,true\nbot,arn:2,false\n";
        let row = json!({ "user": "bot", "arn": "arn:2", "mfa_active": "false" });
        assert_eq!(row_of(report, "bot"), Some(row));
        assert_eq!(row_of(report, "eve"), None);
        assert_eq!(row_of(b"", "bot"), None);
    }
}
