//! What a person types to do by hand what a program could not: the provider's own command, in full.

use super::{Key, KeyState, Operation};

/// Returns the command for an operation on a key, or `None` where the driver's provider has none.
pub fn by_hand(driver: &str, operation: Operation, key: &Key) -> Option<String> {
    match driver {
        "aws-iam" => aws(operation, key),
        "simulated" => Some(format!("simulated {operation:?} {}", key.id).to_lowercase()),
        _ => None,
    }
}

fn aws(operation: Operation, key: &Key) -> Option<String> {
    // Of a key that isn't there nobody can say whose it is.
    if key.owner.is_empty() || key.state == KeyState::Absent {
        return None;
    }
    let (owner, id) = (quoted(&key.owner), quoted(&key.id));
    let of_key = format!("--user-name {owner} --access-key-id {id}");
    Some(match operation {
        Operation::Observe => format!("aws iam list-access-keys --user-name {owner}"),
        Operation::Disable => format!("aws iam update-access-key {of_key} --status Inactive"),
        Operation::Enable => format!("aws iam update-access-key {of_key} --status Active"),
        Operation::Create => format!("aws iam create-access-key --user-name {owner}"),
        Operation::Delete => format!("aws iam delete-access-key {of_key}"),
        Operation::Evidence => format!("aws iam list-attached-user-policies --user-name {owner}"),
        Operation::Review => format!(
            "aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId,AttributeValue={id}"
        ),
        Operation::Probe => "aws sts get-caller-identity".to_owned(),
        Operation::Restrict => format!(
            "aws iam attach-user-policy --user-name {owner} --policy-arn arn:aws:iam::aws:policy/AWSDenyAll"
        ),
        Operation::Lift => format!(
            "aws iam detach-user-policy --user-name {owner} --policy-arn arn:aws:iam::aws:policy/AWSDenyAll"
        ),
    })
}

/// Returns a name as a shell takes it for one word: a name comes from outside and is pasted.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/:".contains(c);
    match !name.is_empty() && name.chars().all(is_plain) {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::KeyKind;

    #[test]
    fn a_name_from_outside_is_one_word_for_a_shell() {
        let key = Key {
            id: "AKIAEXAMPLE".to_owned(),
            owner: "x'; rm -rf ~".to_owned(),
            account: String::new(),
            state: KeyState::Active,
            created_at: None,
            kind: KeyKind::Lasting,
        };
        let command = by_hand("aws-iam", Operation::Disable, &key).unwrap();
        assert!(command.contains(r"--user-name 'x'\''; rm -rf ~' --access"), "{command}");
        let absent = Key { state: KeyState::Absent, ..key };
        assert_eq!(by_hand("aws-iam", Operation::Disable, &absent), None);
    }
}
