//! Every provider file proves itself: its examples, filled with random text, are found by the real
//! scanner at exactly the gap, and nothing else claims them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use stanch::pattern::{Example, Pattern, PatternSet};
use stanch::scan::{Detection, Scanner};

/// How often each example is filled anew.
const FILLINGS: usize = 64;

fn embedded() -> PatternSet {
    PatternSet::embedded().expect("every embedded provider file loads")
}

/// Returns what is wrong with a filled example, if anything.
fn misses(scanner: &Scanner, pattern: &Pattern, example: &Example) -> Option<String> {
    let detections = scanner.scan_bytes(example.text.as_bytes());
    let (own, others): (Vec<_>, Vec<_>) =
        detections.iter().partition(|d| d.pattern.id == pattern.id);
    if let Some(other) = others.first() {
        return Some(format!(
            "{} claims it too; declare `overlaps` or sharpen one",
            other.pattern.id
        ));
    }
    let [found] = own[..] else {
        return Some(format!("{} findings instead of one", own.len()));
    };
    let wrong_gap = example.gaps.iter().find(|gap| found.parts.get(&gap.group) != Some(&gap.span));
    wrong_gap.map(|gap| format!("group {} was found elsewhere than in its gap", gap.group))
}

fn each_example(
    check: impl Fn(&Scanner, &Pattern, &str, &Example) -> Option<String>,
) -> Vec<String> {
    let scanner = Scanner::new(embedded());
    let mut rng = rand::rng();
    let mut wrong = BTreeSet::new();
    for pattern in scanner.patterns().patterns() {
        for example in pattern.examples.iter().chain(&pattern.counterexamples) {
            for _ in 0..FILLINGS {
                let filled = match pattern.fill(example, &mut rng) {
                    Ok(filled) => filled,
                    Err(error) => {
                        wrong.insert(format!("{}: {}: {error}", pattern.file, pattern.id));
                        break;
                    }
                };
                if let Some(why) = check(&scanner, pattern, example, &filled) {
                    wrong.insert(format!("{}: {} in {example:?}: {why}", pattern.file, pattern.id));
                    break;
                }
            }
        }
    }
    wrong.into_iter().collect()
}

#[test]
fn every_example_is_found_at_exactly_its_gap() {
    let wrong = each_example(|scanner, pattern, example, filled| {
        let is_example = pattern.examples.iter().any(|own| own == example);
        is_example.then(|| misses(scanner, pattern, filled)).flatten()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_counterexample_is_found() {
    let wrong = each_example(|scanner, pattern, example, filled| {
        let is_own = |d: &Detection| d.pattern.id == pattern.id;
        let is_counterexample = pattern.counterexamples.iter().any(|own| own == example);
        let found =
            is_counterexample && scanner.scan_bytes(filled.text.as_bytes()).iter().any(is_own);
        found.then(|| "a counterexample is found".to_owned())
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_keeps_the_conventions() {
    let set = embedded();
    let mut wrong = Vec::new();
    for pattern in set.patterns() {
        wrong.extend(broken_conventions(&set, pattern).map(|why| format!("{}: {why}", pattern.id)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn broken_conventions<'a>(
    set: &'a PatternSet,
    pattern: &'a Arc<Pattern>,
) -> impl Iterator<Item = String> + 'a {
    let provider = &pattern.provider;
    let expected =
        Path::new("patterns").join(&provider.class).join(format!("{}.toml", provider.id));
    let sentence = pattern.description.split_once(": ").is_some_and(|(what, can)| {
        !what.is_empty() && can.ends_with('.') && !can.trim_end_matches('.').contains(". ")
    });
    let unknown = pattern.overlaps.iter().find(|id| set.get(id).is_none());
    [
        (Path::new(&pattern.file) != expected)
            .then(|| format!("belongs in {}", expected.display())),
        (!sentence).then(|| {
            "description: one sentence, `what was found: what its holder can do.`".to_owned()
        }),
        pattern.examples.is_empty().then(|| "at least one example".to_owned()),
        pattern.counterexamples.is_empty().then(|| "at least one counterexample".to_owned()),
        (!provider.console.starts_with("https://")).then(|| "console: an https address".to_owned()),
        unknown.map(|id| format!("overlaps names {id}, which is no pattern")),
    ]
    .into_iter()
    .flatten()
}

#[test]
fn every_regex_compiles() {
    for pattern in embedded().patterns() {
        pattern.regex.get();
        for part in &pattern.parts {
            part.regex.get();
        }
    }
}

#[test]
fn the_first_thirty_are_there() {
    let set = embedded();
    let ids: BTreeSet<&str> = set.patterns().iter().map(|pattern| pattern.id.as_str()).collect();
    assert!(ids.len() >= 30, "{} patterns", ids.len());
    let providers: BTreeSet<&str> =
        set.patterns().iter().map(|pattern| pattern.provider.id.as_str()).collect();
    let wanted = [
        "anthropic",
        "aws",
        "azure",
        "cloudflare",
        "gcp",
        "github",
        "gitlab",
        "groq",
        "huggingface",
        "npm",
        "openai",
        "openrouter",
        "pinecone",
        "pypi",
        "qdrant",
        "slack",
        "stripe",
        "weaviate",
    ];
    let missing: Vec<_> = wanted.iter().filter(|id| !providers.contains(*id)).collect();
    assert!(missing.is_empty(), "no patterns of {missing:?}; there are {providers:?}");
}

#[test]
fn an_unknown_field_is_refused_with_its_name_and_file() {
    let text =
        "[provider]\nid = 'a'\nname = 'A'\nclass = 'x'\nconsole = 'https://a'\nclaas = 'y'\n";
    let error = PatternSet::from_files([("a.toml", text)]).unwrap_err().to_string();
    assert!(error.contains("a.toml") && error.contains("claas"), "{error}");
}
