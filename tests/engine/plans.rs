//! Plans: a pure function of what was seen, and what their hash covers.

use jiff::Timestamp;
use proptest::prelude::*;
use stanch::contain::{
    Action, Approval, Delivery, Error, Facts, Plan, Request, Settled, Subject, differences, plan,
};
use stanch::provider::{Identity, Key, KeyKind, KeyState, LastUse, Observation, Operation};
use stanch::secret::{Credential, Part, Secret};

use crate::world::{Ticking, World, bare, id_only};

/// What a plan is made of, as plain values that a property test can draw and change.
#[derive(Clone, Debug)]
struct Inputs {
    secret: String,
    id: String,
    owner: String,
    account: String,
    state: KeyState,
    siblings: Vec<(String, KeyState)>,
    delivery: Option<String>,
    replace_inactive: bool,
    at: i64,
    last_use: Option<i64>,
}

fn seconds(at: i64) -> Timestamp {
    Timestamp::from_second(at).unwrap()
}

fn plan_of(inputs: &Inputs) -> Plan {
    let credential = Credential {
        pattern: "simulated-key".to_owned(),
        provider: "simulated".to_owned(),
        parts: [("key".to_owned(), Part::Secret(Secret::new(inputs.secret.clone().into_bytes())))]
            .into(),
    };
    let key = |id: &str, state| Key {
        id: id.to_owned(),
        owner: inputs.owner.clone(),
        account: inputs.account.clone(),
        state,
        created_at: None,
        kind: KeyKind::Lasting,
    };
    let observation = Observation {
        responder: Identity { account: inputs.account.clone(), name: "responder".to_owned() },
        key: key(&inputs.id, inputs.state),
        siblings: inputs.siblings.iter().map(|(id, state)| key(id, *state)).collect(),
        last_use: inputs.last_use.map(|at| LastUse { at: seconds(at), what: "reading".to_owned() }),
        at: seconds(inputs.at),
    };
    let provider = stanch::provider::simulated::Simulated::new(Ticking::new().as_now());
    let request = Request {
        delivery: inputs.delivery.clone(),
        replace_inactive: inputs.replace_inactive,
        ..bare()
    };
    plan(&Subject::of(&credential).unwrap(), &observation, &Facts::of(&provider), &request)
}

fn states() -> impl Strategy<Value = KeyState> {
    prop_oneof![Just(KeyState::Active), Just(KeyState::Inactive), Just(KeyState::Absent)]
}

prop_compose! {
    fn inputs()(
        secret in "[a-z]{12}",
        id in "[A-M]{6}",
        owner in "[a-z]{1,8}",
        account in "[0-9]{4}",
        state in states(),
        siblings in prop::collection::vec(("[N-Z]{6}", states()), 0..3),
        delivery in prop::option::of("[a-z]{1,8}"),
        replace_inactive in any::<bool>(),
        at in 0i64..2_000_000_000,
        last_use in prop::option::of(0i64..2_000_000_000),
    ) -> Inputs {
        Inputs {
            secret, id, owner, account, state, siblings, delivery, replace_inactive, at, last_use,
        }
    }
}

proptest! {
    #[test]
    fn the_same_inputs_give_the_same_plan_whatever_the_time(inputs in inputs(), later in 0i64..99) {
        let first = plan_of(&inputs);
        prop_assert_eq!(&first, &plan_of(&inputs));
        let waited = plan_of(&Inputs { at: inputs.at + later, last_use: Some(later), ..inputs });
        prop_assert_eq!(first.hash(), waited.hash());
        prop_assert_eq!(differences(&first, &waited), Vec::<String>::new());
    }

    #[test]
    fn the_order_in_which_siblings_are_listed_does_not_matter(inputs in inputs()) {
        let mut turned = inputs.clone();
        turned.siblings.reverse();
        prop_assert_eq!(plan_of(&inputs).hash(), plan_of(&turned).hash());
    }

    #[test]
    fn any_other_target_has_another_hash_and_is_said_in_words(inputs in inputs(), which in 0usize..6) {
        let mut other = inputs.clone();
        match which {
            0 => other.secret.push('x'),
            1 => other.id.push('X'),
            2 => other.owner.push('x'),
            3 => other.account.push('9'),
            4 => other.siblings.push(("ZZZZZZZ".to_owned(), KeyState::Active)),
            _ => other.state = match inputs.state {
                KeyState::Active => KeyState::Absent,
                KeyState::Inactive | KeyState::Absent => KeyState::Active,
            },
        }
        let (then, now) = (plan_of(&inputs), plan_of(&other));
        prop_assert_ne!(then.hash(), now.hash());
        prop_assert!(!differences(&then, &now).is_empty());
    }

    #[test]
    fn words_and_hash_agree(a in inputs(), b in inputs()) {
        let (a, b) = (plan_of(&a), plan_of(&b));
        prop_assert_eq!(a.hash() == b.hash(), differences(&a, &b).is_empty());
    }

    #[test]
    fn a_key_that_is_not_there_never_leads_to_a_change(inputs in inputs()) {
        let plan = plan_of(&Inputs { state: KeyState::Absent, ..inputs });
        prop_assert!(!plan.is_mutation());
        prop_assert_eq!(plan.steps.len(), 1);
    }

    #[test]
    fn a_plan_is_read_back_as_it_was_written_and_holds_no_secret(inputs in inputs()) {
        let plan = plan_of(&inputs);
        let text = serde_json::to_string(&plan).unwrap();
        prop_assert!(!text.contains(&inputs.secret));
        let again: Plan = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(again.hash(), plan.hash());
        prop_assert_eq!(again, plan);
    }
}

fn example() -> Inputs {
    Inputs {
        secret: ["not", "a", "secret"].concat(),
        id: "SIMKEXAMPLE".to_owned(),
        owner: "ci-deployer".to_owned(),
        account: "simulated-account".to_owned(),
        state: KeyState::Active,
        siblings: vec![("SIMKOTHER".to_owned(), KeyState::Inactive)],
        delivery: Some("the vault".to_owned()),
        replace_inactive: true,
        at: 0,
        last_use: None,
    }
}

#[test]
fn the_hash_of_a_plan_stays_the_same_from_release_to_release() {
    // Whoever changes what a plan does changes this on purpose: plans shown by the former release can
    // then not be applied by this one.
    let expected =
        expect_test::expect!["aff6772156502944d0b7edf31ca48e438043c316b0882389f0939cce9e4e6845"];
    expected.assert_eq(&plan_of(&example()).hash());
}

#[test]
fn each_step_has_its_price() {
    let plan = plan_of(&example());
    let prices: Vec<_> = plan
        .steps
        .iter()
        .map(|step| {
            let undo = step.undo.as_ref().map(|undo| undo.operation);
            (step.id.as_str(), step.approval, step.reversible, undo)
        })
        .collect();
    let expected = [
        ("check-delivery", Approval::A, true, None),
        ("evidence", Approval::A, true, None),
        ("disable", Approval::A, true, Some(Operation::Enable)),
        ("recheck", Approval::A, true, None),
        ("prove-dead", Approval::A, true, None),
        ("delete-inactive", Approval::C, false, None),
        ("rotate", Approval::B, true, Some(Operation::Delete)),
        ("deliver", Approval::B, false, None),
    ];
    assert_eq!(prices, expected);
    assert_eq!(plan.approval(), Approval::C);
    let needed =
        ["CreateKey", "DeleteKey", "DisableKey", "ListKeys", "ReadRights", "RestrictOwner"];
    assert_eq!(plan.permissions(), needed.map(|name| format!("simulated:{name}")));
}

#[test]
fn a_full_quota_leaves_the_replacement_to_a_person() {
    let mut inputs = example();
    inputs.replace_inactive = false;
    let plan = plan_of(&inputs);
    assert!(plan.step(Action::Rotate).is_none());
    assert!(plan.left_for_a_person[0].contains("SIMKOTHER is inactive"));

    inputs.replace_inactive = true;
    inputs.siblings[0].1 = KeyState::Active;
    let plan = plan_of(&inputs);
    assert!(plan.step(Action::Rotate).is_none());
    assert!(plan.left_for_a_person[0].contains("(SIMKOTHER) are active"));
}

#[test]
fn a_key_id_without_its_secret_makes_no_plan() {
    let world = World::new();
    let error = Subject::of(&id_only(&world.credential)).unwrap_err();
    assert!(matches!(error, Error::NoSecret), "{error}");
    let mut empty = world.credential.clone();
    empty.parts.insert("key".to_owned(), Part::Secret(Secret::new(Vec::new())));
    assert!(matches!(Subject::of(&empty), Err(Error::NoSecret)));
}

#[tokio::test]
async fn a_plan_for_another_credential_or_delivery_is_not_applied() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let other = world.simulated.issue("other").unwrap();
    let bare = id_only(&world.credential);

    let mut engine = world.engine();
    engine.credential = &other;
    let error = engine.apply(&plan).await.unwrap_err();
    assert!(matches!(error, Error::Changed(_)), "{error}");

    let mut engine = world.engine();
    engine.credential = &bare;
    let error = engine.apply(&plan).await.unwrap_err();
    assert!(matches!(error, Error::NoSecret), "{error}");

    let mut engine = world.engine();
    engine.delivery = None;
    let error = engine.apply(&plan).await.unwrap_err();
    assert!(error.to_string().contains(&world.delivery.describe()), "{error}");
    assert_eq!(world.simulated.asked().unwrap(), []);
}

#[tokio::test]
async fn a_step_no_program_may_do_stops_the_plan() {
    let world = World::new();
    let mut plan = world.plan_with_delivery().await;
    plan.steps[0].approval = Approval::D;
    let error = world.engine().apply(&plan).await.unwrap_err();
    assert!(matches!(error, Error::NeverAutomated(_)), "{error}");
}

#[tokio::test]
async fn an_approved_plan_that_was_changed_in_the_record_is_not_resumed() {
    use stanch::incident::{Event, Journal};

    let world = World::new();
    let mut plan = world.plan_with_delivery().await;
    let plan_hash = plan.hash();
    plan.steps[0].target = "SIMKSOMEBODYELSE".to_owned();
    let approved = Event::PlanApproved {
        plan_hash,
        plan: serde_json::to_value(&plan).unwrap(),
        by: "alex".to_owned(),
    };
    let at = Timestamp::UNIX_EPOCH;
    world.journal.append(&world.incident, 0, "alex", at, &approved).unwrap();
    let error = world.engine().resume().await.unwrap_err();
    assert!(matches!(error, Error::Damaged(_)), "{error}");
    assert_eq!(world.simulated.asked().unwrap(), []);
}

#[tokio::test]
async fn without_a_delivery_no_replacement_is_made() {
    let world = World::new();
    let plan = world.plan(&bare()).await;
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained);
    assert_eq!(world.asked(Operation::Create), 0);
}
