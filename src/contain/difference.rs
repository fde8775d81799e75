//! What changed between the plan that was approved and the one the world now asks for, in words.

use super::plan::{Plan, Step};

/// Returns how `now` differs from `then` in what a plan's hash covers, one sentence fragment each;
/// nothing exactly where the hashes are the same.
pub fn differences(then: &Plan, now: &Plan) -> Vec<String> {
    let none = "the public endpoint";
    let fields = [
        ("credential", then.fingerprint.to_string(), now.fingerprint.to_string()),
        ("provider", then.provider.clone(), now.provider.clone()),
        (
            "endpoint",
            then.endpoint.clone().unwrap_or_else(|| none.to_owned()),
            now.endpoint.clone().unwrap_or_else(|| none.to_owned()),
        ),
        ("account", then.account.clone(), now.account.clone()),
        ("owner", then.owner.clone(), now.owner.clone()),
        ("key", then.key_id.clone(), now.key_id.clone()),
        ("responder", then.acts_as().to_owned(), now.acts_as().to_owned()),
        ("mode", mode(then), mode(now)),
    ];
    let changed = fields.into_iter().filter(|(_, was, is)| was != is);
    let mut words: Vec<_> =
        changed.map(|(what, was, is)| format!("the {what} was {was} and is now {is}")).collect();
    words.extend(siblings(then, now));
    words.extend(steps(&then.steps, &now.steps));
    words
}

fn mode(plan: &Plan) -> String {
    format!("{} by {} ({})", plan.mode.mode.name(), plan.mode.rule, plan.mode.reason)
}

fn siblings(then: &Plan, now: &Plan) -> Vec<String> {
    let has = |plan: &Plan, id: &str| plan.siblings.iter().any(|key| key.id == id);
    let new = now.siblings.iter().filter(|key| !has(then, &key.id));
    let gone = then.siblings.iter().filter(|key| !has(now, &key.id));
    let appeared = new.map(|key| format!("the owner has a further key, {}", key.id));
    let vanished = gone.map(|key| format!("the owner's key {} is gone", key.id));
    appeared.chain(vanished).collect()
}

fn steps(then: &[Step], now: &[Step]) -> Vec<String> {
    let find = |steps: &[Step], id: &str| steps.iter().find(|step| step.id == id).cloned();
    let mut words = Vec::new();
    for was in then {
        match find(now, &was.id) {
            None => words.push(format!("step {} is no longer needed", was.id)),
            Some(is) if is == *was => {}
            Some(is) if is.target != was.target => words.push(format!(
                "step {} acted on {} and would now act on {}",
                was.id, was.target, is.target
            )),
            Some(_) => words.push(format!("step {} has other conditions", was.id)),
        }
    }
    for is in now {
        if find(then, &is.id).is_none() {
            words.push(format!("step {} is new: {}", is.id, is.does));
        }
    }
    let order = |steps: &[Step]| steps.iter().map(|s| s.id.clone()).collect::<Vec<_>>();
    if words.is_empty() && order(then) != order(now) {
        words.push("the steps are in another order".to_owned());
    }
    words
}
