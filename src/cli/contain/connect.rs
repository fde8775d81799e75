//! From a finding to the driver that can act on it, as the operator configured it.

use super::Failure;
use crate::finding::Finding;
use crate::provider::Provider;

/// How to reach AWS; what is left out comes from AWS's own configuration.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "AWS")]
pub(crate) struct AwsArgs {
    /// Call this endpoint instead of AWS's public one
    #[arg(long, value_name = "URL")]
    aws_endpoint: Option<String>,
    /// The region to call
    #[arg(long, value_name = "REGION")]
    aws_region: Option<String>,
    /// The profile to act with
    #[arg(long, value_name = "NAME")]
    aws_profile: Option<String>,
    /// Act as this role, assumed for the occasion
    #[arg(long, value_name = "ARN")]
    aws_role: Option<String>,
    /// Ask about keys of these accounts only [default: the responder's own]
    #[arg(long, value_name = "ID")]
    aws_account: Vec<String>,
}

/// Tells whether a driver of this build acts on a finding's keys.
pub(super) fn has_driver(finding: &Finding) -> bool {
    let driver = finding.pattern.provider.driver.as_deref();
    cfg!(feature = "aws") && matches!(driver, Some("aws-iam" | "aws-bedrock"))
}

/// Returns the driver for a finding. `endpoint` is where the plan goes that is to be carried out, for
/// where neither the command line nor AWS's own configuration says.
pub(super) async fn connect(
    finding: &Finding,
    aws: &AwsArgs,
    endpoint: Option<String>,
) -> Result<Box<dyn Provider>, Failure> {
    let provider = &finding.pattern.provider;
    match provider.driver.as_deref() {
        #[cfg(feature = "aws")]
        Some("aws-iam") => {
            use crate::provider::aws_iam::AwsIam;
            let mut options = aws_options(aws);
            options.incident = Some(occasion(finding));
            let provider = AwsIam::connect(options.clone()).await?;
            if endpoint.is_none() || provider.endpoint().is_some() {
                return Ok(Box::new(provider));
            }
            options.endpoint = endpoint;
            Ok(Box::new(AwsIam::connect(options).await?))
        }
        #[cfg(feature = "aws")]
        Some("aws-bedrock") => {
            use crate::provider::aws_iam::AwsBedrock;
            let mut options = aws_options(aws);
            options.incident = Some(occasion(finding));
            let provider = AwsBedrock::connect(options.clone()).await?;
            if endpoint.is_none() || provider.endpoint().is_some() {
                return Ok(Box::new(provider));
            }
            options.endpoint = endpoint;
            Ok(Box::new(AwsBedrock::connect(options).await?))
        }
        Some("simulated") => {
            Err(Failure::new("this is a key of the simulated provider, which lives only in drills")
                .hint("`stanch drill` rehearses a leak from commit to closed incident"))
        }
        Some(driver) => Err(Failure::new(format!("this build has no driver `{driver}`")).hint(
            format!("revoke the key at {}, or build with the default features", provider.console),
        )),
        None => {
            let _ = (aws, endpoint);
            Err(Failure::new(format!("keys of {} can't be contained from here yet", provider.name))
                .hint(format!("revoke the key at {}", provider.console)))
        }
    }
}

/// What a role's session is named after: the finding, which the incident names, too, and which is known
/// before there is one.
#[cfg(feature = "aws")]
fn occasion(finding: &Finding) -> String {
    format!("stanch-{:.16}", finding.fingerprint.to_string())
}

/// Returns how AWS is reached.
#[cfg(feature = "aws")]
pub(super) fn aws_options(aws: &AwsArgs) -> crate::provider::aws_iam::Options {
    use crate::cli::environment::SystemClock;
    use crate::incident::Clock as _;
    use crate::provider::aws_iam::Options;
    let mut options = Options::new(std::sync::Arc::new(|| SystemClock.now()));
    options.endpoint.clone_from(&aws.aws_endpoint);
    options.region.clone_from(&aws.aws_region);
    options.profile.clone_from(&aws.aws_profile);
    options.role.clone_from(&aws.aws_role);
    options.accounts.clone_from(&aws.aws_account);
    options
}
