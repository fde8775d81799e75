//! `stanch incident`: the record, from the alert to the review.

mod arguments;
mod backup;
mod case;
mod export;
mod moment;
mod open;
mod people;
mod phases;
mod read;
mod screen;
mod surroundings;
mod verify;
mod watch;

pub(super) use case::SettingsArgs;
pub(super) use read::refuse_damaged;

use std::io::Write;

use super::{ExitCode, Failure, Global};

#[derive(Debug, clap::Subcommand)]
#[command(
    about = "Lead an incident and keep its record",
    long_about = "Lead an incident and keep its record

Every command adds events to a hash chain and changes none; each says what to do next. Without
--incident they speak of the one that is open.",
    after_help = "\
An incident from the alert to its review:
  stanch incident open 'Key in a bug report' --provider openai --key-id key-1 --alerted-at '10 min ago'
  stanch incident ack
  stanch incident verdict true-positive --reason 'the owner confirms the key'
  stanch incident severity --live yes --powerful yes --visibility public
  stanch incident assign commander Ada
  stanch incident phase containment --done --reason 'deactivated; a call with it is refused'
  stanch incident root-cause copy-paste --description 'pasted into a public issue'
  stanch incident affected billing-api --owner payments --trusts 'calls the model'
  stanch incident phase eradication --done --reason 'the issue was deleted'
  stanch incident affected billing-api --validated
  stanch incident phase recovery --done --reason 'billing runs on the new key'
  stanch incident followup 'Mask keys in bug reports' --owner Bo --due 'in 14 d'
  stanch incident close --lessons 'the form takes any text'

Roles, clocks and targets stand in stanch.toml; see the README."
)]
pub(super) enum Command {
    /// Say who must do what by when, the soonest first
    List(read::ListArgs),
    /// Show an incident: where it stands, what was done, what is next
    Show(read::ShowArgs),
    /// Draw an incident anew as it changes and time passes
    Watch(watch::WatchArgs),
    /// Open an incident by hand: a leak found elsewhere
    Open(Box<open::Args>),
    /// Take it: the response clock stops
    Ack(people::AckArgs),
    /// Write a line into the record
    Note(people::NoteArgs),
    /// Give a role to a person
    Assign(people::AssignArgs),
    /// Say whether it is real
    Verdict(people::VerdictArgs),
    /// Apply the severity rule to what is known, or show how it came to its answer
    Severity(people::SeverityArgs),
    /// Name the incident for outsiders, and say who may see the record
    Mark(people::MarkArgs),
    /// Enter a phase, or say that it is done
    Phase(phases::PhaseArgs),
    /// Correct when something happened, with a reason
    Date(phases::DateArgs),
    /// Let the resolution clock stand still, or run again
    Clock(phases::ClockArgs),
    /// Name a system that trusts the key, or what is now known of it
    Affected(surroundings::AffectedArgs),
    /// Ask a vendor something, or write down the answer
    Checkpoint(surroundings::CheckpointArgs),
    /// Say that a workflow was stopped because it is too risky now
    Pause(surroundings::WorkflowArgs),
    /// Say that a stopped workflow runs again
    Resume(surroundings::WorkflowArgs),
    /// Add something that is left to do, or say that it was done
    Followup(surroundings::FollowUpArgs),
    /// Say why it could happen
    RootCause(surroundings::RootCauseArgs),
    /// End the incident: the review is done and every follow-up has an owner
    Close(phases::CloseArgs),
    /// Open a closed incident again
    Reopen(phases::ReopenArgs),
    /// Check that the record is what was written
    ///
    /// A changed, dropped or reordered event is noticed, and one that contradicts a signed checkpoint.
    /// Cutting off the end after the last checkpoint is noticed with --against and a head that was
    /// printed earlier.
    Verify(verify::VerifyArgs),
    /// Print the public key of this machine, with which others check its records
    Key,
    /// Write an incident for others: for a review, for an auditor, for another program
    Export(export::ExportArgs),
    /// Write the whole store into a file
    Backup(backup::BackupArgs),
    /// Put a backup into a store, which may be of another kind
    Restore(backup::BackupArgs),
    /// Print the template of the review, for editing
    Template,
}

pub(super) fn run(
    command: &Command,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    match command {
        Command::List(args) => read::list(args, out),
        Command::Show(args) => read::show(args, out),
        Command::Verify(args) => verify::verify(args, out),
        Command::Key => verify::key(out),
        Command::Export(args) => export::export(args, out),
        Command::Backup(args) => backup::write(args, out),
        Command::Restore(args) => backup::restore(args, out),
        Command::Template => export::template(out),
        Command::Watch(args) => watch::watch(args, out),
        Command::Open(args) => open::run(args, global, out),
        Command::Ack(args) => people::ack(args, global, out),
        Command::Note(args) => people::note(args, global, out),
        Command::Assign(args) => people::assign(args, global, out),
        Command::Verdict(args) => people::verdict(args, global, out),
        Command::Severity(args) => people::severity(args, global, out),
        Command::Mark(args) => people::mark(args, global, out),
        Command::Phase(args) => phases::phase(args, global, out),
        Command::Date(args) => phases::date(args, global, out),
        Command::Clock(args) => phases::clock(args, global, out),
        Command::Close(args) => phases::close(args, global, out),
        Command::Reopen(args) => phases::reopen(args, global, out),
        Command::Affected(args) => surroundings::affected(args, global, out),
        Command::Checkpoint(args) => surroundings::checkpoint(args, global, out),
        Command::Pause(args) => surroundings::pause(args, global, out),
        Command::Resume(args) => surroundings::resume(args, global, out),
        Command::Followup(args) => surroundings::followup(args, global, out),
        Command::RootCause(args) => surroundings::root_cause(args, global, out),
    }
}
