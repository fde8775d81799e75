//! Networks from the provider's log, where they are asked for and nobody names them.

use super::Responder;
use super::asked::AskedArgs;
use crate::cli::Failure;
use crate::contain::{Baseline, Plan, Request};
use crate::provider::{Measure, Observation};

/// What `--only-from` takes instead of networks.
pub(super) const WORD: &str = "baseline";

/// Adds the networks the key was used from before it leaked.
pub(super) async fn onto(
    mut request: Request,
    asked: &AskedArgs,
    responder: &Responder<'_>,
    observation: &Observation,
) -> Result<Request, Failure> {
    let leaked_at = responder.leak(observation, None).leaked_at().lower;
    let (key, now) = (&observation.key.id, responder.clock.now());
    let read = Baseline::read(responder.provider, key, leaked_at, now).await;
    let baseline = read.map_err(|why| {
        Failure::new(format!("there is no baseline to restrict the owner to: {why}"))
            .hint("name the networks consumers call from with --only-from, or use --narrow; nothing was changed")
    })?;
    let networks = baseline.networks.keys().cloned().chain(asked.further_networks()).collect();
    request.narrow = Some(Measure::OnlyFrom { networks });
    request.baseline = Some(baseline);
    Ok(request)
}

/// Refuses a plan to be carried out that was shown without one.
pub(super) fn check(shown: &Plan) -> Result<(), Failure> {
    match shown.request.baseline {
        Some(_) => Ok(()),
        None => Err(Failure::new("the plan that was shown has no networks from the log").hint(
            "nothing was done; look at the new plan with `--only-from baseline` and without --apply",
        )),
    }
}
