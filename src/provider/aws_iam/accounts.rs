//! Accounts that are not to be touched.

/// The accounts of services that hand out keys as bait (Canarytokens by Thinkst and others). Whoever uses
/// such a key sets off its owner's alarm, which would be us. Taken from the published findings on telling
/// such keys by the account in their id, in which the account of a key is no secret:
/// <https://trufflesecurity.com/canaries>.
const BAIT: &[&str] = &[
    "044858866125",
    "052310077262",
    "171436882533",
    "266735846894",
    "534261010715",
    "595918472158",
    "717712589309",
    "730335385048",
    "819147034852",
    "893192397702",
    "992382622183",
];

/// Whether an account is known to lay keys as bait.
pub(super) fn is_bait(account: &str) -> bool {
    BAIT.contains(&account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_of_account_numbers_in_order() {
        assert!(BAIT.iter().all(|one| one.len() == 12 && one.bytes().all(|b| b.is_ascii_digit())));
        assert!(BAIT.is_sorted());
        assert!(is_bait("171436882533"));
        assert!(!is_bait("123456789012"));
    }
}
