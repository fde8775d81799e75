//! A moto server for tests that need AWS: a virtual environment made once, and a server a test.
//!
//! [`Moto::start`] gives a server of its own to the test that calls it (moto's switch from "anything
//! goes" to real signatures and policies is one for the whole process), and it ends when the value is
//! dropped. The server is `launcher.py`, which is stricter than moto itself and can be told to fail.

#![allow(
    dead_code,
    reason = "every test binary has its own copy of this module and uses its own part of it"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::python::Package;

const MOTO: Package = Package {
    name: "moto",
    version: "5.2.5",
    asked_for: "moto[server]",
    tests: "the tests of the AWS provider",
};

/// The account moto puts everything in.
pub(crate) const ACCOUNT: &str = "123456789012";

/// The permissions of a responder that may look, stop, start, make and remove access keys.
pub(crate) const RESPONDER: &[&str] = &[
    "iam:GetAccessKeyLastUsed",
    "iam:ListAccessKeys",
    "iam:UpdateAccessKey",
    "iam:CreateAccessKey",
    "iam:DeleteAccessKey",
];

/// The permissions of a responder that may do all a plan holds: read the evidence and end sessions, too.
pub(crate) const WHOLE: &[&str] = &[
    "iam:GetAccessKeyLastUsed",
    "iam:ListAccessKeys",
    "iam:UpdateAccessKey",
    "iam:CreateAccessKey",
    "iam:DeleteAccessKey",
    "iam:GetUser",
    "iam:ListUserTags",
    "iam:ListAttachedUserPolicies",
    "iam:ListUserPolicies",
    "iam:GetUserPolicy",
    "iam:ListGroupsForUser",
    "iam:ListAttachedGroupPolicies",
    "iam:ListGroupPolicies",
    "iam:GetGroupPolicy",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:ListMFADevices",
    "iam:GetLoginProfile",
    "iam:ListSSHPublicKeys",
    "iam:ListSigningCertificates",
    "iam:ListServiceSpecificCredentials",
    "iam:GenerateCredentialReport",
    "iam:GetCredentialReport",
    "iam:GenerateServiceLastAccessedDetails",
    "iam:GetServiceLastAccessedDetails",
    "iam:SimulatePrincipalPolicy",
    "iam:TagUser",
    "iam:UntagUser",
    "iam:PutUserPolicy",
    "iam:DeleteUserPolicy",
];

/// An access key: what the server gave out. Only ever of a server that is gone after the test.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccessKey {
    /// The id, `AKIA…` or `ASIA…`.
    pub(crate) id: String,
    /// The secret.
    pub(crate) secret: String,
    /// The session token, for `ASIA…`.
    pub(crate) token: Option<String>,
}

/// A running server.
pub(crate) struct Moto {
    process: Child,
    scheme: &'static str,
    port: u16,
}

impl Moto {
    /// Starts a server on a free port of the loopback address. Until [`Moto::enforce`] it takes any
    /// call from anyone.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server behind TLS, with a certificate that nobody has reason to trust.
    pub(crate) fn start_with_worthless_certificate() -> Self {
        Self::start_with(&["--tls"])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let launcher = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moto/launcher.py");
        let mut process = Command::new(MOTO.interpreter())
            .arg(launcher)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter of moto's virtual environment starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("standard output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("moto's first line can be read");
        let port = line.trim().strip_prefix("port ").unwrap_or_else(|| {
            panic!("moto did not start; its message is above (remove target/stanch-tests to install it again)")
        });
        Self {
            scheme: if arguments.is_empty() { "http" } else { "https" },
            port: port.parse().expect("a port is a number"),
            process,
        }
    }

    /// Returns where the server answers, such as `http://127.0.0.1:40001`.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// Returns the environment in which a command acts on this server as that key, and as nobody else.
    pub(crate) fn environment(&self, key: &AccessKey) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID", key.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", key.secret.clone()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        variables.extend(key.token.clone().map(|token| ("AWS_SESSION_TOKEN", token)));
        variables
    }

    /// Makes a user without any permission, if there is none of that name yet, and a key for it.
    pub(crate) fn create_user_with_key(&self, user: &str) -> AccessKey {
        self.ask("user", json!({ "name": user }));
        self.create_key(user)
    }

    /// Makes a user without any key or permission.
    pub(crate) fn make_user(&self, user: &str) {
        self.ask("user", json!({ "name": user }));
    }

    /// Makes a further key for a user.
    pub(crate) fn create_key(&self, user: &str) -> AccessKey {
        access_key(&self.ask("key", json!({ "user": user })))
    }

    /// Makes a user that may make those calls (such as `iam:UpdateAccessKey`) and no other, and a key
    /// for it.
    pub(crate) fn user_allowed(&self, user: &str, actions: &[&str]) -> AccessKey {
        self.ask("user", json!({ "name": user, "policy": policy(actions) }));
        self.create_key(user)
    }

    /// Makes a responder: a session of a role that may make those calls and no other. The usual ones
    /// are [`RESPONDER`].
    pub(crate) fn responder(&self, role: &str, actions: &[&str]) -> AccessKey {
        access_key(&self.ask("role", json!({ "name": role, "policy": policy(actions) })))
    }

    /// Makes a session of a role with that policy.
    pub(crate) fn responder_with(&self, role: &str, policy: &Value) -> AccessKey {
        access_key(&self.ask("role", json!({ "name": role, "policy": policy })))
    }

    /// Makes a role with that policy, which a user may assume.
    pub(crate) fn trusting_role(&self, role: &str, user: &str, policy: &Value) {
        self.ask("role", json!({ "name": role, "policy": policy, "trusts": user }));
    }

    /// Makes a role at a path.
    pub(crate) fn role_at(&self, role: &str, path: &str) {
        self.ask("role", json!({ "name": role, "path": path }));
    }

    /// Returns the names of a user's inline policies.
    pub(crate) fn policies(&self, user: &str) -> Vec<String> {
        names(&self.ask("policies", json!({ "user": user }))[0])
    }

    /// Returns the names of the policies attached to a user.
    pub(crate) fn attached(&self, user: &str) -> Vec<String> {
        names(&self.ask("policies", json!({ "user": user }))[1])
    }

    /// Returns what was asked in each call of that name, as the log has it.
    pub(crate) fn parameters(&self, action: &str) -> Vec<Value> {
        self.ask("parameters", json!({ "action": action })).as_array().expect("a list").clone()
    }

    /// Makes all that the log holds so many minutes older.
    pub(crate) fn age(&self, minutes: u32) {
        self.ask("age", json!({ "minutes": minutes }));
    }

    /// Returns a policy of a user as it was put.
    pub(crate) fn policy_of(&self, user: &str, name: &str) -> Value {
        let asked = self.parameters("PutUserPolicy");
        let is_it = |asked: &&Value| {
            asked["userName"] == user
                && asked["policyName"].as_str().is_some_and(|own| own.contains(name))
        };
        let last = asked.iter().rev().find(is_it).expect("there is such a policy");
        serde_json::from_str(last["policyDocument"].as_str().expect("a text")).expect("JSON")
    }

    /// Queues the rows that the next query of Athena has.
    pub(crate) fn queue_for_athena(&self, rows: &[Value]) {
        let results = json!({ "results": [{ "rows": rows, "column_info": [] }] });
        self.post(
            "/moto-api/static/athena/query-results",
            "application/json",
            &results.to_string(),
        );
    }

    /// Removes a user and its keys.
    pub(crate) fn delete_user(&self, user: &str) {
        self.ask("delete", json!({ "user": user }));
    }

    /// From now on signatures, key states and policies count. There is no way back.
    pub(crate) fn enforce(&self) {
        self.post("/moto-api/reset-auth", "text/plain", "0");
    }

    /// Orders a fault, such as `after=UpdateAccessKey:drop`; `launcher.py` lists them all.
    pub(crate) fn fault(&self, order: &str) {
        self.ask("fault", json!({ "fault": order }));
    }

    /// Returns the AWS calls that came in so far: the id of the key that signed each, and its name.
    pub(crate) fn calls(&self) -> Vec<(String, String)> {
        pairs(&self.ask("calls", json!({})))
    }

    /// Asserts that a task takes so many round trips one after the other, and returns how many calls it
    /// makes. Answers are made slower until calls that are made at once overlap on this machine, however
    /// slow it is: more time never makes one wait for another.
    pub(crate) async fn in_rounds(&self, expected: u64, task: impl AsyncFn()) -> usize {
        let mut rounds = 0;
        for milliseconds in [150, 600, 2400, 9600] {
            let before = self.calls().len();
            self.fault(&format!("slow={milliseconds}"));
            task().await;
            self.fault("clear");
            rounds = self.ask("rounds", json!({ "since": before })).as_u64().expect("a number");
            if rounds <= expected {
                assert_eq!(rounds, expected, "one after the other");
                return self.calls().len() - before;
            }
        }
        panic!("{rounds} round trips one after the other instead of {expected}")
    }

    /// Makes a session of a user, as `sts:GetSessionToken` would.
    pub(crate) fn session_of(&self, user: &str) -> AccessKey {
        access_key(&self.ask("session", json!({ "user": user })))
    }

    /// Makes a call of a query service as a key and returns its HTTP status.
    pub(crate) fn call(&self, key: &AccessKey, call: &str, params: Value) -> u64 {
        self.call_from(key, call, params, "127.0.0.1")
    }

    /// The same, from an address.
    pub(crate) fn call_from(&self, key: &AccessKey, call: &str, params: Value, ip: &str) -> u64 {
        self.call_with(key, call, json!({ "params": params, "ip": ip }))
    }

    /// The same, with anything `/stanch/as` takes.
    pub(crate) fn call_with(&self, key: &AccessKey, call: &str, mut more: Value) -> u64 {
        let (service, action) = call.split_once(':').expect("service:Action");
        let mut parts = vec![key.id.as_str(), key.secret.as_str()];
        parts.extend(key.token.as_deref());
        more["key"] = json!(parts);
        more["service"] = json!(service);
        more["action"] = json!(action);
        self.ask("as", more)[0].as_u64().expect("a status")
    }

    /// Makes a key for a user as another key, from an address.
    pub(crate) fn key_made_by(&self, key: &AccessKey, params: Value, ip: &str) -> AccessKey {
        let answer = self.ask(
            "as",
            json!({
                "key": [key.id, key.secret], "service": "iam", "action": "CreateAccessKey",
                "params": params, "ip": ip,
            }),
        );
        let text = answer[1].as_str().expect("a text");
        let part = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>")).expect("it is in the answer");
            rest.split('<').next().expect("it ends").to_owned()
        };
        AccessKey { id: part("AccessKeyId"), secret: part("SecretAccessKey"), token: None }
    }

    /// Returns a user's keys as they really are: the id and `Active` or `Inactive`.
    pub(crate) fn keys(&self, user: &str) -> Vec<(String, String)> {
        pairs(&self.ask("keys", json!({ "user": user })))
    }

    /// Returns the same; none of a user that is gone.
    pub(crate) fn keys_if_any(&self, user: &str) -> Vec<(String, String)> {
        pairs(&self.ask("keys", json!({ "user": user, "if_any": true })))
    }

    fn ask(&self, what: &str, question: Value) -> Value {
        let answer =
            self.post(&format!("/stanch/{what}"), "application/json", &question.to_string());
        serde_json::from_str(&answer).expect("the launcher answers JSON")
    }

    /// One request over a connection of its own: the tests need no HTTP library of their own.
    fn post(&self, path: &str, kind: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("moto listens");
        write!(
            stream,
            "POST {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("moto reads the request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("moto answers in text");
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("moto answered no HTTP to {path}"));
        assert!(head.contains(" 200 ") || head.contains(" 201 "), "moto answered {head} to {path}");
        body.to_owned()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Nothing is left to do if it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn access_key(answer: &Value) -> AccessKey {
    let part = |index: usize| answer[index].as_str().map(str::to_owned);
    AccessKey {
        id: part(0).expect("a key has an id"),
        secret: part(1).expect("a key has a secret"),
        token: part(2),
    }
}

fn names(answer: &Value) -> Vec<String> {
    serde_json::from_value(answer.clone()).expect("the launcher answers names")
}

fn pairs(answer: &Value) -> Vec<(String, String)> {
    serde_json::from_value(answer.clone()).expect("the launcher answers pairs")
}

fn policy(actions: &[&str]) -> Value {
    // IAM takes no empty list, and whoever has no policy may do nothing.
    if actions.is_empty() {
        return Value::Null;
    }
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
    })
}
