//! Every provider file proves itself: its examples, filled with random text, are found by the real
//! scanner at exactly the gap, and nothing else claims them.

use std::collections::BTreeSet;

use stanch::pattern::PatternSet;
use stanch::scan::{Scanner, prove};

fn embedded() -> PatternSet {
    PatternSet::embedded().expect("every embedded provider file loads")
}

#[test]
fn every_file_keeps_its_promises() {
    let wrong = prove(&Scanner::new(embedded()), |_| true, &mut rand::rng());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Those of the program stand where they belong, from the root of the repository.
#[test]
fn every_file_is_in_its_folder() {
    for pattern in embedded().patterns() {
        let (class, provider) = (&pattern.provider.class, &pattern.provider.id);
        assert_eq!(pattern.file, format!("patterns/{class}/{provider}.toml"));
    }
}

/// What the check is worth: it sees each way of breaking a promise.
#[test]
fn a_broken_promise_is_seen() {
    let file = |lines: &str| {
        format!(
            "[provider]\nid = 'acme'\nname = 'Acme'\nclass = 'cloud'\nconsole = 'https://a.example'\n\
             [[pattern]]\nid = 'acme-key'\nseverity = 'high'\n{lines}\n"
        )
    };
    let good = [
        ("description", "'Acme key: its holder can read.'"),
        ("regex", r"'\b(?<key>acme_[a-z0-9]{20})\b'"),
        ("anchors", "['acme_']"),
        ("examples", "['a=«key»']"),
        ("counterexamples", "['acme_short']"),
    ];
    let wrong = |name: &str, value: &str| {
        let lines = good.map(|(own, good)| {
            let value = if own == name { value } else { good };
            format!("{own} = {value}")
        });
        let text = file(&lines.join("\n"));
        let set = PatternSet::from_files([("cloud/acme.toml", text.as_str())]).unwrap();
        prove(&Scanner::new(set), |_| true, &mut rand::rng()).join("\n")
    };
    assert_eq!(wrong("", ""), "");
    for (name, value, says) in [
        ("description", "'Acme key.'", "description"),
        ("anchors", "['zzzz']", "0 findings"),
        ("examples", "['a=«key»«key»']", "0 findings"),
        ("examples", "[]", "at least one example"),
        ("counterexamples", "['a=«key»']", "a counterexample is found"),
    ] {
        let why = wrong(name, value);
        assert!(why.contains("acme-key") && why.contains(says), "{name} = {value}: {why}");
    }
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
