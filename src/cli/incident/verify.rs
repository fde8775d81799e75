//! `stanch incident verify`: is the record what was written?

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::read::Which;
use crate::cli::{ExitCode, Failure, signing};
use crate::incident::{
    Head, IncidentId, SignedHead, Store, Testimony, Verifier, bundle, check_testimony,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VerifyArgs {
    #[command(flatten)]
    which: Which,
    /// A head printed earlier, as NUMBER:HASH, or a file with a signed checkpoint
    #[arg(long, value_name = "HEAD")]
    against: Option<String>,
    /// The public key that must have signed, as `incident key` prints it [default: this machine's]
    #[arg(long, value_name = "KEY")]
    key: Option<Verifier>,
    /// Check this evidence bundle, and no store
    #[arg(long, value_name = "FILE", conflicts_with = "incident")]
    bundle: Option<PathBuf>,
}

pub(super) fn verify(args: &VerifyArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let known = args.against.as_deref().map(|text| Known::read(text, args)).transpose()?;
    match &args.bundle {
        Some(file) => verify_bundle(args, file, known.as_ref(), out),
        None => verify_record(args, known.as_ref(), out),
    }
}

fn verify_record(
    args: &VerifyArgs,
    known: Option<&Known>,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let (store, id) = args.which.open()?;
    if let Some(Known { incident: Some(of), .. }) = known
        && *of != id
    {
        return Err(Failure::new(format!("the checkpoint is of {of}, not of {id}")));
    }
    let head = store.verify(&id, known.map(|known| &known.head))?;
    let testimony = testimony(&*store, &id, args)?;
    writeln!(out, "the hash chain of {id} holds: {} events", head.seq + 1)?;
    say_testimony(&testimony, head.seq + 1, out)?;
    writeln!(out, "head      {head}")?;
    if known.is_none() {
        writeln!(
            out,
            "whether events were cut off after the last checkpoint, or all was written anew by whoever holds \
             the key, shows only against a head kept elsewhere (--against)"
        )?;
    }
    Ok(ExitCode::Clean)
}

fn testimony(store: &dyn Store, id: &IncidentId, args: &VerifyArgs) -> Result<Testimony, Failure> {
    let own = match &args.key {
        Some(key) => Some(key.clone()),
        None => signing::existing()?.map(|signer| signer.verifier()),
    };
    let (events, notes) = (store.events(id)?, store.checkpoints(id)?);
    let testimony = check_testimony(id, &events, &notes, own.as_ref()).map_err(broken)?;
    if args.key.is_some() && testimony.verified == 0 {
        return Err(broken("no checkpoint is signed by the key that was given".to_owned()));
    }
    Ok(testimony)
}

fn broken(why: String) -> Failure {
    Failure::new(why)
        .hint("compare with an export or a backup; nothing may be built on this record")
}

fn say_testimony(testimony: &Testimony, events: u64, out: &mut dyn Write) -> Result<(), Failure> {
    match testimony.verified {
        0 => writeln!(out, "signed    by no key that is known here")?,
        n => writeln!(
            out,
            "signed    {n} checkpoints verify; the last covers {} of {events} events",
            testimony.covered
        )?,
    }
    if !testimony.others.is_empty() {
        let names = crate::finding::plain(&testimony.others.join(", "));
        writeln!(out, "          not checked: those of {names} (--key takes a public key)")?;
    }
    Ok(())
}

fn verify_bundle(
    args: &VerifyArgs,
    file: &Path,
    known: Option<&Known>,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
    let known = known.map(|known| &known.head);
    let checked = bundle::check(&text, args.key.as_ref(), known).map_err(|why| {
        broken(format!("the bundle {} isn't what was written: {why}", file.display()))
    })?;
    let (id, events) = (&checked.incident, checked.events.len());
    writeln!(
        out,
        "the bundle of {id} holds: {events} events, {} checkpoints",
        checked.checkpoints
    )?;
    writeln!(out, "head      {}", checked.head)?;
    writeln!(out, "key       {}", checked.key)?;
    if args.key.is_none() {
        let words =
            "whose key this is, the bundle can't prove: compare it with the one you know (--key)";
        writeln!(out, "{words}")?;
    }
    Ok(ExitCode::Clean)
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot read {}: {error}", file.display()))
}

/// A head somebody kept elsewhere.
struct Known {
    head: Head,
    /// Which incident it is of, where it says so.
    incident: Option<IncidentId>,
}

impl Known {
    /// Reads a head, or a file with a signed checkpoint.
    fn read(text: &str, args: &VerifyArgs) -> Result<Self, Failure> {
        let why = match text.parse::<Head>() {
            Ok(head) => return Ok(Self { head, incident: None }),
            Err(why) => why,
        };
        let path = Path::new(text);
        if !path.is_file() {
            return Err(Failure::new(why).hint("every command that changes an incident prints it"));
        }
        let note = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let note: SignedHead =
            note.parse().map_err(|why| Failure::new(format!("{}: {why}", path.display())))?;
        let key = match &args.key {
            Some(key) => Some(key.clone()),
            None => signing::existing()?.map(|signer| signer.verifier()),
        };
        if !key.is_some_and(|key| key.signed(&note)) {
            return Err(Failure::new(format!(
                "the checkpoint in {} isn't signed by a key that is known here",
                path.display()
            ))
            .hint("give the public key of its writer with --key"));
        }
        Ok(Self { head: note.head, incident: Some(note.incident) })
    }
}

/// Prints the public key, for those who will check.
pub(super) fn key(out: &mut dyn Write) -> Result<ExitCode, Failure> {
    writeln!(out, "{}", signing::signer()?.verifier())?;
    Ok(ExitCode::Clean)
}
