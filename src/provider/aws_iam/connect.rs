//! From options to clients: who the responder is, where calls go, how long they may take.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig, imds};
use aws_sdk_iam::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_iam::config::{
    ConfigBag, Credentials, Intercept, ProvideCredentials, RuntimeComponents,
    SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_iam::error::BoxError;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};

use super::{ID, Options, failure, role};
use crate::provider::Error;
use crate::secret::Credential;

/// How long a connection may take; there is nothing slow about AWS's.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long all the attempts of a call that only looks may take together, in attempts.
const PATIENCE: u32 = 3;

/// How long the search for the responder's credentials may take, all sources together.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(20);

/// The metadata service of a virtual machine answers at once or isn't there.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// What the provider calls with.
pub(super) struct Clients {
    /// For looking: tries again.
    pub(super) reader: aws_sdk_iam::Client,
    /// For changing: tries once.
    pub(super) writer: aws_sdk_iam::Client,
    /// Asks who one is, as the responder: tries again.
    pub(super) sts: aws_sdk_sts::Client,
    /// Reads the account's log, in a region of its own each time: tries again.
    pub(super) trail: aws_sdk_cloudtrail::Client,
    /// Lists the account's regions: tries again.
    pub(super) account: aws_sdk_account::Client,
    /// Searches the operator's group of CloudWatch Logs, where one is configured: tries again.
    pub(super) insights: Option<aws_sdk_cloudwatchlogs::Client>,
    /// Searches the operator's table of Athena, where one is configured: tries again.
    pub(super) athena: Option<aws_sdk_athena::Client>,
    /// Where the responder's key comes from.
    pub(super) responder: SharedCredentialsProvider,
    /// Where the calls go, if it isn't the public endpoint.
    pub(super) endpoint: Option<String>,
}

/// Returns the SDK's configuration of the responder, for AWS's other services.
///
/// # Errors
///
/// [`Error::NoResponder`] where there are no credentials to act with, and [`Error::Unreachable`] where
/// the endpoint that was configured is not encrypted and elsewhere than on this machine.
pub async fn configuration(options: &Options) -> Result<SdkConfig, Error> {
    let config = responders(options).await?;
    let endpoint = config.endpoint_url().unwrap_or("https://");
    match endpoint.starts_with("https://") || is_loopback(endpoint) || options.allow_plain_http {
        true => acting(config, options).await,
        false => Err(Error::Unreachable {
            call: "every call".to_owned(),
            why: format!("{endpoint} is not encrypted"),
        }),
    }
}

/// Returns the responder's own configuration.
async fn responders(options: &Options) -> Result<SdkConfig, Error> {
    let http = http_client(ProxyConfig::from_env());
    let region = region(options).await;
    let responder = match &options.responder {
        Some(credential) => SharedCredentialsProvider::new(static_key(credential)?),
        None => responder(options, http.clone(), region.clone()).await,
    };
    find(&responder).await?;
    let config = sdk_config(options, http, region, responder).await;
    let config = match is_loopback(config.endpoint_url().unwrap_or_default()) {
        // No proxy can reach this machine's own addresses.
        true => {
            let direct = http_client(ProxyConfig::disabled());
            config.into_builder().http_client(direct).build()
        }
        false => config,
    };
    Ok(config)
}

/// Makes the clients and checks, without a call to AWS, that there is a responder and where calls
/// would go. A role is assumed only where the endpoint may be used at all.
pub(super) async fn clients(options: &Options) -> Result<Clients, Error> {
    let config = responders(options).await?;
    let base = with_config(&config, options)?;
    let endpoint = endpoint(&base, options.allow_plain_http).await?;
    let clients = with_config(&acting(config, options).await?, options)?;
    Ok(Clients { endpoint, ..clients })
}

/// Returns the configuration of whoever acts: the responder, or the role it assumes.
async fn acting(config: SdkConfig, options: &Options) -> Result<SdkConfig, Error> {
    let Some(role) = &options.role else { return Ok(config) };
    let role = SharedCredentialsProvider::new(role::Assumed::new(role, options, &config)?);
    find(&role).await?;
    Ok(config.into_builder().credentials_provider(role).build())
}

fn with_config(config: &SdkConfig, options: &Options) -> Result<Clients, Error> {
    let once = RetryConfig::disabled();
    let logs = &options.trail_logs;
    let logs_config = match &logs.log_region {
        Some(region) => config.to_builder().region(Region::new(region.clone())).build(),
        None => config.clone(),
    };
    let writer = aws_sdk_iam::config::Builder::from(config).retry_config(once);
    let responder = config.credentials_provider();
    Ok(Clients {
        reader: aws_sdk_iam::Client::new(config),
        writer: aws_sdk_iam::Client::from_conf(writer.build()),
        sts: aws_sdk_sts::Client::new(config),
        trail: aws_sdk_cloudtrail::Client::new(config),
        account: aws_sdk_account::Client::new(config),
        insights: (logs.log_group.as_ref())
            .map(|_| aws_sdk_cloudwatchlogs::Client::new(&logs_config)),
        athena: logs.athena_table.as_ref().map(|_| aws_sdk_athena::Client::new(&logs_config)),
        responder: responder.ok_or_else(|| unusable("there is nobody to act as"))?,
        endpoint: None,
    })
}

/// Returns the same client for another region.
pub(super) fn in_region(
    client: &aws_sdk_cloudtrail::Client,
    region: &str,
) -> aws_sdk_cloudtrail::Client {
    let config = client.config().to_builder().region(Region::new(region.to_owned()));
    aws_sdk_cloudtrail::Client::from_conf(config.build())
}

/// Returns an AWS key pair as the SDK takes it.
pub(super) fn static_key(credential: &Credential) -> Result<Credentials, Error> {
    let unsupported =
        |what: &str| Error::Unsupported { provider: ID.to_owned(), what: what.to_owned() };
    let text = |name| credential.secret(name).map(|secret| secret.expose_str());
    let id = credential
        .public("id")
        .ok_or_else(|| unsupported("tell the access key id of this credential"))?;
    let secret =
        text("secret").flatten().ok_or_else(|| unsupported("sign as a key without its secret"))?;
    let token = text("token").flatten().map(str::to_owned);
    Ok(Credentials::new(id, secret, token, None, "given"))
}

/// Where the responder's key comes from: the profile that was named and nothing else, or AWS's usual
/// chain. (A named profile wins over the environment, as in AWS's own command line: in a CI job the
/// environment may well hold the leaked key.)
async fn responder(
    options: &Options,
    http: SharedHttpClient,
    region: Option<Region>,
) -> SharedCredentialsProvider {
    let around =
        |http| ProviderConfig::without_region().with_region(region.clone()).with_http_client(http);
    if let Some(profile) = &options.profile {
        let source = ProfileFileCredentialsProvider::builder()
            .configure(&around(http))
            .profile_name(profile)
            .build();
        return SharedCredentialsProvider::new(source);
    }
    let metadata = imds::Client::builder()
        .configure(&around(http_client(ProxyConfig::disabled())))
        .connect_timeout(METADATA_TIMEOUT)
        .read_timeout(METADATA_TIMEOUT)
        .max_attempts(1)
        .build();
    let chain = DefaultCredentialsChain::builder()
        .configure(around(http))
        .region(region.clone())
        .imds_client(metadata)
        .build()
        .await;
    SharedCredentialsProvider::new(chain)
}

/// Returns the responder's key of this moment.
pub(super) async fn find(responder: &SharedCredentialsProvider) -> Result<Credentials, Error> {
    let no_responder = |why: String| Error::NoResponder {
        provider: ID.to_owned(),
        why: format!(
            "{why}; sign in (`aws sso login`), name a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a responder's key"
        ),
    };
    let search = tokio::time::timeout(SEARCH_TIMEOUT, responder.provide_credentials());
    match search.await {
        Ok(found) => found.map_err(|error| no_responder(failure::innermost(&error))),
        Err(_) => Err(no_responder("no source of credentials answered".to_owned())),
    }
}

/// The region: an option, the environment, the profile, or the one where IAM itself lives. The metadata
/// service isn't asked, for it can be slow to not answer.
async fn region(options: &Options) -> Option<Region> {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &options.profile {
        profile = profile.profile_name(name);
    }
    RegionProviderChain::first_try(options.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build())
        .or_else(Region::from_static("us-east-1"))
        .region()
        .await
}

async fn sdk_config(
    options: &Options,
    http: SharedHttpClient,
    region: Option<Region>,
    responder: SharedCredentialsProvider,
) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(options.attempt_timeout)
        .operation_timeout(options.attempt_timeout * PATIENCE)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(region)
        .credentials_provider(responder)
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts);
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = &options.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

/// The SDK's HTTP client: rustls with ring, the system's root certificates, no redirects.
fn http_client(proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build()
    })
}

/// Returns where the calls go, if it isn't AWS's public endpoint.
///
/// The SDK takes endpoints from many places (the environment and profiles, for all services or one), so
/// it is asked itself: a request of each service is prepared and stopped before it is signed.
async fn endpoint(clients: &Clients, allow_plain_http: bool) -> Result<Option<String>, Error> {
    let stop = Stop::default();
    let iam = clients.reader.list_access_keys().customize();
    // Both fail, being stopped.
    let _ = iam.interceptor(stop.clone()).send().await;
    let sts = clients.sts.get_caller_identity().customize();
    let _ = sts.interceptor(stop.clone()).send().await;
    let trail = clients.trail.lookup_events().customize();
    let _ = trail.interceptor(stop.clone()).send().await;
    let account = clients.account.list_regions().customize();
    let _ = account.interceptor(stop.clone()).send().await;
    let mut services = 4;
    if let Some(insights) = &clients.insights {
        services += 1;
        let insights = insights.start_query().customize();
        let _ = insights.interceptor(stop.clone()).send().await;
    }
    if let Some(athena) = &clients.athena {
        services += 1;
        let athena = athena.start_query_execution().customize();
        let _ = athena.interceptor(stop.clone()).send().await;
    }
    let addresses = stop.addresses();
    if addresses.len() < services {
        return Err(unusable("the configured endpoint is not an address"));
    }
    for address in &addresses {
        // It would be shown in the plan and kept in the record.
        if address.contains('@') {
            return Err(unusable("the configured endpoint holds a user name or a password"));
        }
        if !address.starts_with("https://") && !allow_plain_http && !is_loopback(address) {
            return Err(unusable(&format!("{address} is not encrypted; use https://")));
        }
    }
    // Where each service has its own, both are part of what is approved.
    let mut own: Vec<_> = addresses.into_iter().filter(|address| !is_public(address)).collect();
    own.sort();
    own.dedup();
    Ok((!own.is_empty()).then(|| own.join(" and ")))
}

fn unusable(why: &str) -> Error {
    Error::Unreachable { call: "sts:GetCallerIdentity".to_owned(), why: why.to_owned() }
}

/// Stops every request before it is signed and keeps its address.
#[derive(Clone, Debug, Default)]
struct Stop(Arc<Mutex<Vec<String>>>);

impl Stop {
    fn addresses(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Intercept for Stop {
    fn name(&self) -> &'static str {
        "stop"
    }

    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut addresses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.push(origin(context.request().uri()));
        Err("only its address was wanted".into())
    }
}

/// Returns scheme, host and port of an address.
pub(super) fn origin(address: &str) -> String {
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end = address[authority..].find(['/', '?', '#']);
    address[..end.map_or(address.len(), |end| authority + end)].to_owned()
}

/// Returns the host of an address, without brackets and port.
fn host(address: &str) -> &str {
    let authority = address.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(address: &str) -> bool {
    let host = host(address);
    let loopback = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    // A name before an `@` looks like a host and isn't one.
    !address.contains('@') && (host == "localhost" || loopback)
}

pub(super) fn is_public(address: &str) -> bool {
    let host = host(address);
    address.starts_with("https://")
        && !address.contains('@')
        && [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"]
            .iter()
            .any(|domain| host.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for address in
            ["http://127.0.0.1:5000", "http://127.9.9.9/x", "http://[::1]:80", "http://localhost:1"]
        {
            assert!(is_loopback(address), "{address}");
        }
        for address in [
            "",
            "127.0.0.1",
            "http://127.0.0.1@evil.example",
            "http://127.0.0.1:80@evil.example",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1",
            "http://evil.example/127.0.0.1",
            "http://localhost.evil.example",
        ] {
            assert!(!is_loopback(address), "{address}");
        }
    }

    #[test]
    fn the_public_endpoints_are_awss_own() {
        assert!(is_public("https://iam.amazonaws.com"));
        assert!(is_public("https://sts.eu-west-1.amazonaws.com"));
        for address in [
            "http://iam.amazonaws.com",
            "https://iam.amazonaws.com.evil.example",
            "https://iam.amazonaws.com@evil.example",
            "https://amazonaws.com.evil.example:443",
        ] {
            assert!(!is_public(address), "{address}");
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin("https://iam.example:8443/a?b#c"), "https://iam.example:8443");
        assert_eq!(origin("http://[::1]:80"), "http://[::1]:80");
    }
}
