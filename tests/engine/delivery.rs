//! The operator's own program as a delivery.

use std::path::{Path, PathBuf};
use std::time::Duration;

use stanch::contain::{CommandDelivery, Delivery, DeliveryError, MemoryDelivery, Settled};
use stanch::incident::Outcome;
use stanch::provider::Operation;
use stanch::secret::Credential;

use crate::world::{World, assert_outcomes, bare, detail, end, secret_of};

const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };
/// However long an interpreter takes to start.
const LONG: Duration = Duration::from_secs(600);

/// Returns a delivery that runs these lines of Python, with the folder as its argument.
fn python(folder: &Path, lines: &str, timeout: Duration) -> CommandDelivery {
    let script: PathBuf = folder.join("deliver.py");
    let head = "import json, os, sys, time\nfolder = sys.argv[1]\n";
    std::fs::write(&script, format!("{head}{lines}\n")).unwrap();
    let words = [PYTHON, script.to_str().unwrap(), folder.to_str().unwrap()];
    CommandDelivery::new(&shell_words::join(words), timeout).unwrap()
}

fn credential() -> Credential {
    World::new().credential
}

#[tokio::test]
async fn the_program_gets_the_key_on_its_input_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let lines = r#"
given = sys.stdin.read()
open(os.path.join(folder, "given"), "w").write(given)
open(os.path.join(folder, "seen"), "w").write(repr(sys.argv) + repr(dict(os.environ)))
print(given, file=sys.stdout)
print(given, file=sys.stderr)
"#;
    let delivery = python(folder.path(), lines, LONG);
    let credential = credential();
    let place = delivery.deliver(&credential).await.expect("Python 3 runs as `python3`");

    let given = std::fs::read_to_string(folder.path().join("given")).unwrap();
    let given: serde_json::Value = serde_json::from_str(&given).unwrap();
    let expected = serde_json::json!({
        "pattern": "simulated-key",
        "provider": "simulated",
        "parts": {"id": credential.public("id").unwrap(), "key": secret_of(&credential)},
    });
    assert_eq!(given, expected);
    let seen = std::fs::read_to_string(folder.path().join("seen")).unwrap();
    assert!(seen.contains("deliver.py") && !seen.contains(secret_of(&credential)));
    assert!(place.contains("deliver.py") && !place.contains(secret_of(&credential)));
}

#[tokio::test]
async fn a_program_that_fails_is_told_by_its_exit_code_alone() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "print(sys.stdin.read(), file=sys.stderr)\nsys.exit(17)";
    let credential = credential();
    let error = python(folder.path(), lines, LONG).deliver(&credential).await.unwrap_err();
    assert!(error.to_string().ends_with("ended with exit code 17"), "{error}");
    assert!(!format!("{error:?}").contains(secret_of(&credential)));
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_killed_and_its_outcome_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let timeout = Duration::from_millis(300);
    let delivery = python(folder.path(), "time.sleep(600)", timeout);
    let error = delivery.deliver(&credential()).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Unknown { .. }), "{error}");
}

#[tokio::test]
#[cfg(unix)]
async fn a_program_that_somebody_kills_may_have_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = python(folder.path(), "os.kill(os.getpid(), 9)", LONG);
    let error = delivery.deliver(&credential()).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Unknown { .. }), "{error}");
}

#[tokio::test]
async fn a_program_need_not_read_nor_be_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = python(folder.path(), "print('x' * 1_000_000)", LONG);
    delivery.deliver(&credential()).await.unwrap();
}

#[tokio::test]
async fn a_program_that_is_not_there_delivers_nothing() {
    let delivery = CommandDelivery::new("/no/such/program --now", LONG).unwrap();
    let error = delivery.deliver(&credential()).await.unwrap_err();
    assert!(matches!(error, DeliveryError::NotStarted { .. }), "{error}");
    assert_eq!(delivery.describe(), "the program `/no/such/program --now`");
}

#[tokio::test]
async fn a_program_is_looked_for_before_anything_is_stopped_and_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let lines = r#"open(os.path.join(folder, "ran"), "w")"#;
    let found = python(folder.path(), lines, LONG).check().await.unwrap();
    assert!(found.contains(PYTHON) && found.contains("is there, as "), "{found}");
    assert!(!folder.path().join("ran").exists());

    let plain = folder.path().join("plain");
    std::fs::write(&plain, "no program").unwrap();
    for missing in ["no-such-program-of-ours", plain.to_str().unwrap()] {
        let line = shell_words::join([missing]);
        let error = CommandDelivery::new(&line, LONG).unwrap().check().await.unwrap_err();
        assert!(matches!(error, DeliveryError::NotStarted { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains(missing) && error.contains("give its full path"), "{error}");
    }
}

#[tokio::test]
async fn a_key_is_not_replaced_where_the_program_is_missing() {
    let delivery = CommandDelivery::new("no-such-program-of-ours", LONG).unwrap();
    let world = World::new();
    let request = stanch::contain::Request { delivery: Some(delivery.describe()), ..bare() };
    let plan = world.plan(&request).await;
    let mut engine = world.engine();
    engine.delivery = Some(&delivery);
    let summary = engine.apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "check-delivery"), Outcome::Failed);
    assert!(detail(&summary, "check-delivery").contains("give its full path"));
    assert_eq!(world.asked(Operation::Create), 0);
    assert_eq!(end(&summary, "disable"), Outcome::Succeeded);
}

#[test]
fn a_command_line_names_a_program_and_closes_its_quotes() {
    for wrong in ["", "   ", "put 'secret"] {
        let error = CommandDelivery::new(wrong, LONG).unwrap_err();
        assert!(matches!(error, DeliveryError::CommandLine(_)), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn no_shell_reads_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let lines = r#"open(os.path.join(folder, "argv"), "w").write(sys.argv[2])"#;
    let plain = python(folder.path(), lines, LONG).describe();
    let line = plain.trim_start_matches("the program `").trim_end_matches('`');
    let delivery = CommandDelivery::new(&format!("{line} '$(id);`id`|&'"), LONG).unwrap();
    delivery.deliver(&credential()).await.unwrap();
    let argument = std::fs::read_to_string(folder.path().join("argv")).unwrap();
    assert_eq!(argument, "$(id);`id`|&");
}

#[tokio::test]
async fn a_failed_delivery_leaves_a_key_that_resuming_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let fails_once = r#"
marker = os.path.join(folder, "tried")
if not os.path.exists(marker):
    open(marker, "w")
    sys.exit(1)
"#;
    let delivery = python(folder.path(), fails_once, LONG);
    let world = World::new();
    let request = stanch::contain::Request { delivery: Some(delivery.describe()), ..bare() };
    let plan = world.plan(&request).await;
    let mut engine = world.engine();
    engine.delivery = Some(&delivery);

    let summary = engine.apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Partly);
    assert_eq!(end(&summary, "deliver"), Outcome::Failed);
    let undelivered = world.replacements()[0].id.clone();
    let left = summary.left_for_a_person.join("\n");
    assert!(left.contains(&undelivered) && left.contains("resume replaces it"), "{left}");

    let summary = engine.resume().await.unwrap();
    let all = ["disable", "prove-dead", "rotate", "deliver"];
    assert_outcomes(&summary, Settled::Contained, &all.map(|step| (step, Outcome::Succeeded)));
    assert_eq!(world.replacements().len(), 1);
    assert_ne!(world.replacements()[0].id, undelivered);
    assert_eq!(world.done(Operation::Delete), 1);
}

#[tokio::test]
async fn the_one_in_memory_keeps_what_it_got() {
    let (delivery, credential) = (MemoryDelivery::new(), credential());
    delivery.deliver(&credential).await.unwrap();
    assert_eq!(delivery.delivered(), [credential]);
}

#[test]
fn what_the_program_prints_is_not_shown() {
    // The test it runs, again in a process whose output can be read, prints the key twice.
    let test = "delivery::the_program_gets_the_key_on_its_input_and_nowhere_else";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .output()
        .unwrap();
    let shown = [output.stdout, output.stderr].concat();
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("1 passed"), "{shown}");
    assert!(!shown.contains("stanch_drill_"), "the key was shown");
}

/// Puts what it was given into its error.
struct Echoing;

#[async_trait::async_trait]
impl Delivery for Echoing {
    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        Err(DeliveryError::NotStarted {
            program: "echo".to_owned(),
            why: format!("no vault takes {}", secret_of(credential)),
        })
    }

    fn describe(&self) -> String {
        "an echo".to_owned()
    }
}

#[tokio::test]
async fn a_new_keys_secret_is_masked_in_the_record_too() {
    let world = World::new();
    let request = stanch::contain::Request { delivery: Some(Echoing.describe()), ..bare() };
    let plan = world.plan(&request).await;
    let mut engine = world.engine();
    engine.delivery = Some(&Echoing);
    let summary = engine.apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "deliver"), Outcome::Failed);
    assert!(!format!("{summary:?} {:?}", world.events()).contains("stanch_drill_"));
}
