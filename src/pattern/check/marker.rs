//! Fixed markers, and where in the key they stand.

use super::Verdict;

const OPENAI: &str = "T3BlbkFJ";
const GROQ: &str = "WGdyb3FY";

/// In every key seen as many characters stand before the marker as behind it, the prefix aside. That
/// is not documented, so a key whose marker stands elsewhere is merely not proved.
pub(super) fn judge_openai(text: &str) -> Verdict {
    let is_middle =
        openai_halves(text).is_some_and(|(before, behind)| before.len() == behind.len());
    let proof = is_middle.then(|| format!("marker {OPENAI} in the middle"));
    Verdict::proved_or_unprovable(proof)
}

/// Returns what stands behind the prefix and before the marker, and what stands behind the marker.
fn openai_halves(text: &str) -> Option<(&str, &str)> {
    let (before, behind) = text.split_once(OPENAI)?;
    let body = ["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-"]
        .iter()
        .find_map(|prefix| before.strip_prefix(prefix))?;
    Some((body, behind))
}

pub(super) fn complete_openai(sample: &str) -> String {
    let Some((before, behind)) = openai_halves(sample) else {
        return sample.to_owned();
    };
    let half = before.len().min(behind.len());
    let prefix = &sample[..sample.len() - before.len() - OPENAI.len() - behind.len()];
    format!("{prefix}{}{OPENAI}{}", &before[..half], &behind[..half])
}

const GROQ_PREFIX: &str = "gsk_";
const GROQ_BEFORE: usize = 20;
const GROQ_BEHIND: usize = 24;

/// The lengths are those of every key seen and not documented.
pub(super) fn judge_groq(text: &str) -> Verdict {
    let proof = text
        .strip_prefix(GROQ_PREFIX)
        .and_then(|body| body.split_once(GROQ))
        .filter(|(before, behind)| (before.len(), behind.len()) == (GROQ_BEFORE, GROQ_BEHIND))
        .map(|_| format!("marker {GROQ} in its place"));
    Verdict::proved_or_unprovable(proof)
}

pub(super) fn complete_groq(sample: &str) -> String {
    let cycle = |text: &str, length: usize| text.chars().cycle().take(length).collect::<String>();
    match sample.strip_prefix(GROQ_PREFIX).and_then(|body| body.split_once(GROQ)) {
        Some((before, behind)) => {
            let (before, behind) = (cycle(before, GROQ_BEFORE), cycle(behind, GROQ_BEHIND));
            format!("{GROQ_PREFIX}{before}{GROQ}{behind}")
        }
        None => sample.to_owned(),
    }
}
