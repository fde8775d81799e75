//! What is missing: what each phase needs before it counts as done, who has to do it, and by when.
//!
//! A pure function of the incident. It says what is not there; it never guesses it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::settings::is_one_too_many;
use super::{Incident, Level, Phase, Role, State, Verdict};

/// The providers whose log tells what a key did.
const HUNTED: &[&str] = &["aws", "aws-bedrock"];

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// The phase that isn't done without it.
    pub phase: Phase,
    /// What has to be done, as a sentence's beginning: `judge the alert`.
    pub what: String,
    /// The command that does it, without the program's name; empty where none does.
    pub command: String,
    /// Whose it is.
    pub role: Role,
    /// The person, where one is known.
    pub person: Option<String>,
    /// Until when, where a clock runs.
    pub due: Option<Timestamp>,
    /// Whether it ends its phase: nothing else may be missing before.
    pub ends_phase: bool,
    /// Whether it can be done beside all else, long before its phase.
    pub is_aside: bool,
}

impl Need {
    /// Returns who has to do it, in words.
    pub fn who(&self) -> String {
        match &self.person {
            Some(person) => person.clone(),
            None => format!("nobody yet ({})", self.role.words()),
        }
    }
}

impl Incident {
    /// Returns what is missing, in the order in which it should be done. Empty once nothing is.
    pub fn needs(&self) -> Vec<Need> {
        let mut list = List { incident: self, needs: Vec::new() };
        match self.state {
            State::Closed => list.after(),
            State::Cancelled => list.cancelled(),
            _ => {
                list.identification();
                list.containment();
                list.people();
                list.eradication();
                list.recovery();
                list.lessons();
            }
        }
        list.needs
    }

    /// Returns what a phase lacks before it may be called done, except the word that it is.
    pub fn lacks(&self, phase: Phase) -> Vec<Need> {
        let mut needs = self.needs();
        needs.retain(|need| need.phase <= phase && !need.ends_phase);
        needs
    }

    /// Returns the phases that are done: what they need is there.
    pub fn done(&self) -> Vec<Phase> {
        let needs = self.needs();
        let is_done = |phase: &Phase| match self.state {
            State::Closed | State::Cancelled => true,
            _ => needs.iter().all(|need| need.phase > *phase),
        };
        Phase::ALL.into_iter().filter(is_done).collect()
    }

    /// Returns when somebody has to act next, for putting the most urgent first.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.needs().iter().filter_map(|need| need.due).min()
    }
}

struct List<'a> {
    incident: &'a Incident,
    needs: Vec<Need>,
}

impl List<'_> {
    fn add(
        &mut self,
        phase: Phase,
        role: Role,
        what: impl Into<String>,
        command: &str,
    ) -> &mut Need {
        let resolution = self.incident.sla.as_ref().filter(|sla| {
            sla.resolution.stopped_at.is_none() && sla.resolution.paused_at.is_none()
        });
        let need = Need {
            phase,
            what: what.into(),
            command: command.to_owned(),
            role,
            // Where nobody has the role, it is the leader's to do or to give.
            person: self.incident.holder(role).or(self.incident.lead()).map(str::to_owned),
            due: resolution.map(|sla| sla.resolution.due_at).filter(|_| phase <= Phase::Recovery),
            ends_phase: false,
            is_aside: false,
        };
        self.needs.push(need);
        let last = self.needs.len() - 1;
        &mut self.needs[last]
    }

    /// Adds a step that is missing where `is_missing`.
    fn want(&mut self, is_missing: bool, phase: Phase, role: Role, what: &str, command: &str) {
        if is_missing {
            self.add(phase, role, what, command);
        }
    }

    /// Adds the word that ends a phase.
    fn end(&mut self, is_missing: bool, phase: Phase, role: Role, what: &str, command: &str) {
        if is_missing {
            self.add(phase, role, what, command).ends_phase = true;
        }
    }

    fn identification(&mut self) {
        use Role::{Commander, TechnicalLead};
        let (phase, incident) = (Phase::Identification, self.incident);
        if incident.times.acknowledged_at.is_none() {
            let response = incident.sla.as_ref().map(|sla| sla.response.due_at);
            let need = self.add(phase, Commander, "take it", "incident ack");
            need.due = response;
        }
        let judged = incident.verdict.as_ref().map(|judgement| judgement.verdict);
        let undecided = judged.is_none_or(|verdict| verdict == Verdict::InsufficientData);
        let judge = "incident verdict true-positive --reason '…'";
        self.want(undecided, phase, TechnicalLead, "judge whether it is real", judge);
        let classify = "incident severity --live yes --visibility public …";
        let unclassified = incident.severity.is_none();
        self.want(unclassified, phase, TechnicalLead, "say how bad it is", classify);
        let leader = !incident.roles.contains_key(&Commander);
        self.want(leader, phase, Commander, "name who leads", "incident assign commander NAME");
    }

    fn containment(&mut self) {
        let (phase, incident) = (Phase::Containment, self.incident);
        let finding = incident.credential.fingerprint.short();
        let resume = format!("contain {finding} --resume");
        for step in incident.unsettled() {
            let what = format!("settle `{}`: it may have been done", step.id);
            self.add(phase, Role::TechnicalLead, what, &resume);
        }
        let running = incident.times.contained_at.is_none();
        let how = match incident.plan {
            Some(_) => resume.clone(),
            None => "incident phase containment --done --reason 'what stopped it, and how that was proved'".to_owned(),
        };
        let what = "stop the key (rotate first where production uses it) and prove it dead";
        self.end(running, phase, Role::TechnicalLead, what, &how);
    }

    /// Who speaks and who approves: named once the key is being stopped, for stopping it waits for nobody.
    fn people(&mut self) {
        use Role::{Commander, Communications};
        let (phase, incident) = (Phase::Eradication, self.incident);
        let first = self.needs.len();
        let level = incident.severity.as_ref().map(|severity| severity.level);
        if level.is_some_and(|level| level <= Level::Sev2) {
            let speaker = !incident.roles.contains_key(&Communications);
            let assign = "incident assign communications NAME";
            self.want(speaker, phase, Communications, "name who speaks to everyone else", assign);
            let approver = !incident.roles.contains_key(&Role::Approver);
            let what = "name who approves what impacts the business";
            self.want(approver, phase, Role::Approver, what, "incident assign approver NAME");
        }
        let both = incident.roles.get(&Commander);
        let same = both.is_some() && both == incident.roles.get(&Communications);
        if same && is_one_too_many(level, Commander, Communications) {
            let what = "let somebody else speak: who leads can't do both at SEV1 and SEV2";
            self.add(phase, Commander, what, "incident assign communications NAME");
        }
        self.needs[first..].iter_mut().for_each(|need| need.is_aside = true);
    }

    fn eradication(&mut self) {
        use Role::TechnicalLead;
        let (phase, incident) = (Phase::Eradication, self.incident);
        // Of others nothing here can tell what was done with a key.
        let is_told =
            incident.usage.is_none() && HUNTED.contains(&incident.credential.provider.as_str());
        let hunt = format!("hunt --incident {}", incident.id.short());
        let what = "read in the provider's log what the key did, and what it left behind";
        self.want(
            is_told && incident.credential.key_id.is_some(),
            phase,
            TechnicalLead,
            what,
            &hunt,
        );
        let cause = "incident root-cause env-file-committed --description '…'";
        self.want(
            incident.cause.is_none(),
            phase,
            TechnicalLead,
            "find out why it could leak",
            cause,
        );
        let trusts = "incident affected SYSTEM --owner TEAM --trusts '…'";
        let what = "name the systems that trust the key";
        self.want(incident.affected.is_empty(), phase, TechnicalLead, what, trusts);
        let done = "incident phase eradication --done --reason 'what was removed'";
        let there = incident.times.eradicated_at.is_none();
        self.end(there, phase, TechnicalLead, "remove the cause", done);
    }

    fn recovery(&mut self) {
        use Role::TechnicalLead;
        let (phase, incident) = (Phase::Recovery, self.incident);
        for system in incident.affected.iter().filter(|system| system.validated_at.is_none()) {
            let owner = system.owner.as_ref().map(|owner| format!(" (of {owner})"));
            let name = &system.name;
            let what = format!(
                "see that {name}{} works without the leaked key",
                owner.unwrap_or_default()
            );
            self.add(
                phase,
                TechnicalLead,
                what,
                &format!("incident affected {} --validated", quoted(name)),
            );
        }
        for workflow in incident.workflows.iter().filter(|workflow| workflow.resumed_at.is_none()) {
            let command = format!("incident resume {} --reason '…'", quoted(&workflow.name));
            self.add(phase, TechnicalLead, format!("let {} run again", workflow.name), &command);
        }
        for (number, asked) in (1..).zip(&incident.checkpoints) {
            if asked.answered_at.is_none() {
                let command = format!("incident checkpoint --answer {number} --text '…'");
                let what = format!("get the answer of {}: {}", asked.vendor, asked.question);
                self.add(phase, Role::Communications, what, &command).due = Some(asked.due);
            }
        }
        let done = "incident phase recovery --done --reason 'how it was validated'";
        let open = incident.times.recovered_at.is_none();
        self.end(open, phase, TechnicalLead, "let consumers work on the replacement", done);
    }

    fn lessons(&mut self) {
        let (phase, incident) = (Phase::LessonsLearned, self.incident);
        let owner = !incident.roles.contains_key(&Role::FollowUpOwner);
        let assign = "incident assign follow-up-owner NAME";
        self.want(owner, phase, Role::FollowUpOwner, "name who owns the follow-ups", assign);
        let add = "incident followup 'TITLE' --owner NAME --due 2026-12-31";
        let none = incident.followups.is_empty();
        self.want(
            none,
            phase,
            Role::FollowUpOwner,
            "agree on what is done so that it can't happen again",
            add,
        );
        let close = "incident close --lessons '…'";
        self.end(true, phase, Role::Commander, "close it", close);
    }

    /// What is left after the end: follow-ups, and nothing else.
    fn after(&mut self) {
        for (number, followup) in (1..).zip(&self.incident.followups) {
            if followup.done_at.is_none() {
                let command = format!("incident followup --done {number} --result '…'");
                let (title, owner, due) =
                    (followup.title.clone(), followup.owner.clone(), followup.due);
                let need = self.add(Phase::LessonsLearned, Role::FollowUpOwner, title, &command);
                (need.person, need.due) = (Some(owner), Some(due));
            }
        }
    }

    /// A false alarm needs nothing but its follow-ups; a step that was begun must still be settled.
    fn cancelled(&mut self) {
        let finding = self.incident.credential.fingerprint.short();
        for step in self.incident.unsettled() {
            let what = format!("settle `{}`: it may have been done", step.id);
            self.add(
                Phase::Containment,
                Role::TechnicalLead,
                what,
                &format!("contain {finding} --resume"),
            );
        }
        self.after();
    }
}

/// Returns a name as an argument of a command that can be pasted into a shell.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    match !name.is_empty() && name.chars().all(is_plain) && !name.starts_with('-') {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', r"'\''")),
    }
}
