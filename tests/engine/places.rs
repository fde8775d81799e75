//! The places a replacement can be delivered to.
//!
//! AWS Secrets Manager and Parameter Store: moto, a real server with signatures and policies enforced.
//! Vault and GitHub: servers of our own that keep state and hold every request to the vendors'
//! documentation (KV v2 API, REST API 2022-11-28), since neither can be had for a test; the sealed
//! boxes are opened with the private half, so what GitHub would get is what is compared.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::SecretKey;
use serde_json::{Value, json};
use stanch::contain::{
    Delivery, DeliveryError, Form, GitHubDelivery, Sink, Target, VaultDelivery, WrittenDelivery,
};
use stanch::secret::{Credential, Part, Secret};

const TOKEN: &str = "operators-own-token";

fn target(text: &str) -> Target {
    Target::parse(text).unwrap().unwrap()
}

/// Returns a key pair with a random secret, and the secret.
fn pair() -> (Credential, String) {
    let secret = format!("{:x}", rand::random::<u128>());
    let parts = BTreeMap::from([
        ("id".to_owned(), Part::Public("AKIANEW".to_owned())),
        ("secret".to_owned(), Part::Secret(Secret::new(secret.as_str()))),
    ]);
    let pattern = "aws-access-key".to_owned();
    (Credential { pattern, provider: "aws".to_owned(), parts }, secret)
}

/// A request as a server of ours got it.
struct Asked {
    method: String,
    path: String,
    token: String,
    content_type: String,
    body: Value,
}

/// A server on this machine that answers as `answers` says until it is dropped; status 0 hangs up.
struct Fake {
    server: Arc<tiny_http::Server>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Fake {
    fn new(mut answers: impl FnMut(Asked) -> (u16, Value) + Send + 'static) -> Self {
        let server = Arc::new(tiny_http::Server::http("127.0.0.1:0").unwrap());
        let listening = Arc::clone(&server);
        let thread = std::thread::spawn(move || {
            for mut request in listening.incoming_requests() {
                let header = |name: &'static str| {
                    let header = request.headers().iter().find(|header| header.field.equiv(name));
                    header.map(|header| header.value.to_string()).unwrap_or_default()
                };
                let token = header("x-vault-token") + &header("authorization");
                let (method, path) = (request.method().to_string(), request.url().to_owned());
                let content_type = header("content-type");
                let mut text = String::new();
                request.as_reader().read_to_string(&mut text).unwrap();
                let body = serde_json::from_str(&text).unwrap_or(Value::Null);
                let (status, body) = answers(Asked { method, path, token, content_type, body });
                if status == 0 {
                    drop(request.into_writer());
                    continue;
                }
                let answer = tiny_http::Response::from_string(body.to_string());
                request.respond(answer.with_status_code(status)).unwrap();
            }
        });
        Self { server, thread: Some(thread) }
    }

    fn address(&self) -> String {
        format!("http://{}", self.server.server_addr().to_ip().unwrap())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a KV v2 engine keeps of one secret.
#[derive(Default)]
struct Kv {
    version: u64,
    data: BTreeMap<String, Value>,
    /// How often a write is done and not answered.
    lost: u32,
    /// A write of somebody else's comes in between.
    raced: bool,
}

impl Kv {
    fn answer(&mut self, asked: Asked) -> (u16, Value) {
        assert_eq!(asked.token, TOKEN);
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/v1/secret/metadata/app/key") if self.version == 0 => {
                (404, json!({"errors": []}))
            }
            ("GET", "/v1/secret/metadata/app/key") => {
                (200, json!({"data": {"current_version": self.version}}))
            }
            ("PATCH", "/v1/secret/data/app/key") => {
                assert_eq!(asked.content_type, "application/merge-patch+json");
                self.write(&asked.body, false)
            }
            ("POST", "/v1/secret/data/app/key") => self.write(&asked.body, true),
            (method, path) => panic!("{method} {path} is no call of KV v2"),
        }
    }

    fn write(&mut self, body: &Value, replaces: bool) -> (u16, Value) {
        if self.raced {
            self.version += 1;
        }
        if body["options"]["cas"] != self.version {
            let words = "check-and-set parameter did not match the current version";
            return (400, json!({"errors": [words]}));
        }
        if replaces {
            self.data.clear();
        }
        let given = body["data"].as_object().unwrap().clone();
        self.data.extend(given);
        self.version += 1;
        if self.lost > 0 {
            self.lost -= 1;
            return (0, Value::Null);
        }
        (200, json!({"data": {"version": self.version}}))
    }
}

fn vault(kv: &Arc<Mutex<Kv>>) -> (Fake, VaultDelivery) {
    let kv = Arc::clone(kv);
    let fake = Fake::new(move |asked| kv.lock().unwrap().answer(asked));
    let target = target("vault:secret/app/key#id=KEY_ID,secret=KEY");
    let vault = VaultDelivery::new(&target, &fake.address(), Secret::new(TOKEN), None).unwrap();
    (fake, vault)
}

#[tokio::test]
async fn vault_keeps_the_other_fields_and_refuses_to_overwrite_a_strangers_write() {
    let kv = Arc::new(Mutex::new(Kv::default()));
    let (_fake, vault) = vault(&kv);
    assert!(vault.check().await.unwrap().contains("will be made"));
    let (credential, secret) = pair();
    assert!(vault.deliver(&credential).await.unwrap().ends_with("version 1"));

    kv.lock().unwrap().data.insert("region".to_owned(), json!("eu"));
    let (second, second_secret) = pair();
    assert!(vault.deliver(&second).await.unwrap().ends_with("version 2"));
    let data = kv.lock().unwrap().data.clone();
    let expected = json!({"KEY_ID": "AKIANEW", "KEY": second_secret, "region": "eu"});
    assert_eq!(json!(data), expected);

    kv.lock().unwrap().raced = true;
    let error = vault.deliver(&credential).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Refused { .. }), "{error}");
    assert!(!error.to_string().contains(&secret) && !error.to_string().contains(TOKEN), "{error}");
    assert_eq!(kv.lock().unwrap().data["KEY"], json!(second_secret));
}

#[tokio::test]
async fn a_write_vault_did_not_answer_is_looked_after() {
    let kv = Arc::new(Mutex::new(Kv { lost: 1, ..Kv::default() }));
    let (fake, vault) = vault(&kv);
    let error = vault.deliver(&pair().0).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Unknown { .. }), "{error}");
    assert!(error.to_string().contains("version 1"), "{error}");
    drop(fake);
    let error = vault.deliver(&pair().0).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Refused { .. }), "{error}");
}

/// GitHub's part: a key pair, and what was sealed to it.
struct Actions {
    lock: SecretKey,
    secrets: BTreeMap<String, String>,
    refuses: Option<&'static str>,
}

impl Actions {
    fn answer(&mut self, asked: Asked) -> (u16, Value) {
        assert_eq!(asked.token, format!("Bearer {TOKEN}"));
        let folder = "/repos/o/r/environments/production/secrets/";
        let name = asked.path.strip_prefix(folder).expect("a path of the REST API");
        match (asked.method.as_str(), name) {
            ("GET", "public-key") => {
                let key = STANDARD.encode(self.lock.public_key().as_bytes());
                (200, json!({"key_id": "568250167242549743", "key": key}))
            }
            ("PUT", name) if self.refuses == Some(name) => {
                (422, json!({"message": asked.body["encrypted_value"]}))
            }
            ("PUT", name) => {
                assert_eq!(asked.body["key_id"], "568250167242549743");
                let sealed = asked.body["encrypted_value"].as_str().unwrap();
                let opened = self.lock.unseal(&STANDARD.decode(sealed).unwrap()).unwrap();
                let is_new =
                    self.secrets.insert(name.to_owned(), String::from_utf8(opened).unwrap());
                (if is_new.is_none() { 201 } else { 204 }, Value::Null)
            }
            (method, path) => panic!("{method} {path} is no call of the secrets' API"),
        }
    }
}

fn github(refuses: Option<&'static str>) -> (Fake, GitHubDelivery, Arc<Mutex<Actions>>) {
    let lock = SecretKey::from(rand::random::<[u8; 32]>());
    let actions = Actions { lock, secrets: BTreeMap::new(), refuses };
    let actions = Arc::new(Mutex::new(actions));
    let shared = Arc::clone(&actions);
    let fake = Fake::new(move |asked| shared.lock().unwrap().answer(asked));
    let target = target("github:o/r/production#id=KEY_ID,secret=KEY");
    let github = GitHubDelivery::new(&target, &fake.address(), Secret::new(TOKEN)).unwrap();
    (fake, github, actions)
}

#[tokio::test]
async fn github_gets_a_sealed_box_that_only_its_own_key_opens() {
    let (_fake, github, actions) = github(None);
    assert!(github.check().await.unwrap().contains("environment production"));
    for _ in 0..2 {
        let (credential, secret) = pair();
        let place = github.deliver(&credential).await.unwrap();
        assert!(place.contains("KEY_ID, KEY of o/r") && !place.contains(&secret), "{place}");
        let secrets = json!(actions.lock().unwrap().secrets);
        assert_eq!(secrets, json!({"KEY_ID": "AKIANEW", "KEY": secret}));
    }
}

#[tokio::test]
async fn of_two_secrets_one_refused_is_said_to_be_half_a_delivery() {
    let (_first, github_first, _) = github(Some("KEY_ID"));
    let error = github_first.deliver(&pair().0).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Refused { .. }), "{error}");
    let (_second, github_second, _) = github(Some("KEY"));
    let error = github_second.deliver(&pair().0).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Unknown { .. }), "{error}");
    assert!(error.to_string().contains("1 of 2 were written"), "{error}");
}

#[tokio::test]
async fn a_part_that_nobody_named_is_not_left_behind() {
    let target = target("kubernetes:prod/app#id=key-id");
    let sink = Sink::Open("a test".to_owned(), Arc::new(Mutex::new(Vec::new())));
    let error = WrittenDelivery::new(Form::Kubernetes(target), sink).deliver(&pair().0).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`secret`"), "{error}");
}

/// What was written, for a sink to keep it.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_manifest_is_a_kubernetes_secret() {
    let kept = Kept::default();
    let form = Form::Kubernetes(target("kubernetes:prod/app#id=key-id,secret=key"));
    let sink = Sink::Open("a pipe".to_owned(), Arc::new(Mutex::new(kept.clone())));
    let (credential, secret) = pair();
    WrittenDelivery::new(form, sink).deliver(&credential).await.unwrap();
    let manifest: Value = serde_json::from_slice(&kept.0.lock().unwrap()).unwrap();
    let expected = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "app", "namespace": "prod"},
        "type": "Opaque",
        "stringData": {"key-id": "AKIANEW", "key": secret},
    });
    assert_eq!(manifest, expected);
}

#[tokio::test]
async fn a_file_is_its_owners_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.json");
    let to = |path: &std::path::Path| {
        let form = Form::Kubernetes(target("kubernetes:prod/app"));
        WrittenDelivery::new(form, Sink::NewFile(path.to_owned()))
    };
    assert!(to(&path).check().await.is_ok());
    to(&path).deliver(&pair().0).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let before = std::fs::read(&path).unwrap();
    assert!(to(&path).check().await.is_err());
    let error = to(&path).deliver(&pair().0).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Refused { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(to(&folder.path().join("no/secret.json")).check().await.is_err());
}

#[tokio::test]
async fn what_takes_no_writes_is_known_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    std::fs::write(&path, "").unwrap();
    let check = |file| async move {
        let sink = Sink::Open("descriptor 3".to_owned(), Arc::new(Mutex::new(file)));
        WrittenDelivery::new(Form::Json, sink).check().await
    };
    let writable = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    assert!(check(writable).await.unwrap().contains("open for writing"));
    assert_eq!(std::fs::read(&path).unwrap(), b"", "nothing is written");
    // Windows tells of it only when something is written.
    if cfg!(unix) {
        let error = check(std::fs::File::open(&path).unwrap()).await.unwrap_err();
        assert!(matches!(error, DeliveryError::Refused { .. }), "{error}");
    }
}

#[tokio::test]
#[cfg(unix)]
async fn a_folder_that_takes_no_file_is_known_before() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    let form = Form::Kubernetes(target("kubernetes:prod/app"));
    let sink = Sink::NewFile(closed.join("secret.json"));
    let check = WrittenDelivery::new(form, sink).check().await;
    // A superuser may write there, whatever the folder says.
    let may = std::fs::write(closed.join("other"), "").is_ok();
    assert_eq!(check.is_ok(), may, "{check:?}");
}

#[cfg(feature = "aws")]
mod aws {
    use std::collections::BTreeSet;

    use aws_sdk_secretsmanager::Client as SecretsManager;
    use aws_sdk_ssm::Client as Ssm;
    use stanch::contain::{ParameterStoreDelivery, SecretsManagerDelivery};
    use stanch::provider::Call;
    use stanch::provider::aws_iam::{Duty, Options, configuration, policy};

    use super::*;
    use crate::aws::credential;
    use crate::moto::{AccessKey, Moto};

    const SECRETS: &[&str] = &[
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    ];
    const PARAMETERS: &[&str] = &["ssm:GetParameter", "ssm:PutParameter"];

    /// Returns the configuration of a responder with these permissions.
    async fn responder(moto: &Moto, name: &str, permissions: &[&str]) -> aws_config::SdkConfig {
        acting(moto, &moto.responder(name, permissions)).await
    }

    async fn acting(moto: &Moto, key: &AccessKey) -> aws_config::SdkConfig {
        let options = Options {
            endpoint: Some(moto.endpoint()),
            region: Some("us-east-1".to_owned()),
            responder: Some(credential(key)),
            ..Options::new(Arc::new(jiff::Timestamp::now))
        };
        configuration(&options).await.unwrap()
    }

    #[tokio::test]
    async fn secrets_manager_stages_the_new_key_and_keeps_the_other_fields() {
        let moto = Moto::start();
        let config = responder(&moto, "ops", SECRETS).await;
        let client = SecretsManager::new(&config);
        let before = r#"{"user":"app","KEY":"old","note":"a\"b"}"#;
        client.create_secret().name("app/key").secret_string(before).send().await.unwrap();
        let fewer = responder(&moto, "fewer", &SECRETS[..3]).await;
        moto.enforce();

        let target = target("aws-secretsmanager:app/key#id=KEY_ID,secret=KEY");
        let delivery = SecretsManagerDelivery::new(&target, &config);
        assert!(delivery.check().await.unwrap().contains("app/key"));
        let (credential, secret) = pair();
        // A responder who may not move the stage leaves consumers with what they had.
        let error = SecretsManagerDelivery::new(&target, &fewer).deliver(&credential).await;
        let error = error.unwrap_err();
        assert!(error.to_string().contains("secretsmanager:UpdateSecretVersionStage"), "{error}");
        assert!(!error.to_string().contains(&secret), "{error}");
        let current = || async {
            let answer = client.get_secret_value().secret_id("app/key");
            // Without a stage AWS takes this one; moto takes the version it made first.
            let answer = answer.version_stage("AWSCURRENT").send().await.unwrap();
            serde_json::from_str::<Value>(&answer.secret_string.unwrap()).unwrap()
        };
        assert_eq!(current().await["KEY"], "old");

        // The same key again: the pending version is taken up and becomes the current one.
        delivery.deliver(&credential).await.unwrap();
        let expected = json!({"user": "app", "note": "a\"b", "KEY_ID": "AKIANEW", "KEY": secret});
        assert_eq!(current().await, expected);
        let previous = client.get_secret_value().secret_id("app/key");
        let previous = previous.version_stage("AWSPREVIOUS").send().await.unwrap();
        assert_eq!(previous.secret_string.unwrap(), before);
    }

    #[tokio::test]
    async fn the_printed_policy_for_deliveries_is_what_they_and_the_plan_need_and_no_more() {
        let moto = Moto::start();
        let admin = SecretsManager::new(&responder(&moto, "admin", &["*"]).await);
        admin.create_secret().name("app/key").secret_string("{}").send().await.unwrap();
        let printed = policy(Duty::Delivery);
        let holder = moto.responder_with("ops", &printed);
        let config = acting(&moto, &holder).await;
        moto.enforce();
        let (secrets, parameters) = ("aws-secretsmanager:app/key", "aws-ssm:/app/");
        let fields = "#id=key-id,secret=key";
        let places: [Box<dyn Delivery>; 2] = [
            Box::new(SecretsManagerDelivery::new(&target(&format!("{secrets}{fields}")), &config)),
            Box::new(ParameterStoreDelivery::new(
                &target(&format!("{parameters}{fields}")),
                &config,
            )),
        ];
        let mut planned = BTreeSet::new();
        for place in places {
            let so_far = moto.calls().len();
            place.check().await.unwrap();
            let checked = moto.calls().len();
            place.deliver(&pair().0).await.unwrap();
            let names = |calls: &[(String, String)]| -> BTreeSet<String> {
                calls.iter().map(|(_, call)| call.clone()).collect()
            };
            let listed = |calls: &[Call]| -> BTreeSet<String> {
                calls.iter().map(|call| call.permission.clone().unwrap()).collect()
            };
            let (made, shown) = (moto.calls(), place.calls());
            assert_eq!(names(&made[so_far..checked]), listed(&shown.check));
            assert_eq!(names(&made[checked..]), listed(&shown.deliver));
            planned.extend(shown.check.into_iter().chain(shown.deliver).map(|call| call.name));
        }
        let statements = printed["Statement"].as_array().unwrap();
        let actions = statements.iter().flat_map(|one| one["Action"].as_array().unwrap());
        let granted: BTreeSet<_> = actions.map(|one| one.as_str().unwrap().to_owned()).collect();
        assert_eq!(planned, granted);
    }

    #[tokio::test]
    async fn secrets_manager_is_asked_before_anything_is_stopped() {
        let moto = Moto::start();
        let config = responder(&moto, "ops", SECRETS).await;
        let client = SecretsManager::new(&config);
        client.create_secret().name("text").secret_string("hunter2").send().await.unwrap();
        let nobody = responder(&moto, "nobody", &["iam:ListAccessKeys"]).await;
        moto.enforce();
        let check = |place: &str, config| {
            let delivery = SecretsManagerDelivery::new(&target(place), config);
            async move { delivery.check().await.unwrap_err().to_string() }
        };
        let absent = check("aws-secretsmanager:absent", &config).await;
        assert!(absent.contains("ResourceNotFoundException"), "{absent}");
        let text = check("aws-secretsmanager:text", &config).await;
        assert!(text.contains("no JSON object") && !text.contains("hunter2"), "{text}");
        let denied = check("aws-secretsmanager:text", &nobody).await;
        assert!(denied.contains("secretsmanager:DescribeSecret"), "{denied}");
    }

    #[tokio::test]
    async fn parameter_store_gets_a_secure_string_a_part() {
        let moto = Moto::start();
        let config = responder(&moto, "ops", PARAMETERS).await;
        let nobody = responder(&moto, "nobody", &["ssm:GetParameter"]).await;
        moto.enforce();
        let target = target("aws-ssm:/app/#id=key-id,secret=key");
        let delivery = ParameterStoreDelivery::new(&target, &config);
        assert!(delivery.check().await.unwrap().contains("/app/key will be made"));
        for _ in 0..2 {
            let (credential, secret) = pair();
            delivery.deliver(&credential).await.unwrap();
            let answer = Ssm::new(&config).get_parameter().name("/app/key").with_decryption(true);
            let parameter = answer.send().await.unwrap().parameter.unwrap();
            assert_eq!(parameter.value.unwrap(), secret);
            assert_eq!(parameter.r#type.unwrap().as_str(), "SecureString");
        }
        assert!(delivery.check().await.unwrap().contains("/app/key is there"));
        let error = ParameterStoreDelivery::new(&target, &nobody).deliver(&pair().0).await;
        let error = error.unwrap_err();
        assert!(matches!(error, DeliveryError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("ssm:PutParameter"), "{error}");
    }
}
