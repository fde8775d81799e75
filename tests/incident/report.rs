//! What people and machines are shown.

use expect_test::expect;
use jiff::Timestamp;
use stanch::incident::{Event, Head, Incident, IncidentId, Recorded, Summary, chain};
use stanch::report::{incident_json, incident_list, incident_markdown, incident_text};

use crate::story::{clock, intended, opened, record, whole};

fn id() -> IncidentId {
    "INC-1".to_owned().into()
}

fn told(events: &[(Timestamp, Event)]) -> (Incident, Vec<Recorded>, Head) {
    let events = record(&id(), events);
    let incident = Incident::of(&id(), &events).unwrap();
    let head = events.last().unwrap().head();
    (incident, events, head)
}

/// Returns text, list, Markdown and JSON of an incident; the first two without styles.
pub(crate) fn all_formats(
    incident: &Incident,
    events: &[Recorded],
    head: &Head,
    now: Timestamp,
) -> [String; 4] {
    let mut out = [const { Vec::new() }; 4];
    incident_text::write(&mut out[0], incident, head, now, 100).unwrap();
    incident_list::write(&mut out[1], &[Summary::of(incident)], now, true).unwrap();
    incident_markdown::write(&mut out[2], incident, head).unwrap();
    incident_json::write(&mut out[3], incident, events).unwrap();
    let mut texts = out.map(|bytes| String::from_utf8(bytes).unwrap());
    for text in &mut texts[..2] {
        *text = anstream::adapter::strip_str(text).to_string();
    }
    texts
}

#[test]
fn the_first_screen_answers_who_how_bad_how_long_and_what_is_left() {
    let (incident, events, head) = told(&whole()[..9]);
    let [text, list, ..] = all_formats(&incident, &events, &head, clock("10:20:00"));
    expect![[r#"
        SEV2  triaged
        INC-1
        Acme key in a notebook

        Response    in time, after 5 min
        Resolution  3 h 40 min left (due 2026-11-18T14:00:00Z)
        Lead        Ada (commander)
        Approves    nobody yet
        Follow-ups  nobody yet
        Phase       [x]identification [>]containment [.]eradication [.]recovery [.]lessons
        State       triaged, in containment; a true positive (the provider accepts it)
        Severity    SEV2 by severity-v1/public: it may work, and anyone may have read it
        Credential  acme-key acme_**** of acme (f903c5ab), key id key-1
        Exposure    git@git.example:ml/notebooks (public), first in commit 0123abc, at a.ipynb:12 and 1
                    more; leaked 2026-11-18T09:00:00Z to 2026-11-18T09:30:00Z (committer date)
        Plan        p1, approved by Ada

        Next
          1. settle `disable`: it may have been done: Ada, in 3 h 40 min
             stanch contain f903c5ab --resume
          2. stop the key (rotate first where production uses it) and prove it dead: Ada, in 3 h 40 min
             stanch contain f903c5ab --resume
          3. name who speaks to everyone else: Ada, in 3 h 40 min
             stanch incident assign -i INC-1 communications NAME
          4. name who approves what impacts the business: Ada, in 3 h 40 min
             stanch incident assign -i INC-1 approver NAME
          5. find out why it could leak: Ada, in 3 h 40 min
             stanch incident root-cause -i INC-1 env-file-committed --description '…'
          and 6 more after these

        Left to do
          intended  disable (unsettled); acme:DisableKey; key-1
          planned   delete; acme:DeleteKey; key-1
        An unsettled step may have been done: look before anything is tried again.

        Figures
          MTTD   1 h 10 min  time to detect: from the leak (its earliest instant) to the confirmed detection
          MTTC            -  time to contain: from the confirmed detection to the last blocking change
                             taking effect
          MTTR            -  time to recover: from the confirmed detection to consumers working on the
                             replacement
          MTTA        5 min  time to acknowledge: from the first machine alert to somebody taking it

        Timeline
          2026-11-18T10:00:05Z  ada: opened: Acme key in a notebook
          2026-11-18T10:01:00Z  ada: SEV2 by severity-v1/public: it may work, and anyone may have read it
          2026-11-18T10:05:00Z  ada: Ada took it
          2026-11-18T10:05:01Z  ada: Ada is commander
          2026-11-18T10:06:00Z  ada: looked at the provider
          2026-11-18T10:10:00Z  ada: judged a true positive: the provider accepts it
          2026-11-18T10:11:00Z  ada: phase containment begins: because
          2026-11-18T10:12:00Z  ada: Ada approved plan p1
          2026-11-18T10:12:10Z  ada: disable: about to call acme:DisableKey on key-1

        Chain head  8:6cdb2cf91fd7b1c00094ed00e057a3286473fcce49a92fe2883124692217aeb4
    "#]].assert_eq(&text);
    expect![[r#"
        due             who             what
        in 3 h 40 min   Ada             settle `disable`: it may have been done
                        INC-1  SEV2 triaged  Acme key in a notebook
    "#]]
    .assert_eq(&list);
}

#[test]
fn the_record_reads_as_a_review() {
    let (incident, events, head) = told(&whole());
    let [_, _, markdown, _] = all_formats(&incident, &events, &head, clock("20:00:00"));
    expect![[r#"
        # Acme key in a notebook

        | | |
        |---|---|
        | Incident | INC-1 |
        | State | closed |
        | Phase | lessons learned |
        | Severity | SEV2 by severity-v1/public: it may work, and anyone may have read it |
        | Verdict | a true positive: the provider accepts it |
        | Credential | acme-key acme\_\*\*\*\* of acme, key id key-1, fingerprint f903c5aba6f2276e3fdf2cfd7c0565fb |
        | Exposure | git\@git.example:ml/notebooks (public) |
        |  | a.ipynb:12 |
        |  | b.ipynb:3 |
        | First commit | 0123abc |
        | Commander | Ada |
        | Plan | p1, approved by Ada |

        ## Figures

        | figure | value | seconds | meaning |
        |---|---:|---:|---|
        | MTTD | 1 h 10 min | 4200 | time to detect: from the leak (its earliest instant) to the confirmed detection |
        | MTTC | 2 min 30 s | 150 | time to contain: from the confirmed detection to the last blocking change taking effect |
        | MTTR | 2 h | 7200 | time to recover: from the confirmed detection to consumers working on the replacement |
        | MTTA | 5 min | 300 | time to acknowledge: from the first machine alert to somebody taking it |

        Response was due 2026-11-18T10:30:00Z: in time.

        Resolution was due 2026-11-18T14:00:00Z: in time.

        ## Times

        | moment | time |
        |---|---|
        | leaked | 2026-11-18T09:00:00Z to 2026-11-18T09:30:00Z (committer date) |
        | alerted | 2026-11-18T10:00:00Z |
        | detected (confirmed) | 2026-11-18T10:10:00Z |
        | acknowledged | 2026-11-18T10:05:00Z |
        | contained | 2026-11-18T10:12:30Z |
        | containment proved | 2026-11-18T10:13:00Z |
        | eradicated | 2026-11-18T11:00:00Z |
        | recovered | 2026-11-18T12:10:00Z |
        | closed | 2026-11-18T13:00:00Z |

        ## Steps

        | step | state | call | target | seen |
        |---|---|---|---|---|
        | disable | succeeded | acme:DisableKey | key-1 | the provider shows it inactive |
        | delete | planned | acme:DeleteKey | key-1 |  |

        ## Evidence

        | event | kept at | what | SHA-256 |
        |---:|---|---|---|
        | 10 | 2026-11-18T10:13:00Z | probe-of-old-key | f409bd1b86552a06b0a87c02685083abc9a96a1875b184fbb8b83b95e2fd6f08 |

        ## Timeline

        | event | time | who | what |
        |---:|---|---|---|
        | 0 | 2026-11-18T10:00:05Z | ada | opened: Acme key in a notebook |
        | 1 | 2026-11-18T10:01:00Z | ada | SEV2 by severity-v1/public: it may work, and anyone may have read it |
        | 2 | 2026-11-18T10:05:00Z | ada | Ada took it |
        | 3 | 2026-11-18T10:05:01Z | ada | Ada is commander |
        | 4 | 2026-11-18T10:06:00Z | ada | looked at the provider |
        | 5 | 2026-11-18T10:10:00Z | ada | judged a true positive: the provider accepts it |
        | 6 | 2026-11-18T10:11:00Z | ada | phase containment begins: because |
        | 7 | 2026-11-18T10:12:00Z | ada | Ada approved plan p1 |
        | 8 | 2026-11-18T10:12:10Z | ada | disable: about to call acme:DisableKey on key-1 |
        | 9 | 2026-11-18T10:12:50Z | ada | disable: succeeded: the provider shows it inactive |
        | 10 | 2026-11-18T10:13:00Z | ada | kept probe-of-old-key (sha256 f409bd1b86552a06b0a87c02685083abc9a96a1875b184fbb8b83b95e2fd6f08) |
        | 11 | 2026-11-18T10:13:01Z | ada | contained, in effect since 2026-11-18T10:12:30Z, proved at 2026-11-18T10:13:00Z |
        | 12 | 2026-11-18T10:20:00Z | ada | phase eradication begins: because |
        | 13 | 2026-11-18T11:00:00Z | ada | eradicated: done |
        | 14 | 2026-11-18T11:00:01Z | ada | phase recovery begins: because |
        | 15 | 2026-11-18T12:10:00Z | ada | recovered: done |
        | 16 | 2026-11-18T12:30:00Z | ada | note: Bo told the team |
        | 17 | 2026-11-18T12:40:00Z | ada | phase lessons learned begins: because |
        | 18 | 2026-11-18T13:00:00Z | ada | closed; root cause: pasted into a notebook |

        ## Root cause

        pasted into a notebook

        ## Lessons

        use the vault

        ## Notes

        * 2026-11-18T12:30:00Z, ada: Bo told the team

        Chain head: `18:6812114f28aa4f85a813a01a2310988e4d31993544b817e89affc48da6d77376`
    "#]].assert_eq(&markdown);
}

#[test]
fn a_drill_is_marked_everywhere() {
    let mut story = whole();
    if let Event::Opened { drill, .. } = &mut story[0].1 {
        *drill = true;
    }
    let (incident, events, head) = told(&story);
    for text in all_formats(&incident, &events, &head, clock("20:00:00")) {
        assert!(text.to_lowercase().contains("drill"), "{text}");
    }
    let (incident, events, head) = told(&whole());
    for text in &all_formats(&incident, &events, &head, clock("20:00:00"))[..3] {
        assert!(!text.to_lowercase().contains("drill"), "{text}");
    }
}

#[test]
fn an_unsettled_step_and_a_late_clock_stand_out() {
    let late = clock("16:00:00");
    let (incident, events, head) = told(&whole()[..9]);
    let [text, list, ..] = all_formats(&incident, &events, &head, late);
    for words in ["OVERDUE by 2 h", "(unsettled)", "look before anything is tried again"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(list.contains("2 h late"), "{list}");
}

#[test]
fn who_leads_is_said_even_where_nobody_does() {
    let lead = |events: usize| {
        let (incident, events, head) = told(&whole()[..events]);
        let [text, ..] = all_formats(&incident, &events, &head, clock("10:20:00"));
        let line = text.lines().find(|line| line.starts_with("Lead"));
        line.unwrap().trim_start_matches("Lead").trim().to_owned()
    };
    assert_eq!(lead(1), "nobody has taken it");
    assert_eq!(lead(3), "no commander; Ada took it");
    assert_eq!(lead(4), "Ada (commander)");
}

/// Text somebody else wrote, in every place that takes text.
fn hostile() -> Vec<(Timestamp, Event)> {
    let nasty = "\u{1b}]0;pwned\u{7}\n| a | [x](javascript:y) <img> \u{202e}`";
    let mut events = vec![(clock("10:00:00"), opened("s"))];
    if let Event::Opened { title, credential, exposure, leaked_at, .. } = &mut events[0].1 {
        for text in [
            title,
            &mut credential.pattern,
            &mut credential.provider,
            &mut credential.redacted,
            &mut exposure.root,
            &mut exposure.places[0],
            &mut leaked_at.source,
        ] {
            *text = nasty.to_owned();
        }
        credential.key_id = Some(nasty.to_owned());
        exposure.first_commit = Some(nasty.to_owned());
    }
    let text = nasty.to_owned();
    events.push((clock("10:01:00"), Event::Noted { text: text.clone() }));
    events.push((clock("10:02:00"), intended(nasty, nasty)));
    let by = text.clone();
    events.push((clock("10:03:00"), Event::Acknowledged { by }));
    events.push((clock("10:04:00"), Event::Closed { root_cause: text.clone(), lessons: text }));
    events
}

#[test]
fn what_others_wrote_controls_no_terminal_and_no_page() {
    let (incident, events, head) = told(&hostile());
    let mut styled = Vec::new();
    incident_text::write(&mut styled, &incident, &head, clock("10:05:00"), 80).unwrap();
    incident_list::write(&mut styled, &[Summary::of(&incident)], clock("10:05:00"), true).unwrap();
    let styled = String::from_utf8(styled).unwrap();
    // Only the styles' own sequences, which are stripped here, may have been left.
    let text = anstream::adapter::strip_str(&styled).to_string();
    assert!(styled.contains("?]0;pwned?") && text.contains("?]0;pwned?"), "{text}");
    let markdown = &all_formats(&incident, &events, &head, clock("10:05:00"))[2];
    for text in [&text, markdown] {
        let control = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(control), "{text:?}");
    }
    for live in ["| a | [", "[x](", "<img>"] {
        let escaped = markdown.replace('\\', "");
        assert!(escaped.contains(live) && !markdown.contains(live), "{live}: {markdown}");
    }
    // One line an event, whatever its text.
    let lines = text.lines().skip_while(|line| *line != "Timeline");
    let dated = lines.filter(|line| line.starts_with("  2026-11-18T"));
    assert_eq!(dated.count(), events.len());
}

#[test]
fn the_export_can_be_checked_elsewhere() {
    let (incident, events, head) = told(&whole());
    let [.., json] = all_formats(&incident, &events, &head, clock("20:00:00"));
    let export: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(export["schema"], "stanch-incident/v1");
    assert_eq!(export["incident"]["state"], "closed");
    assert_eq!(export["incident"]["figures"]["mttc"]["seconds"], 150);
    let read: Vec<Recorded> = serde_json::from_value(export["events"].clone()).unwrap();
    let known: Head = serde_json::from_value(export["head"].clone()).unwrap();
    assert_eq!(chain::verify_against(&id(), &read, &known).unwrap(), head);
    assert_eq!(Incident::of(&id(), &read).unwrap(), incident);
}
