//! The evidence about a role: what whoever works in a session of it may do. A session may have been given
//! less, by a policy that AWS shows to nobody.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::evidence::{Answer, Reading, ask, name_in};
use super::permissions::{GET_ROLE, ROLE_ATTACHED, ROLE_INLINE, ROLE_POLICY};
use super::watch::Watch;

impl Reading<'_> {
    /// Reads the role whose ARN stands in the place of a user's name.
    pub(super) async fn role(&self) {
        let name = name_in(&self.arn).to_owned();
        self.gap("the session may have been given less than its role by a policy of its own, which can't be read");
        tokio::join!(
            self.role_itself(&name),
            self.role_attached(&name),
            self.role_inline(&name),
            self.simulation(),
        );
    }

    async fn role_itself(&self, name: &str) {
        let request = self.aws.clients.reader.get_role().role_name(name);
        match ask!(self, GET_ROLE, name, request) {
            Answer::Is(answer) => {
                let Some(role) = answer.role else { return };
                let boundary =
                    role.permissions_boundary.as_ref().and_then(|b| b.permissions_boundary_arn());
                let trusted = role.assume_role_policy_document.as_deref();
                let document = json!({
                    "Arn": role.arn,
                    "RoleId": role.role_id,
                    "CreateDate": role.create_date.to_string(),
                    "AssumeRolePolicyDocument": trusted.and_then(super::evidence::policy_document),
                    "PermissionsBoundary": boundary,
                });
                self.keep(GET_ROLE, name, document);
                if let Some(arn) = boundary {
                    self.boundary(arn).await;
                }
            }
            Answer::Nothing => self.gap(format!("there is no role {name} (any more)")),
            Answer::Unread => self.is_partly_unread(),
        }
    }

    async fn role_attached(&self, name: &str) {
        let request = self.aws.clients.reader.list_attached_role_policies().role_name(name);
        match ask!(self, ROLE_ATTACHED, name, request) {
            Answer::Is(answer) => {
                self.whole(ROLE_ATTACHED, answer.is_truncated);
                let policies = answer.attached_policies.unwrap_or_default();
                let arns: Vec<_> = policies.into_iter().filter_map(|one| one.policy_arn).collect();
                self.keep(ROLE_ATTACHED, name, json!(arns));
                join_all(arns.iter().map(|arn| self.attached(arn))).await;
            }
            Answer::Nothing => {}
            Answer::Unread => self.is_partly_unread(),
        }
    }

    async fn role_inline(&self, role: &str) {
        let reader = &self.aws.clients.reader;
        let names = match ask!(self, ROLE_INLINE, role, reader.list_role_policies().role_name(role))
        {
            Answer::Is(answer) => {
                self.whole(ROLE_INLINE, answer.is_truncated);
                answer.policy_names
            }
            Answer::Nothing => return,
            Answer::Unread => return self.is_partly_unread(),
        };
        self.keep(ROLE_INLINE, role, json!(names));
        join_all(names.iter().map(|name| async move {
            let request = reader.get_role_policy().role_name(role).policy_name(name);
            let about = format!("{role}/{name}");
            let document: Option<Value> = match ask!(self, ROLE_POLICY, about, request) {
                Answer::Is(answer) => self.parsed(&about, Some(&answer.policy_document)),
                _ => None,
            };
            if let Some(document) = &document {
                self.keep(ROLE_POLICY, &about, document.clone());
            }
            self.take(name, document);
        }))
        .await;
    }
}
