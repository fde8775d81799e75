//! The words events are made of: roles, phases, verdicts, causes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::secret::Fingerprint;

/// A credential as the record may speak of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRef {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The pattern that found it.
    pub pattern: String,
    /// The provider.
    pub provider: String,
    /// The provider's class, such as `llm-gateway`.
    pub class: String,
    /// The redacted secret.
    pub redacted: String,
    /// Its id at the provider, where it has a public one.
    pub key_id: Option<String>,
}

/// Where the credential stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    /// The repository or folder.
    pub root: String,
    /// Who can read it, as far as is known.
    pub visibility: Visibility,
    /// The places, as `path:line` with the commit where there is one.
    pub places: Vec<String>,
    /// The first commit that holds it.
    pub first_commit: Option<String>,
}

/// Who can read the place of the leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Anyone.
    Public,
    /// Everyone in the organisation.
    Internal,
    /// A named few.
    Private,
    /// Not known: counts as public.
    Unknown,
}

/// A time known to lie between two instants, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Not before.
    pub lower: Timestamp,
    /// Not after.
    pub upper: Timestamp,
    /// Where that is from, such as `committer date`.
    pub source: String,
}

/// The judgement on an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A real credential, really exposed.
    TruePositive,
    /// No credential.
    FalsePositive,
    /// A credential without power, made for tests.
    TestKey,
    /// Already recorded in another incident.
    Duplicate,
    /// Dead before anyone could use it.
    NearMiss,
    /// A planted bait.
    Canary,
    /// Nobody can tell.
    InsufficientData,
}

/// The six phases of incident response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before anything happened.
    Preparation,
    /// Is it real, whose is it, what can it do?
    Identification,
    /// Stop the harm.
    Containment,
    /// Remove the cause.
    Eradication,
    /// Work again, on the replacement.
    Recovery,
    /// Review, root cause, follow-ups.
    LessonsLearned,
}

/// Who answers for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Leads.
    Commander,
    /// Leads the technical work.
    TechnicalLead,
    /// Speaks to everyone else.
    Communications,
    /// Writes things down.
    Scribe,
    /// Approves what impacts the business.
    Approver,
    /// Owns what is left to do.
    FollowUpOwner,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The provider shows what was wanted.
    Succeeded,
    /// It was not done.
    Failed,
    /// Whether it was done can't be told yet.
    Unknown,
    /// The responder may not, or the policy forbids it.
    Refused,
    /// Not needed, or left to a person.
    Skipped,
}

/// A moment that can be dated again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The first machine alert.
    Alerted,
    /// The confirmed detection.
    Detected,
    /// Somebody took it.
    Acknowledged,
    /// The last blocking change took effect.
    Contained,
    /// The cause was gone.
    Eradicated,
    /// Consumers worked on the replacement.
    Recovered,
}

/// Who may see a record (Traffic Light Protocol 2.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tlp {
    /// Those who were named, and nobody else.
    Red,
    /// This organisation, and nobody else.
    AmberStrict,
    /// This organisation and its clients, who need to know.
    Amber,
    /// The community.
    Green,
    /// Anyone.
    Clear,
}

/// Why a credential could leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A file of settings was committed.
    EnvFileCommitted,
    /// It was written into source code.
    Hardcoded,
    /// A build printed it.
    CiLog,
    /// It was left in a layer of an image.
    ImageLayer,
    /// It stood in a notebook or its output.
    Notebook,
    /// Somebody pasted it into a chat, ticket or page.
    CopyPaste,
    /// It came with code of others.
    VendoredCode,
    /// A program printed it while it was being debugged.
    DebugOutput,
    /// It was deleted but stayed in history.
    History,
    /// A supplier lost it.
    ThirdParty,
    /// Something else: the description says what.
    Other,
    /// Not known, and looked for.
    Unknown,
}

impl Verdict {
    /// Returns the verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::TruePositive => "a true positive",
            Self::FalsePositive => "a false positive",
            Self::TestKey => "a test key",
            Self::Duplicate => "a duplicate",
            Self::NearMiss => "a near miss",
            Self::Canary => "a planted bait",
            Self::InsufficientData => "undecidable",
        }
    }

    /// Tells whether there is no incident, so that the clocks stop.
    pub fn is_no_incident(self) -> bool {
        matches!(self, Self::FalsePositive | Self::TestKey | Self::Duplicate | Self::Canary)
    }
}

impl Phase {
    /// Returns the phase in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Preparation => "preparation",
            Self::Identification => "identification",
            Self::Containment => "containment",
            Self::Eradication => "eradication",
            Self::Recovery => "recovery",
            Self::LessonsLearned => "lessons learned",
        }
    }
}

impl Role {
    /// Returns the role in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Commander => "commander",
            Self::TechnicalLead => "technical lead",
            Self::Communications => "communications",
            Self::Scribe => "scribe",
            Self::Approver => "approver",
            Self::FollowUpOwner => "owner of the follow-ups",
        }
    }
}

impl Outcome {
    /// Returns the outcome in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "outcome unknown",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
        }
    }
}

impl Role {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Commander,
        Self::TechnicalLead,
        Self::Communications,
        Self::Scribe,
        Self::Approver,
        Self::FollowUpOwner,
    ];
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::Preparation,
        Self::Identification,
        Self::Containment,
        Self::Eradication,
        Self::Recovery,
        Self::LessonsLearned,
    ];
}

impl Moment {
    /// Returns what happened then, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Alerted => "the first alert came",
            Self::Detected => "the detection was confirmed",
            Self::Acknowledged => "somebody took it",
            Self::Contained => "the last blocking change took effect",
            Self::Eradicated => "the cause was gone",
            Self::Recovered => "consumers worked on the replacement",
        }
    }
}

impl Tlp {
    /// Returns the label as the protocol writes it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Red => "TLP:RED",
            Self::AmberStrict => "TLP:AMBER+STRICT",
            Self::Amber => "TLP:AMBER",
            Self::Green => "TLP:GREEN",
            Self::Clear => "TLP:CLEAR",
        }
    }
}

impl Cause {
    /// Returns the cause in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::EnvFileCommitted => "a file of settings was committed",
            Self::Hardcoded => "written into source code",
            Self::CiLog => "printed by a build",
            Self::ImageLayer => "left in a layer of an image",
            Self::Notebook => "left in a notebook",
            Self::CopyPaste => "pasted where others read",
            Self::VendoredCode => "came with code of others",
            Self::DebugOutput => "printed while debugging",
            Self::History => "deleted, but kept in history",
            Self::ThirdParty => "lost by a supplier",
            Self::Other => "another cause",
            Self::Unknown => "not known",
        }
    }
}
