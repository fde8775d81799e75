//! `stanch ready`: what has to be there before the night it is needed.

use std::io::Write;

use clap::ValueEnum;

use super::contain::PolicyArgs;
use super::{ExitCode, Failure};

/// Print what a responder needs before it is needed
///
/// The IAM policy is made from the same table of calls as the driver's own requests and plans, so it allows
/// what they need and nothing else. Give it to a role that is assumed for an incident (--aws-role), not to
/// a person. Statements that are not wanted, such as making and removing keys, can be left out: what is
/// then missing is named when it is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print a policy as JSON: of whoever only looks, contains, or also delivers; or the organisation's
    #[arg(long, value_name = "DUTY")]
    aws_policy: Duty,
    #[command(flatten)]
    policy: PolicyArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Duty {
    /// Plans, evidence, the log: changes nothing
    Observer,
    /// The same, and containing
    Responder,
    /// Handing a replacement to Secrets Manager or Parameter Store, beside the responder's
    Delivery,
    /// For the organisation: nobody with a leaked key undoes its restriction in the seconds before it holds
    RaceGuard,
}

pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let (_, configuration) = args.policy.read_with_text()?;
    let text = serde_json::to_string_pretty(&policy(args.aws_policy, &configuration)?)
        .map_err(|error| Failure::new(format!("cannot write the policy: {error}")))?;
    writeln!(out, "{text}")?;
    Ok(ExitCode::Clean)
}

#[cfg(feature = "aws")]
fn policy(duty: Duty, configuration: &str) -> Result<serde_json::Value, Failure> {
    use crate::provider::aws_iam;
    let logs = super::contain::trail_logs(configuration)?;
    let duty = match duty {
        Duty::Observer => aws_iam::Duty::Observer,
        Duty::Responder => aws_iam::Duty::Responder,
        Duty::Delivery => aws_iam::Duty::Delivery,
        Duty::RaceGuard => aws_iam::Duty::RaceGuard,
    };
    Ok(aws_iam::policy_with_logs(duty, &logs))
}

#[cfg(not(feature = "aws"))]
fn policy(_: Duty, _: &str) -> Result<serde_json::Value, Failure> {
    Err(Failure::new("this build has no driver `aws-iam`").hint("build with the default features"))
}
