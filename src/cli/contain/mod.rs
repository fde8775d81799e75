//! `stanch contain`: the plan, and carrying it out.

mod act;
mod again;
mod approve;
mod asked;
mod baseline;
mod connect;
mod deliver;
mod hand;
mod policy;
mod several;

pub(super) use act::{Responder, open_incident};
#[cfg(feature = "aws")]
pub(super) use connect::trail_logs;
pub(super) use connect::{AwsArgs, Occasion, connect};
pub(super) use policy::{PolicyArgs, holder};

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use self::hand::{Hand, Shared};
use super::locate::{Located, locate};
use super::store::StoreArgs;
use super::{ExitCode, Failure, Global, environment};

/// Stop a leaked credential at its provider, and keep the record
///
/// Without a flag it shows the plan and changes nothing. --apply carries out exactly the plan that was
/// shown last: where the world has changed since, it says what changed and does nothing. Several keys are
/// contained at the same time, each by a plan and in an incident of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stanch contain 3fa9c2e1                    show the plan
  stanch contain 3fa9c2e1 --apply            carry it out, open the incident, prove the key dead
  stanch contain 3fa9c2e1 --deliver-to 'vault-put app/key'
                                             also make a replacement and hand it to that program
  stanch contain 3fa9c2e1 --deliver-to aws-secretsmanager:app/key --apply
  stanch contain 3fa9c2e1 --visibility private --consumer billing --deliver-to 'vault-put app/key'
                                             let a named consumer move first, with a deadline
  stanch contain 3fa9c2e1 --only-from baseline
                                             let only the networks through that used it before the leak
  stanch contain 3fa9c2e1 --resume           go on where a run was interrupted
  stanch contain 3fa9c2e1 --undo rotate --reason 'consumer not ready'
  stanch contain 3fa9c2e1 --approve HASH     agree to a plan somebody else began
  stanch contain 3fa9c2e1 --delete           days later: the plan to delete the stopped key
  stanch contain --halt 'wrong account'      change nothing from here any more
  stanch contain 3fa9c2e1 77aa01bc           several keys: their plans; with --apply all at once
  stanch contain --all leaked-repo/          every key found there that can be contained from here
  stanch contain 3fa9c2e1 leaked-repo/       where the leak is, if it isn't here

Places for --deliver-to (#PART=NAME,... says which part of the key goes where):
  aws-secretsmanager:NAME|ARN[#id=KEY_ID,secret=KEY_SECRET]   fields of a JSON secret, staged
  aws-ssm:/app/#id=key-id,secret=key-secret                   one parameter a part
  vault:MOUNT/PATH[#...]            Vault or OpenBao, KV v2; VAULT_ADDR, VAULT_TOKEN
  github:OWNER/REPO[/ENVIRONMENT]#id=AWS_ACCESS_KEY_ID,secret=AWS_SECRET_ACCESS_KEY   GH_TOKEN
  kubernetes:NAMESPACE/NAME[?file=PATH][#...]   a manifest: `stanch contain ... | kubectl apply -f -`
  fd:NUMBER                         JSON on an open file descriptor

Is it still dead? --recheck asks again and ends with 1 if the key lives. It needs no store, but an
identity of your own, and the whole history: most leaks are in an old commit. In GitHub Actions:
  on: { schedule: [ { cron: '17 6 * * *' } ] }
  permissions: { contents: read, id-token: write }
  jobs:
    recheck:
      runs-on: ubuntu-latest
      steps:
        - uses: actions/checkout@v4
          with: { fetch-depth: 0 }
        - uses: aws-actions/configure-aws-credentials@v4
          with: { role-to-assume: ROLE, aws-region: us-east-1 }
        - run: cargo install --locked --git https://github.com/OWNER/stanch
        - run: stanch contain 3fa9c2e1 . --recheck

Who must agree: A (reversible, this key alone) you, or the policy's `automatic`; B (shared with others)
one person; C (irreversible) two people, or you with the target typed out (--confirm); D nobody but by hand.
Names are taken as given: the record says who said so, it doesn't prove who they are.

Exit codes: 0 contained (or the plan was shown), 1 with --recheck: the key lives, 2 could not, 3 something
is unsettled. Of several keys the worst counts.")]
pub(super) struct Args {
    /// The first characters of the finding's fingerprint
    // Parsed by ourselves: clap would repeat what was typed, and that may be a secret.
    #[arg(required_unless_present_any = ["halt", "unhalt", "all"])]
    finding: Option<String>,
    /// Further findings (what is 4 to 32 hexadecimal digits and no file or folder here), and then where the
    /// leaks are, or - for standard input [default: .]
    #[arg(value_name = "FINDING|PATH")]
    more: Vec<PathBuf>,
    /// Every finding in the PATHs and their histories that can be contained from here
    #[arg(long)]
    all: bool,
    /// Carry out the plan that was shown last
    #[arg(long, group = "action")]
    apply: bool,
    /// Carry out the plan with this hash instead of the one shown last
    #[arg(long, value_name = "HASH", requires = "apply")]
    plan: Option<String>,
    /// Plan and carry out at once, with nobody's word but the policy's; what it doesn't allow is left
    #[arg(long, group = "action")]
    auto: bool,
    /// Go on where a run was interrupted
    #[arg(long, group = "action")]
    resume: bool,
    /// Take back the last plan, or one step of it
    #[arg(long, group = "action", value_name = "STEP", num_args = 0..=1, default_missing_value = "all", requires = "reason")]
    undo: Option<String>,
    /// With --undo: also start the leaked key again
    #[arg(long, requires = "undo")]
    revive: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Agree to the plan with this hash, which somebody begins or has begun
    #[arg(long, group = "action", value_name = "HASH")]
    approve: Option<String>,
    /// With --approve: who agrees, if it isn't you
    #[arg(long, value_name = "NAME", requires = "approve")]
    by: Option<String>,
    /// The target of an irreversible step, typed out; may be given several times
    #[arg(long, value_name = "TARGET")]
    confirm: Vec<String>,
    /// Plan to delete the stopped key for good, after the policy's cool-off
    #[arg(long)]
    delete: bool,
    /// Ask with the leaked key whether it lives again
    #[arg(long, group = "action")]
    recheck: bool,
    /// Change nothing from this account of this machine any more, in runs at work, too
    #[arg(long, group = "action", value_name = "REASON", num_args = 0..=1, default_missing_value = "no reason was given")]
    halt: Option<String>,
    /// Let go of the halt
    #[arg(long, group = "action")]
    unhalt: bool,
    /// Make a replacement and hand it to this program (as JSON on its standard input), or to this place
    #[arg(long, value_name = "COMMAND|PLACE")]
    deliver_to: Option<String>,
    /// How to write the plan
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    asked: asked::AskedArgs,
    #[command(flatten)]
    policy: policy::PolicyArgs,
    #[command(flatten)]
    aws: connect::AwsArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// A CACAO 2.0 playbook
    Cacao,
}

pub(super) fn run(args: &Args, global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    if let Some(reason) = &args.halt {
        return policy::halt(reason, out).map(|()| ExitCode::Clean);
    }
    if args.unhalt {
        return policy::unhalt(out).map(|()| ExitCode::Clean);
    }
    let named = several::Named::read(args)?;
    if let [finding] = &named.findings[..] {
        if let Some(hash) = &args.approve {
            let store = args.store.open()?;
            return approve::run(finding, hash, args.by.as_deref(), &*store, out);
        }
        let mut located = locate(std::slice::from_ref(finding), &named.paths, global)?;
        let located = located.pop().ok_or_else(|| Failure::new("nothing was looked for"))??;
        return one(args, &located, global, out);
    }
    several::run(args, &named, global, out)
}

fn one(
    args: &Args,
    located: &Located,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let policy = args.policy.read(Some(&located.root))?;
    if args.recheck {
        return runtime()?.block_on(again::run(args, located, &policy, global, out));
    }
    let store = args.store.open()?;
    let asked =
        deliver::Asked::read(args.deliver_to.as_deref(), &located.finding.credential, global)?;
    let mut errors = anstream::stderr();
    let out = match asked.as_ref().is_some_and(deliver::Asked::takes_output) {
        true => &mut errors as &mut dyn Write,
        false => out,
    };
    let actor = environment::user();
    let (guard, holder) = (policy::guard(policy, &*store)?, policy::holder(&actor)?);
    let shared = Shared {
        args,
        store: &*store,
        actor,
        guard: &guard,
        holder: &holder,
        global,
        is_one_of_several: false,
    };
    runtime()?.block_on(async {
        let (hand, next) = Hand::begin(&shared, located, asked.as_ref()).await?;
        hand.go_on(next, out).await
    })
}

/// Makes what waits for a provider's answers.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(format!("cannot start: {error}")))
}
