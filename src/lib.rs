//! stanch finds leaked credentials and stops the bleeding: it scans files, staged changes and git
//! histories, and on a hit carries out the containment at the provider while it writes a durable
//! incident record.
//!
//! This page is the architecture. Every name is a link; a broken one fails the build.
//!
//! # The flow
//!
//! ```text
//! patterns/*.toml ──► PatternSet
//!                         │
//!  Source ──► Blob ──► Candidate ──► Finding ──► Incident ──► Plan ──► Step ──► Evidence
//!  where      bytes    a pattern     survived    opened in    what     done     what the
//!  bytes      and      matched       the sieve;  the store,   would    at the   provider
//!  live       places   here          fingerprint severity,    be done  provider showed
//!                                    and places  clocks                         afterwards
//! ```
//!
//! # The rooms, in flow order
//!
//! | module | takes → gives |
//! |---|---|
//! | [`secret`] | bytes → [`Secret`](secret::Secret), [`Fingerprint`](secret::Fingerprint), redaction |
//! | [`pattern`] | provider files → [`PatternSet`](pattern::PatternSet): formats and offline checks |
//! | [`source`] | paths, repositories, streams → [`Blob`](source::Blob)s with their [`Place`](source::Place)s |
//! | [`finding`] | [`Finding`](finding::Finding): one credential, wherever it stands |
//! | [`scan`](mod@scan) | blobs → candidates → findings: prefilter, regex, check, sieve |
//! | [`policy`] | findings, allowlist, marks, baseline → [`Review`](policy::Review): what counts |
#![cfg_attr(
    feature = "contain",
    doc = "| `http` | an address, a token, a body → what was answered, or whether it can have arrived |
| [`provider`] | a credential → its state, its owner, and the operations of its life |
| [`incident`] | [`Event`](incident::Event)s → a hash-chained store → [`Incident`](incident::Incident) |
| [`sink`] | signed heads → places that keep them outside the store |
| [`contain`] | an observation → [`Plan`](contain::Plan) → events: intend, act, look, write |"
)]
//! | [`report`] | findings, plans, incidents → text, JSON, SARIF, Markdown |
//! | [`cli`] | arguments → an exit code |
//!
//! A module uses only what stands above it; `tests/architecture.rs` holds the table. `source`, though,
//! knows nothing of secrets, and `provider` nothing of findings. Scanning is threads and knows no async;
//! a runtime is made only by a command that talks to a provider.
//!
//! # What is absent, on purpose
//!
//! * `scan` can't name a provider: nothing a scan does can reach the network. Without the feature
//!   `contain` there is no network code at all.
//! * Nothing below `cli` prints, reads the environment, tells the time of day, or ends the process.
//! * A [`Secret`](secret::Secret) has no `Display` and no `Serialize`: no writer can show one by accident.
//! * Nothing from a scanned repository is run or believed: no hook, filter, helper or address in it.
//! * Events are never changed or removed; a correction is a further event.
//!
//! # Words
//!
//! | ours | means | elsewhere |
//! |---|---|---|
//! | pattern | what one kind of credential looks like | rule, detector |
//! | provider | who issues credentials | vendor, service |
//! | driver | the code that acts at a provider | plugin, integration |
//! | source, blob, place | where bytes live, the bytes, where exactly | input, chunk, origin |
//! | candidate, finding | a pattern matched; it survived the sieve | match, alert |
//! | gap | something that was to be scanned and was not | skip, warning |
//! | plan, apply | what would be done; doing exactly that | dry run, execute |
//! | active, inactive, absent | the provider's state of a key | valid, revoked |
//! | unknown | a call was sent and its outcome can't be told yet | error |

#![warn(clippy::unwrap_used)]

pub mod cli;
#[cfg(feature = "contain")]
pub mod contain;
pub mod finding;
#[cfg(feature = "contain")]
mod http;
#[cfg(feature = "contain")]
pub mod incident;
pub mod pattern;
pub mod policy;
#[cfg(feature = "contain")]
pub mod provider;
pub mod report;
pub mod scan;
pub mod secret;
#[cfg(feature = "contain")]
pub mod sink;
pub mod source;
