//! Killed at any instant, taken up again: real processes, ended by SIGKILL before and after every event
//! that is written and every change that is made.
//!
//! The test binary runs itself. The child carries out the plan on a store and a provider that live in
//! files, and kills itself at the point it is told; the parent takes the incident up and looks.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use stanch::contain::{
    Delivery, DeliveryError, Engine, Error, Guard, LockFile, Patience, Policy, Request, Settled,
    Summary, What,
};
use stanch::incident::{
    Clock, Error as JournalError, Event, IncidentId, Journal, Recorded, SqliteStore, Store,
};
use stanch::provider::simulated::{Asked, Fault, Simulated};
use stanch::provider::{
    Call, Created, Error as ProviderError, Evidence, Key, KeyState, Observation, Operation, Probe,
    Provider, Receipt, Restriction, Standing,
};
use stanch::secret::{Credential, Part, Secret};

use crate::world::{OWNER, bare, plan_at, secret_of};

const CHILD: &str = "crash::a_child_that_is_not_killed_finishes";
const FOLDER: &str = "STANCH_TEST_CRASH_FOLDER";
const POINT: &str = "STANCH_TEST_CRASH_POINT";
const SERVER: &str = "STANCH_TEST_CRASH_SERVER";
const TASK: &str = "STANCH_TEST_CRASH_TASK";

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Kills this process when the point it was told is reached, such as `after append 3`.
struct Fuse {
    point: String,
    counts: Mutex<BTreeMap<&'static str, u32>>,
}

impl Fuse {
    fn new(point: String) -> Arc<Self> {
        Arc::new(Self { point, counts: Mutex::default() })
    }

    fn before(&self, what: &'static str) {
        let mut counts = self.counts.lock().unwrap();
        let count = counts.entry(what).or_default();
        *count += 1;
        self.burn(&format!("before {what} {count}"));
    }

    fn after(&self, what: &'static str) {
        let count = self.counts.lock().unwrap()[what];
        self.burn(&format!("after {what} {count}"));
    }

    fn burn(&self, here: &str) {
        if self.point != here {
            return;
        }
        if cfg!(unix) {
            let _ = Command::new("sh").args(["-c", "kill -9 $PPID"]).status();
        }
        std::process::abort();
    }
}

struct Fused<T> {
    inner: T,
    fuse: Arc<Fuse>,
}

impl Journal for Fused<Box<dyn Store>> {
    fn append(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Recorded, JournalError> {
        self.fuse.before("append");
        let recorded = self.inner.append(incident, expected_seq, actor, at, event)?;
        self.fuse.after("append");
        Ok(recorded)
    }

    fn events(&self, incident: &IncidentId) -> Result<Vec<Recorded>, JournalError> {
        self.inner.events(incident)
    }
}

impl Fused<Simulated> {
    async fn change<T>(
        &self,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        self.fuse.before("change");
        let answer = call.await;
        self.fuse.after("change");
        answer
    }
}

#[async_trait]
impl Provider for Fused<Simulated> {
    fn id(&self) -> &'static str {
        self.inner.id()
    }

    fn endpoint(&self) -> Option<&str> {
        self.inner.endpoint()
    }

    fn calls(&self, operation: Operation) -> Vec<Call> {
        self.inner.calls(operation)
    }

    async fn observe(&self, credential: &Credential) -> Result<Observation, ProviderError> {
        self.inner.observe(credential).await
    }

    async fn probe(&self, credential: &Credential) -> Result<Probe, ProviderError> {
        self.inner.probe(credential).await
    }

    async fn keys(&self, owner: &str) -> Result<Vec<Key>, ProviderError> {
        self.inner.keys(owner).await
    }

    async fn disable(&self, key: &Key) -> Result<Receipt, ProviderError> {
        self.change(self.inner.disable(key)).await
    }

    async fn enable(&self, key: &Key) -> Result<Receipt, ProviderError> {
        self.change(self.inner.enable(key)).await
    }

    async fn create(&self, owner: &str) -> Result<Created, ProviderError> {
        self.change(self.inner.create(owner)).await
    }

    async fn delete(&self, key: &Key) -> Result<Receipt, ProviderError> {
        self.change(self.inner.delete(key)).await
    }

    async fn evidence(&self, seen: &Observation) -> Result<Evidence, ProviderError> {
        self.inner.evidence(seen).await
    }

    async fn standing(&self, restriction: &Restriction) -> Result<Standing, ProviderError> {
        self.inner.standing(restriction).await
    }

    async fn restrict(&self, restriction: &Restriction) -> Result<Receipt, ProviderError> {
        self.change(self.inner.restrict(restriction)).await
    }

    async fn lift(
        &self,
        restriction: &Restriction,
        before: &serde_json::Value,
    ) -> Result<Receipt, ProviderError> {
        self.change(self.inner.lift(restriction, before)).await
    }
}

/// Delivers to a file, by digest: which key, and whether its consumers have the right secret.
struct DigestFile {
    path: PathBuf,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl Delivery for DigestFile {
    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        self.fuse.before("delivery");
        let line = format!("{} {}\n", credential.public("id").unwrap(), digest_of(credential));
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&self.path);
        file.unwrap().write_all(line.as_bytes()).unwrap();
        self.fuse.after("delivery");
        Ok(self.describe())
    }

    fn describe(&self) -> String {
        "the file of digests".to_owned()
    }
}

fn digest_of(credential: &Credential) -> String {
    let digest = Sha256::digest(secret_of(credential).as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is on disk: the incident store, the provider's state and what was delivered.
struct Scene {
    folder: PathBuf,
    credential: Credential,
    /// The server the record is kept on, where it isn't a file.
    server: Option<String>,
}

impl Scene {
    /// Makes the files for a freshly leaked key and an opened incident.
    fn begin(folder: &Path, faults: &[Fault]) -> Self {
        Self::begin_at(folder, None, faults)
    }

    fn begin_at(folder: &Path, server: Option<String>, faults: &[Fault]) -> Self {
        let now = Arc::new(Timestamp::now);
        let simulated = Simulated::at(&folder.join("provider.json"), now).unwrap();
        let credential = simulated.issue(OWNER).unwrap();
        for fault in faults {
            simulated.set(*fault).unwrap();
        }
        let scene = Self::at(folder, credential, server);
        let opened = Event::Noted { text: "a key leaked".to_owned() };
        let store = scene.store();
        store.append(&scene.incident(), 0, "alex", Timestamp::now(), &opened).unwrap();
        scene
    }

    fn at(folder: &Path, credential: Credential, server: Option<String>) -> Self {
        Self { folder: folder.to_owned(), credential, server }
    }

    fn incident(&self) -> IncidentId {
        IncidentId::from("INC-crash".to_owned())
    }

    fn store(&self) -> Box<dyn Store> {
        match &self.server {
            #[cfg(feature = "postgres")]
            Some(address) => Box::new(stanch::incident::TeamStore::connect(address, None).unwrap()),
            #[cfg(not(feature = "postgres"))]
            Some(_) => unreachable!("no server without the feature"),
            None => Box::new(SqliteStore::open(self.folder.join("incidents.db")).unwrap()),
        }
    }

    fn simulated(&self) -> Simulated {
        let now = Arc::new(Timestamp::now);
        Simulated::at(&self.folder.join("provider.json"), now).unwrap()
    }

    /// Carries out a task, as far as the fuse lets it.
    async fn carry_out(&self, task: &str, fuse: &Arc<Fuse>) -> Result<Option<Summary>, Error> {
        let journal = Fused { inner: self.store(), fuse: fuse.clone() };
        let provider = Fused { inner: self.simulated(), fuse: fuse.clone() };
        let delivery = DigestFile { path: self.folder.join("delivered"), fuse: fuse.clone() };
        let guard = Guard::new(Policy::default());
        let holder = LockFile::hold(&self.folder, "alex").unwrap();
        let engine = Engine {
            journal: &journal,
            provider: &provider,
            clock: &SystemClock,
            incident: self.incident(),
            actor: "alex".to_owned(),
            approver: Some("alex".to_owned()),
            confirmed: Vec::new(),
            guard: &guard,
            holder: &holder,
            credential: &self.credential,
            delivery: Some(&delivery),
            patience: Patience::without_waiting(),
        };
        let request = Request { delivery: Some(delivery.describe()), end_sessions: None, ..bare() };
        match task {
            "apply" => {
                let plan = plan_at(&provider, &self.credential, &request).await;
                engine.apply(&plan).await.map(Some)
            }
            "resume" => engine.resume().await.map(Some),
            "undo" => engine.undo(&What::All, true, "rehearsal").await.map(|_| None),
            other => panic!("no task {other}"),
        }
    }

    /// Takes the incident up as a person would: resume, or begin where nothing was approved.
    async fn take_up(&self) -> Summary {
        let fuse = Fuse::new(String::new());
        match self.carry_out("resume", &fuse).await {
            Err(Error::Nothing(_)) => self.carry_out("apply", &fuse).await.unwrap().unwrap(),
            summary => summary.unwrap().unwrap(),
        }
    }

    /// Runs a task in a process of its own and returns how that ended; the secret goes in by a pipe.
    fn run(&self, task: &str, point: &str) -> Output {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD, "--nocapture", "--test-threads", "1"])
            .env(FOLDER, &self.folder)
            .env(POINT, point)
            .env(TASK, task)
            .env(SERVER, self.server.as_deref().unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        give(&mut child, &self.credential);
        let output = child.wait_with_output().unwrap();
        for bytes in [&output.stdout, &output.stderr] {
            self.assert_no_secret(bytes, point);
        }
        output
    }

    fn assert_no_secret(&self, bytes: &[u8], place: &str) {
        let secret = secret_of(&self.credential).as_bytes();
        let has_secret = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!has_secret, "a secret in {place}");
        // Every simulated secret begins so: this finds those of replacements too.
        let prefix = b"stanch_drill_";
        let has_any = bytes.windows(prefix.len()).any(|window| window == prefix);
        assert!(!has_any, "a new key's secret in {place}");
    }

    fn asked(&self) -> Vec<Asked> {
        self.simulated().asked().unwrap()
    }

    fn done(&self, operation: Operation) -> usize {
        self.asked().iter().filter(|asked| asked.operation == operation && asked.is_done).count()
    }

    fn replacements(&self) -> Vec<Key> {
        let keys = self.simulated().really(OWNER).unwrap().into_iter();
        keys.filter(|key| Some(key.id.as_str()) != self.credential.public("id")).collect()
    }

    /// Returns what the provider shows.
    fn keys_in_words(&self) -> String {
        let keys = self.simulated().really(OWNER).unwrap().into_iter();
        let keys = keys.map(|key| {
            let is_old = Some(key.id.as_str()) == self.credential.public("id");
            format!("{} key {}", if is_old { "old" } else { "new" }, key.state)
        });
        let restrictions = self.simulated().restrictions().unwrap().len();
        let sessions = if restrictions == 0 { "run" } else { "ended" };
        format!("{}, sessions {sessions}", keys.collect::<Vec<_>>().join(", "))
    }

    /// Returns how far the record is.
    fn record_in_words(&self) -> String {
        let events = self.store().events(&self.incident()).unwrap();
        let last = serde_json::to_value(&events[events.len() - 1].event).unwrap();
        let step = last["body"]["step"].as_str().unwrap_or_default();
        format!("{} events, the last {} {step}", events.len(), last["kind"].as_str().unwrap())
    }

    /// Asserts that everything is as if nothing had happened: once each, delivered, proved, silent.
    fn assert_contained(&self, summary: &Summary, point: &str) {
        assert_eq!(summary.settled, Settled::Contained, "{point}: {summary:#?}");
        let leaked = self.credential.public("id").unwrap();
        let keys = self.simulated().really(OWNER).unwrap();
        let state = keys.iter().find(|key| key.id == leaked).unwrap().state;
        assert_eq!(state, KeyState::Inactive, "{point}");
        assert_eq!(self.done(Operation::Disable), 1, "{point}");
        assert_eq!(self.done(Operation::Restrict), 1, "{point}");
        assert_eq!(self.simulated().restrictions().unwrap().len(), 1, "{point}");
        self.assert_one_delivered(point);
        self.assert_deletions_justified(point);
        self.assert_record(point);
    }

    fn assert_one_delivered(&self, point: &str) {
        let replacements = self.replacements();
        assert_eq!(replacements.len(), 1, "{point}");
        assert_eq!(replacements[0].state, KeyState::Active, "{point}");
        let delivered = std::fs::read_to_string(self.folder.join("delivered")).unwrap();
        let (id, digest) = delivered.lines().last().unwrap().split_once(' ').unwrap();
        assert_eq!(id, replacements[0].id, "{point}");
        assert_eq!(digest, self.state().digest_of(id), "{point}");
    }

    /// Every key made beyond the last was deleted, and nothing else was.
    fn assert_deletions_justified(&self, point: &str) {
        let keys = |operation| {
            let asked = self.asked().into_iter().filter(move |asked| asked.operation == operation);
            asked.filter(|asked| asked.is_done).filter_map(|asked| asked.key).collect::<Vec<_>>()
        };
        let made = keys(Operation::Create);
        assert_eq!(keys(Operation::Delete), made[..made.len() - 1], "{point}");
    }

    fn assert_record(&self, point: &str) {
        let store = self.store();
        store.verify(&self.incident(), None).unwrap();
        let events = store.events(&self.incident()).unwrap();
        let contained = events.iter().filter(|e| matches!(e.event, Event::Contained { .. }));
        assert_eq!(contained.count(), 1, "{point}");
        assert_intended_first(&events, point);
        drop(store);
        for entry in std::fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            self.assert_no_secret(&std::fs::read(&path).unwrap(), &path.display().to_string());
        }
    }

    fn state(&self) -> ProviderFile {
        let text = std::fs::read_to_string(self.folder.join("provider.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

/// No step ends that was not begun, and none is begun again before it ended; a delivery aside, which is
/// begun again with another key.
fn assert_intended_first(events: &[Recorded], point: &str) {
    let mut open = BTreeMap::new();
    for recorded in events {
        match &recorded.event {
            Event::StepIntended { step, .. } => {
                let was_open = open.insert(step.clone(), ()).is_some();
                assert!(!was_open || step == "deliver", "{point}: {step} is intended twice");
            }
            Event::StepFinished { step, .. } => {
                assert!(open.remove(step).is_some(), "{point}: {step} ends, not begun");
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "{point}: never ended: {open:?}");
}

/// The part of the provider's file that says which secret a key has, by digest.
#[derive(Deserialize)]
struct ProviderFile {
    keys: Vec<KeptKey>,
}

#[derive(Deserialize)]
struct KeptKey {
    id: String,
    secret_sha256: String,
}

impl ProviderFile {
    fn digest_of(&self, id: &str) -> &str {
        &self.keys.iter().find(|key| key.id == id).unwrap().secret_sha256
    }
}

fn give(child: &mut Child, credential: &Credential) {
    let text = Simulated::text_of(credential).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.expose()).unwrap();
}

fn taken() -> Credential {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let (id, key) = text.split_once(':').unwrap();
    Credential {
        pattern: "simulated-key".to_owned(),
        provider: "simulated".to_owned(),
        parts: [
            ("id".to_owned(), Part::Public(id.to_owned())),
            ("key".to_owned(), Part::Secret(Secret::new(key.as_bytes()))),
        ]
        .into(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a child process is told its task by its environment"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The child's part; on its own, the whole way without a kill.
#[tokio::test]
async fn a_child_that_is_not_killed_finishes() {
    let Some(folder) = told(FOLDER) else {
        let folder = tempfile::tempdir().unwrap();
        let scene = Scene::begin(folder.path(), &[]);
        let summary = scene.take_up().await;
        return scene.assert_contained(&summary, "no kill");
    };
    let server = told(SERVER).filter(|server| !server.is_empty());
    let scene = Scene::at(Path::new(&folder), taken(), server);
    let fuse = Fuse::new(told(POINT).unwrap());
    scene.carry_out(&told(TASK).unwrap(), &fuse).await.unwrap();
}

/// Returns every point of a task at which a process can be killed, by running it until it isn't.
struct Points {
    what: std::vec::IntoIter<(&'static str, &'static str)>,
    current: Option<(&'static str, &'static str)>,
    nth: u32,
}

impl Points {
    fn all() -> Self {
        let whats = ["append", "change", "delivery"];
        let all = whats.iter().flat_map(|what| [("before", *what), ("after", *what)]);
        let mut what = all.collect::<Vec<_>>().into_iter();
        let current = what.next();
        Self { what, current, nth: 1 }
    }

    fn point(&self) -> Option<String> {
        self.current.map(|(when, what)| format!("{when} {what} {}", self.nth))
    }

    /// Goes on: to the next of the same kind if there was one here, to the next kind otherwise.
    fn go_on(&mut self, was_killed: bool) {
        if was_killed {
            self.nth += 1;
        } else {
            self.current = self.what.next();
            self.nth = 1;
        }
    }
}

/// Kills a run at every point, on the store that is made for each; returns how often. Prints where, what
/// the provider and the record showed then, and what taking it up did (with `-- --nocapture`).
#[expect(clippy::print_stdout, reason = "a table that is asked for with --nocapture")]
async fn kill_everywhere(kind: &str, server: impl Fn() -> Option<String>) -> u32 {
    let mut points = Points::all();
    let mut kills = 0;
    let mut rows =
        vec![format!("| {kind}: killed | the provider then | the record then | taken up |")];
    rows.push("|---|---|---|---|".to_owned());
    while let Some(point) = points.point() {
        let folder = tempfile::tempdir().unwrap();
        let scene = Scene::begin_at(folder.path(), server(), &[]);
        let output = scene.run("apply", &point);
        kills += u32::from(!output.status.success());
        let then = format!("{} | {}", scene.keys_in_words(), scene.record_in_words());
        let summary = scene.take_up().await;
        scene.assert_contained(&summary, &point);
        if !output.status.success() {
            let after = scene.keys_in_words();
            rows.push(format!("| {point} | {then} | {:?}: {after} |", summary.settled));
        }
        let asked = |of| scene.asked().iter().filter(|asked| asked.operation == of).count();
        assert_eq!(asked(Operation::Disable), 1, "{point}");
        assert_eq!(asked(Operation::Restrict), 1, "{point}");
        assert!(asked(Operation::Create) <= 2, "{point}");
        points.go_on(!output.status.success());
    }
    println!("\n{}", rows.join("\n"));
    kills
}

/// Twenty-two events, three changes, one delivery, before and after each.
const KILLS: u32 = 2 * (22 + 3 + 1);

#[tokio::test]
async fn killed_at_any_point_it_is_taken_up_and_nothing_is_done_twice() {
    assert_eq!(kill_everywhere("SQLite", || None).await, KILLS);
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn killed_at_any_point_on_a_server_it_is_taken_up_too() {
    // The client that makes the database waits in a way that may not be done in a runtime's thread.
    let server = || Some(std::thread::spawn(crate::postgres::database).join().unwrap());
    assert_eq!(kill_everywhere("PostgreSQL", server).await, KILLS);
}

#[tokio::test]
async fn killed_while_taking_up_it_is_taken_up_again() {
    // The answer to the creation was lost; the new key is made but not handed over; nobody knows
    // whether it was handed over.
    for first in ["after change 3", "before delivery 1", "after delivery 1"] {
        let mut points = Points::all();
        while let Some(second) = points.point() {
            let folder = tempfile::tempdir().unwrap();
            let scene = Scene::begin(folder.path(), &[]);
            assert!(!scene.run("apply", first).status.success());
            let output = scene.run("resume", &second);
            let summary = scene.take_up().await;
            scene.assert_contained(&summary, &format!("{first}, {second}"));
            points.go_on(!output.status.success());
        }
    }
}

#[tokio::test]
async fn killed_while_an_orphan_is_cleared_away_it_clears_it_away() {
    let faults = [Fault::ActsThenTimesOut(Operation::Create, 1), Fault::ShowsOldState(2)];
    let mut points = Points::all();
    while let Some(point) = points.point() {
        let folder = tempfile::tempdir().unwrap();
        let scene = Scene::begin(folder.path(), &faults);
        let output = scene.run("apply", &point);
        let summary = scene.take_up().await;
        scene.assert_contained(&summary, &point);
        points.go_on(!output.status.success());
    }
}

#[tokio::test]
async fn killed_while_undoing_it_is_undone_by_asking_again() {
    let mut points = Points::all();
    while let Some(point) = points.point() {
        let folder = tempfile::tempdir().unwrap();
        let scene = Scene::begin(folder.path(), &[]);
        scene.take_up().await;
        let output = scene.run("undo", &point);
        scene.carry_out("undo", &Fuse::new(String::new())).await.unwrap();
        assert!(scene.replacements().is_empty(), "{point}");
        assert!(scene.simulated().restrictions().unwrap().is_empty(), "{point}");
        assert!(scene.simulated().really_works(&scene.credential).unwrap(), "{point}");
        assert_eq!(scene.done(Operation::Enable), 1, "{point}");
        assert_eq!(scene.done(Operation::Delete), 1, "{point}");
        scene.store().verify(&scene.incident(), None).unwrap();
        points.go_on(!output.status.success());
    }
}
