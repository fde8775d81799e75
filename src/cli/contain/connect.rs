//! From a finding to the driver that can act on it, as the operator configured it.

use super::Failure;
use crate::finding::Finding;
use crate::incident::IncidentId;
use crate::pattern::Provider as IssuedBy;
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

/// What a connection is for.
#[derive(Clone, Debug, Default)]
#[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "only a driver that acts reads it"))]
pub(in crate::cli) struct Occasion {
    /// What the session of an assumed role is named after: the incident.
    pub(in crate::cli) name: String,
    /// Where the plan goes that is to be carried out, for where neither the command line nor AWS's own
    /// configuration says.
    pub(in crate::cli) endpoint: Option<String>,
    /// The text of the operator's configuration, which names the logs that are searched.
    pub(in crate::cli) configuration: String,
}

impl Occasion {
    /// Returns the occasion of an incident, which may be opened only later.
    pub(in crate::cli) fn of(incident: &IncidentId, endpoint: Option<String>) -> Self {
        Self { name: incident.to_string(), endpoint, configuration: String::new() }
    }

    /// Returns the occasion of a plan that is only shown: there is no incident that it could be named
    /// after.
    pub(super) fn of_plan(finding: &Finding) -> Self {
        let name = format!("stanch-plan-{:.16}", finding.fingerprint.to_string());
        Self { name, ..Self::default() }
    }
}

/// Returns the driver for the keys of a provider.
pub(in crate::cli) async fn connect(
    provider: &IssuedBy,
    aws: &AwsArgs,
    occasion: Occasion,
) -> Result<Box<dyn Provider>, Failure> {
    match provider.driver.as_deref() {
        #[cfg(feature = "aws")]
        Some("aws-iam") => {
            use crate::provider::aws_iam::AwsIam;
            let mut options = aws_options(aws, &occasion)?;
            let provider = AwsIam::connect(options.clone()).await?;
            if occasion.endpoint.is_none() || provider.endpoint().is_some() {
                return Ok(Box::new(provider));
            }
            options.endpoint = occasion.endpoint;
            Ok(Box::new(AwsIam::connect(options).await?))
        }
        #[cfg(feature = "aws")]
        Some("aws-bedrock") => {
            use crate::provider::aws_iam::AwsBedrock;
            let mut options = aws_options(aws, &occasion)?;
            let provider = AwsBedrock::connect(options.clone()).await?;
            if occasion.endpoint.is_none() || provider.endpoint().is_some() {
                return Ok(Box::new(provider));
            }
            options.endpoint = occasion.endpoint;
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
            let _ = (aws, occasion);
            Err(Failure::new(format!("keys of {} can't be contained from here yet", provider.name))
                .hint(format!("revoke the key at {}", provider.console)))
        }
    }
}

/// Returns how AWS is reached.
#[cfg(feature = "aws")]
pub(super) fn aws_options(
    aws: &AwsArgs,
    occasion: &Occasion,
) -> Result<crate::provider::aws_iam::Options, Failure> {
    use crate::cli::environment::SystemClock;
    use crate::incident::Clock as _;
    use crate::provider::aws_iam::Options;
    let mut options = Options::new(std::sync::Arc::new(|| SystemClock.now()));
    options.endpoint.clone_from(&aws.aws_endpoint);
    options.region.clone_from(&aws.aws_region);
    options.profile.clone_from(&aws.aws_profile);
    options.role.clone_from(&aws.aws_role);
    options.accounts.clone_from(&aws.aws_account);
    options.incident = Some(occasion.name.clone());
    options.trail_logs = trail_logs(&occasion.configuration)?;
    Ok(options)
}

/// Returns the logs that the operator's configuration names.
#[cfg(feature = "aws")]
pub(in crate::cli) fn trail_logs(
    configuration: &str,
) -> Result<crate::provider::aws_iam::TrailLogs, Failure> {
    crate::provider::aws_iam::TrailLogs::parse(configuration).map_err(|why| {
        Failure::new(format!("[aws] of the configuration can't be used: {why}"))
            .hint("nothing was done; README.md shows an [aws] part")
    })
}
