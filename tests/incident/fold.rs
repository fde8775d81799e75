//! The sum of the events: times, figures, steps, oddities, and never a panic.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use stanch::incident::{
    Classification, Error, Event, Incident, IncidentId, Interval, Level, Outcome, Phase, Recorded,
    Role, Standing, State, StepState, Verdict, chain,
};

use crate::story::{
    LEVEL, approved, clock, entered, evidence, finished, inputs, intended, judged, opened, record,
    whole,
};

fn id() -> IncidentId {
    "INC-1".to_owned().into()
}

fn fold(events: &[(Timestamp, Event)]) -> Incident {
    Incident::of(&id(), &record(&id(), events)).unwrap()
}

/// Folds events a second apart, after the one that opens.
fn fold_after_opening(events: impl IntoIterator<Item = Event>) -> Incident {
    let start = clock("10:00:05");
    let timed = std::iter::once(opened("s")).chain(events).enumerate();
    let timed = timed.map(|(i, event)| (start + SignedDuration::from_secs(i as i64), event));
    fold(&timed.collect::<Vec<_>>())
}

fn oddities(incident: &Incident) -> Vec<&str> {
    let what = incident.oddities.iter().map(|oddity| oddity.what.as_str());
    what.collect()
}

#[test]
fn the_whole_story_adds_up() {
    let incident = fold(&whole());
    assert_eq!(oddities(&incident), [""; 0]);
    assert_eq!((incident.state, incident.phase), (State::Closed, Phase::LessonsLearned));
    assert_eq!(incident.reopened, 0);
    let times = &incident.times;
    assert_eq!(times.detected_at, Some(clock("10:10:00")));
    assert_eq!(times.acknowledged_at, Some(clock("10:05:00")));
    assert_eq!(times.contained_at, Some(clock("10:12:30")));
    assert_eq!(times.contained_verified_at, Some(clock("10:13:00")));
    assert_eq!(times.recovered_at, Some(clock("12:10:00")));
    let seconds = incident.figures.named().map(|(name, f)| (name, f.unwrap().seconds));
    let expected = [("MTTD", 4200), ("MTTC", 150), ("MTTR", 7200), ("MTTA", 300)];
    assert_eq!(seconds, expected);
    assert_eq!(incident.severity.as_ref().unwrap().level, LEVEL);
    let sla = incident.sla.as_ref().unwrap();
    assert_eq!(sla.response.due_at, clock("10:30:00"));
    assert_eq!(sla.response.breached, Some(false));
    assert_eq!(sla.resolution.due_at, clock("14:00:00"));
    assert_eq!(sla.resolution.standing(clock("20:00:00")), Standing::Met(7800));
    assert_eq!(incident.roles[&Role::Commander], "Ada");
    assert_eq!(incident.timeline.len(), whole().len());
    assert_eq!(incident.evidence.len(), 1);
    assert_eq!(incident.notes.len(), 1);
    assert_eq!(incident.plan.as_ref().unwrap().hash, "p1");
    assert!(incident.counts());
}

#[test]
fn every_beginning_of_the_story_adds_up_without_oddities() {
    let states: Vec<_> = (1..=whole().len())
        .map(|n| fold(&whole()[..n]))
        .inspect(|incident| assert_eq!(oddities(incident), [""; 0]))
        .map(|incident| incident.state)
        .collect();
    assert!(states.is_sorted(), "{states:?}");
}

#[test]
fn an_intended_step_without_an_end_is_unsettled() {
    let step = |events: &[Event]| {
        let incident = fold_after_opening(events.to_vec());
        let disable = incident.steps.iter().find(|step| step.id == "disable");
        let unsettled = incident.unsettled().count();
        (disable.unwrap().state, disable.unwrap().attempts, unsettled)
    };
    let mut events = vec![approved("p1")];
    assert_eq!(step(&events), (StepState::Planned, 0, 0));
    events.push(intended("disable", "p1"));
    assert_eq!(step(&events), (StepState::Intended, 1, 1));
    events.push(finished("disable", Outcome::Unknown));
    assert_eq!(step(&events), (StepState::Unknown, 1, 1));
    events.push(intended("disable", "p1"));
    assert_eq!(step(&events), (StepState::Intended, 2, 1));
    events.push(finished("disable", Outcome::Succeeded));
    assert_eq!(step(&events), (StepState::Succeeded, 2, 0));
}

#[test]
fn planned_steps_come_from_the_plan_in_force() {
    let incident = fold_after_opening([approved("p1"), intended("disable", "p1"), approved("p2")]);
    let steps: Vec<_> = (incident.steps.iter())
        .map(|s| (s.id.as_str(), s.plan_hash.as_deref().unwrap(), s.state, s.call.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            ("disable", "p1", StepState::Intended, "acme:DisableKey"),
            ("disable", "p2", StepState::Planned, "acme:DisableKey"),
            ("delete", "p2", StepState::Planned, "acme:DeleteKey"),
        ]
    );
    assert!(incident.steps[0].superseded && !incident.steps[1].superseded);
    // The same plan approved again is to be done again.
    let done = [
        approved("p1"),
        intended("disable", "p1"),
        finished("disable", Outcome::Succeeded),
        approved("p1"),
        intended("disable", "p1"),
    ];
    let states: Vec<_> =
        (fold_after_opening(done).steps.iter()).map(|step| (step.id.clone(), step.state)).collect();
    let expected = [
        ("disable", StepState::Succeeded),
        ("disable", StepState::Intended),
        ("delete", StepState::Planned),
    ];
    assert_eq!(states, expected.map(|(id, state)| (id.to_owned(), state)));
    // An end names no plan: it belongs to the step that waits for one.
    let end = finished("disable", Outcome::Succeeded);
    let events = [approved("p1"), intended("disable", "p1"), approved("p2"), end];
    assert_eq!(fold_after_opening(events).steps[0].state, StepState::Succeeded);
}

#[test]
fn confirmed_detection_is_the_judgement_and_can_be_taken_back() {
    let verdicts = |verdicts: &[Verdict]| {
        let incident = fold_after_opening(verdicts.iter().map(|v| judged(*v)));
        (incident.state, incident.times.detected_at, incident.times.cancelled_at)
    };
    use Verdict::{FalsePositive, NearMiss, TruePositive};
    let (first, third) = (clock("10:00:06"), clock("10:00:08"));
    assert_eq!(verdicts(&[]), (State::Open, None, None));
    assert_eq!(verdicts(&[TruePositive, TruePositive]), (State::Triaged, Some(first), None));
    assert_eq!(verdicts(&[FalsePositive]), (State::Cancelled, None, Some(first)));
    assert_eq!(verdicts(&[NearMiss]), (State::Triaged, None, None));
    assert_eq!(
        verdicts(&[TruePositive, FalsePositive, TruePositive]),
        (State::Triaged, Some(third), None)
    );
}

#[test]
fn going_back_takes_back_what_was_reached() {
    let upto = |n: usize, then: Phase| {
        let mut story = whole();
        story.truncate(n);
        story.push((clock("14:00:00"), entered(then)));
        fold(&story)
    };
    let all = whole().len();
    let again = upto(all, Phase::Containment);
    assert_eq!((again.state, again.reopened), (State::Triaged, 1));
    assert_eq!((again.figures.mttc, again.figures.mttr), (None, None));
    assert!(again.figures.mttd.is_some());
    assert_eq!(upto(all, Phase::Eradication).state, State::Contained);
    assert_eq!(upto(all, Phase::Recovery).state, State::Eradicated);
    assert_eq!(upto(all, Phase::LessonsLearned).state, State::Recovered);
}

#[test]
fn the_phase_follows_what_was_done_where_nobody_names_it() {
    let contained =
        Event::Contained { effective_at: clock("10:00:00"), verified_at: clock("10:00:00") };
    let reason = || "x".to_owned();
    let mut events = Vec::new();
    let mut phase = |event: Option<Event>| {
        events.extend(event);
        fold_after_opening(events.clone()).phase
    };
    assert_eq!(phase(None), Phase::Identification);
    assert_eq!(phase(Some(intended("disable", "p1"))), Phase::Containment);
    assert_eq!(phase(Some(contained)), Phase::Containment);
    let eradicated = Event::Eradicated { reason: reason() };
    assert_eq!(phase(Some(eradicated)), Phase::Eradication);
    assert_eq!(phase(Some(intended("rotate", "p1"))), Phase::Eradication);
    let recovered = Event::Recovered { reason: reason() };
    assert_eq!(phase(Some(recovered)), Phase::Recovery);
}

#[test]
fn figures_are_never_negative_in_silence() {
    let leaked_at = Interval {
        lower: clock("11:00:00"),
        upper: clock("11:00:00"),
        source: "push event".into(),
    };
    let redated = Event::LeakDated { leaked_at, reason: "the host says so".into() };
    let incident = fold_after_opening([judged(Verdict::TruePositive), redated]);
    let mttd = incident.figures.mttd.unwrap();
    assert_eq!(mttd.seconds, -3594);
    assert!(mttd.doubt.unwrap().contains("before the leak"));
    assert_eq!(incident.times.leaked_at.source, "push event");
}

#[test]
fn a_drill_counts_nowhere() {
    let mut story = whole();
    let Event::Opened { drill, .. } = &mut story[0].1 else {
        unreachable!("the story begins with an opening")
    };
    *drill = true;
    let incident = fold(&story);
    assert!(incident.drill && !incident.counts());
    assert!(incident.timeline[0].text.contains("drill"));
}

#[test]
fn clocks_follow_the_level_and_stop_when_it_was_no_incident() {
    let unclassified = fold_after_opening([]);
    assert_eq!(unclassified.sla, None);
    let classified = |level| {
        let lowered = Classification::of(inputs()).overridden(level, "Ada", "because");
        fold_after_opening([lowered.into(), judged(Verdict::Canary)]).sla
    };
    assert_eq!(classified(Level::Sev4), None);
    let sla = classified(Level::Sev1).unwrap();
    assert_eq!(sla.response.started_at, clock("10:00:00"));
    assert_eq!(sla.response.stopped_at, Some(clock("10:00:07")));
    assert_eq!(sla.resolution.stopped_at, Some(clock("10:00:07")));
}

#[test]
fn what_does_not_fit_is_listed() {
    let reason = || "x".to_owned();
    let contained = |effective_at, verified_at| Event::Contained { effective_at, verified_at };
    let forged = Event::EvidenceCollected {
        name: "log".into(),
        sha256: chain::GENESIS.into(),
        content: json!(1),
    };
    let backwards = Event::LeakDated {
        leaked_at: Interval {
            lower: clock("09:00:00"),
            upper: clock("08:00:00"),
            source: "guess".into(),
        },
        reason: reason(),
    };
    let closed = || Event::Closed { root_cause: reason(), lessons: reason() };
    let cases: Vec<(Vec<Event>, &str)> = vec![
        (vec![opened("s")], "opens an incident that has events already"),
        (vec![Event::Eradicated { reason: reason() }], "eradicated without being contained"),
        (vec![Event::Recovered { reason: reason() }], "recovered without being contained"),
        (vec![closed()], "closed without being recovered"),
        (vec![intended("a", "p9")], "isn't in force"),
        (vec![finished("a", Outcome::Succeeded)], "without having been intended"),
        (vec![forged], "doesn't have the digest"),
        (vec![backwards], "ends before it begins"),
        (vec![contained(clock("10:00:00"), clock("09:00:00"))], "proved before it took effect"),
        (vec![judged(Verdict::Canary), closed(), evidence()], "after the incident was closed"),
    ];
    for (events, expected) in cases {
        let incident = fold_after_opening(events);
        let found = oddities(&incident);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
    let skipped = fold_after_opening([finished("a", Outcome::Skipped)]);
    assert_eq!(oddities(&skipped), [""; 0]);
}

#[test]
fn order_and_clock_are_checked() {
    let early = fold(&[(clock("10:00:00"), evidence()), (clock("09:00:00"), opened("s"))]);
    assert_eq!(early.evidence.len(), 1);
    let found = oddities(&early);
    assert!(found[0].contains("before the event that opens"), "{found:?}");
    assert!(found[1].contains("clock was set back"), "{found:?}");
    let never = record(&id(), &[(clock("10:00:00"), evidence())]);
    for events in [&never[..], &[]] {
        let refused = Incident::of(&id(), events);
        assert!(matches!(refused, Err(Error::NotOpened(_))));
    }
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
    let near = clock("10:00:00").as_second();
    prop_oneof![seconds, near - 100_000..near + 100_000]
        .prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn any_event() -> impl Strategy<Value = Event> {
    let kinds = whole().len() + 9;
    (0..kinds, any_time(), any_time(), "[a-c]|disable|\\PC{0,8}").prop_map(event)
}

fn event((kind, one, other, word): (usize, Timestamp, Timestamp, String)) -> Event {
    let story = whole();
    if let Some((_, event)) = story.get(kind) {
        return event.clone();
    }
    let leaked_at = Interval { lower: one, upper: other, source: word.clone() };
    match kind - story.len() {
        0 => Event::Contained { effective_at: one, verified_at: other },
        1 => Event::LeakDated { leaked_at, reason: word },
        2 => judged(Verdict::FalsePositive),
        3 => judged(Verdict::InsufficientData),
        4 => intended(&word, "p2"),
        5 => finished(&word, Outcome::Unknown),
        6 => approved("p2"),
        7 => entered(Phase::Identification),
        _ => Event::PlanApproved {
            plan_hash: word.clone(),
            plan: json!({"steps": [1, {"id": word}, {"id": 2}, {"id": "x", "target": [null]}]}),
            by: String::new(),
        },
    }
}

proptest! {
    #[test]
    fn any_sequence_of_events_folds(
        events in proptest::collection::vec((any_time(), any_event()), 0..30),
        now in any_time(),
    ) {
        let events = record(&id(), &events);
        let opens = events.iter().any(|r: &Recorded| matches!(r.event, Event::Opened { .. }));
        let folded = Incident::of(&id(), &events);
        prop_assert_eq!(folded.is_ok(), opens);
        if let Ok(incident) = folded {
            prop_assert_eq!(incident.timeline.len(), events.len());
            for (_, figure) in incident.figures.named() {
                let silent = figure.is_some_and(|f| f.seconds < 0 && f.doubt.is_none());
                prop_assert!(!silent);
            }
            let head = events.last().unwrap().head();
            crate::report::all_formats(&incident, &events, &head, now);
        }
        if !events.is_empty() {
            prop_assert!(chain::verify(&id(), &events).is_ok());
        }
    }
}
