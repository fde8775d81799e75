//! Credentials in disguise: encoded, escaped, split, compressed, packed.

mod world;

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use stanch::finding::Disguise;
use stanch::pattern::PatternSet;
use stanch::scan::{Detection, Limits, Scanner};
use world::{World, assert_absent, planted};

const TOKEN: &str = "github-personal-token";
const PAIR: &str = "aws-access-key";

/// Returns a random key of that pattern.
fn key(pattern: &str, group: &str) -> String {
    let set = PatternSet::embedded().unwrap();
    set.get(pattern).unwrap().sample(group, &mut rand::rng()).unwrap()
}

fn scanner() -> Scanner {
    Scanner::new(PatternSet::embedded().unwrap())
}

fn scan(bytes: &[u8]) -> Vec<Detection> {
    scanner().scan_bytes(bytes)
}

/// Asserts that one credential is found, disguised so and standing exactly at the given part of the text.
fn assert_found(text: &[u8], secret: &str, place: &[u8], disguises: &[Disguise]) {
    let shown = String::from_utf8_lossy(text);
    let found = scan(text);
    let [detection] = &found[..] else { panic!("{found:?} in {shown}") };
    let group = &detection.pattern.secret;
    let credential = detection.credential.secret(group).expect("its secret part");
    assert_eq!(credential.expose(), secret.as_bytes(), "in {shown}");
    assert_eq!(detection.disguises, disguises, "in {shown}");
    let (found, place) = (&text[detection.span.clone()], place);
    assert_eq!(String::from_utf8_lossy(found), String::from_utf8_lossy(place), "in {shown}");
    assert_absent(&[secret.to_owned()], &detection.excerpt, "the excerpt");
    if place.len() >= 20 && !disguises.contains(&Disguise::Utf16) {
        let place = String::from_utf8_lossy(place).replace(['\n', ' '], "");
        assert_absent(&[place], &detection.excerpt, "the excerpt");
    }
}

fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    text.chars().map(escape).collect()
}

#[test]
fn base64_of_either_alphabet_is_seen_through() {
    let token = key(TOKEN, "key");
    for text in [format!("token = {token}?>\n"), token.clone()] {
        for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            let file = format!("config: \"{encoded}\" # not shown\n");
            assert_found(file.as_bytes(), &token, encoded.as_bytes(), &[Disguise::Base64]);
        }
    }
}

#[test]
fn base64_in_wrapped_lines_is_one_run() {
    let token = key(TOKEN, "key");
    let encoded = STANDARD.encode(format!("{}\nTOKEN={token}\n", "line of a file\n".repeat(9)));
    for newline in ["\n", "\r\n", "\n    "] {
        let lines: Vec<_> = encoded.as_bytes().chunks(64).collect();
        let wrapped = lines.join(newline.as_bytes());
        let file = [b"data: |-\n    ", &wrapped[..], b"\nmore: values here\n"].concat();
        assert_found(&file, &token, &wrapped, &[Disguise::Base64]);
    }
}

#[test]
fn base64_of_base64_of_base64_is_seen_through_and_no_more() {
    let token = key(TOKEN, "key");
    let mut encoded = token.clone();
    for depth in 1..=3 {
        encoded = STANDARD.encode(&encoded);
        assert_found(
            encoded.as_bytes(),
            &token,
            encoded.as_bytes(),
            &[Disguise::Base64].repeat(depth),
        );
    }
    let world = World::new();
    world.write("deep.txt", STANDARD.encode(&encoded));
    let run = world.stanch(&["scan"]);
    assert_eq!(run.code, 3, "{}", run.all());
    assert!(run.out.contains("deep.txt: text in it is disguised more than 3 times"), "{}", run.out);
}

#[test]
fn values_of_a_kubernetes_secret_are_read_beside_each_other() {
    let (id, secret) = (key(PAIR, "id"), key(PAIR, "secret"));
    let encoded = STANDARD.encode(&secret);
    let file = format!(
        "apiVersion: v1\nkind: Secret\ndata:\n  AWS_ACCESS_KEY_ID: {}\n  AWS_SECRET_ACCESS_KEY: {encoded}\n",
        STANDARD.encode(&id)
    );
    assert_found(file.as_bytes(), &secret, encoded.as_bytes(), &[Disguise::Base64]);
}

#[test]
fn hexadecimal_digits_are_seen_through() {
    let token = key(TOKEN, "key");
    let hex: String = token.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (before, hex) in [("", hex.clone()), ("key: ", hex.to_uppercase()), ("0x", hex)] {
        let file = format!("{before}{hex}\n");
        assert_found(file.as_bytes(), &token, hex.as_bytes(), &[Disguise::Hex]);
    }
}

#[test]
fn escapes_of_every_form_are_seen_through() {
    let token = key(TOKEN, "key");
    type Escape = fn(char) -> String;
    let forms: [(Disguise, Escape); 8] = [
        (Disguise::PercentEncoding, |c| format!("%{:02X}", c as u32)),
        (Disguise::Escapes, |c| format!("\\u{:04x}", c as u32)),
        (Disguise::Escapes, |c| format!("\\u{{{:X}}}", c as u32)),
        (Disguise::Escapes, |c| format!("\\x{:02x}", c as u32)),
        (Disguise::Escapes, |c| format!("\\U{:08x}", c as u32)),
        (Disguise::Escapes, |c| format!("\\{:03o}", c as u32)),
        (Disguise::HtmlEntities, |c| format!("&#{};", c as u32)),
        (Disguise::HtmlEntities, |c| format!("&#x{:x};", c as u32)),
    ];
    for (disguise, escape) in forms {
        let whole = escaped(&token, escape);
        assert_found(
            format!("key=\"{whole}\"\n").as_bytes(),
            &token,
            whole.as_bytes(),
            &[disguise],
        );
        // One character in the middle is enough to hide a key.
        let (start, rest) = token.split_at(11);
        let part = format!("{start}{}{}", escape(rest.chars().next().unwrap()), &rest[1..]);
        assert_found(format!("key=\"{part}\"\n").as_bytes(), &token, part.as_bytes(), &[disguise]);
    }
}

#[test]
fn escapes_beside_a_key_do_not_hide_it() {
    let token = key(TOKEN, "key");
    for (file, disguise) in [
        (format!("https://host.example/?a=1%26token%3D{token}"), Disguise::PercentEncoding),
        (format!("{{\"log\": \"the token\\n{token}\\n\"}}"), Disguise::Escapes),
        (format!("token\\u003d{token}"), Disguise::Escapes),
    ] {
        assert_found(file.as_bytes(), &token, token.as_bytes(), &[disguise]);
    }
}

#[test]
fn a_password_in_an_escaped_url_is_found() {
    let password = key("database-url-postgres", "password");
    let url = format!("postgres://app:{password}@db.acme.internal/app");
    let escaped = escaped(&url, |c| match c {
        ':' | '/' | '@' | '%' | '+' | '&' | '=' => format!("%{:02X}", c as u32),
        c => c.to_string(),
    });
    let found = scan(format!("next={escaped}\n").as_bytes());
    assert_eq!(found.len(), 1, "{found:?} in {escaped}");
    assert_eq!(found[0].disguises, [Disguise::PercentEncoding]);
}

#[test]
fn strings_in_pieces_are_joined() {
    let token = key(TOKEN, "key");
    let (first, rest) = token.split_at(9);
    let (second, third) = rest.split_at(13);
    for join in [
        "\" + \"",
        "\"+\"",
        "\"\n    + \"",
        "\" +\n    \"",
        "\"\n    \"",
        "\" \\\n    \"",
        "\" . \"",
        "\" & \"",
        "\" .. \"",
        "\" || \"",
        "\" <> \"",
        "\" & _\r\n    \"",
        "\\\n",
    ] {
        let place = [first, second, third].join(join);
        let file = format!("key = \"{place}\";\n");
        assert_found(file.as_bytes(), &token, place.as_bytes(), &[Disguise::SplitString]);
    }
}

#[test]
fn a_private_key_is_found_whatever_stands_at_its_line_edges() {
    for pattern in ["pem-private-key", "pem-openssh-private-key"] {
        let key = key(pattern, "key").replace("\\r", "").replace("\\n", "\n");
        let mut lines: Vec<&str> = key.lines().collect();
        let body = lines[1];
        let (head, tail) = body.split_at(body.len() / 8 * 4);
        lines.splice(1..2, [head, tail]);
        for (before, after) in [
            ("", ""),
            ("                ", ""),
            ("# ", ""),
            ("    #", ""),
            ("// ", ""),
            ("//! ", ""),
            (" * ", ""),
            (";; ", ""),
            ("-- ", ""),
            ("> ", ""),
            ("", "\r"),
            ("\"", "\\n\""),
            ("\"", "\\r\\n\" +"),
            ("  \"", "\\n\" \\"),
            ("", " \\"),
            ("", "\\n\\"),
        ] {
            let text = lines.iter().map(|line| format!("{before}{line}{after}\n"));
            let text: String = std::iter::once("x\n".to_owned()).chain(text).collect();
            let found = scan(text.as_bytes());
            let [detection] = &found[..] else { panic!("{found:?} in {text}") };
            assert_eq!(detection.pattern.id, pattern, "{text}");
            assert!(!detection.proofs.is_empty(), "{text}");
        }
    }
}

#[test]
fn utf16_is_read_in_either_order_with_and_without_a_mark() {
    let token = key(TOKEN, "key");
    let file = format!("# schlüssel 密钥 😀\nkey = \"{token}\"\n");
    for is_big in [false, true] {
        let encode = |text: &str| -> Vec<u8> {
            let bytes = |unit: u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            text.encode_utf16().flat_map(bytes).collect()
        };
        for mark in ["\u{feff}", ""] {
            let bytes = encode(&format!("{mark}{file}"));
            assert_found(&bytes, &token, &encode(&token), &[Disguise::Utf16]);
            let found = &scan(&bytes)[0];
            assert_eq!((found.position.line, found.position.column), (2, 8));
            assert!(found.excerpt.starts_with("key = "), "{}", found.excerpt);
        }
        let binary = [&b"\x7fELF\x02\x01\x01\0\0\0\xff"[..], &encode(&token), b"\0\0\xff"].concat();
        assert_found(&binary, &token, &encode(&token), &[Disguise::Utf16]);
    }
}

#[test]
fn disguises_over_one_another_are_taken_off() {
    let token = key(TOKEN, "key");
    let wide: Vec<u8> =
        format!("$env:T='{token}'").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let command = STANDARD.encode(wide);
    let file = format!("powershell -EncodedCommand {command}\n");
    assert_found(file.as_bytes(), &token, command.as_bytes(), &[Disguise::Base64, Disguise::Utf16]);

    let encoded = STANDARD.encode(format!("{{\"a\": \"{token}\"}}"));
    let (one, two) = encoded.split_at(30);
    let pieces = format!("{one}\" +\n  \"{two}");
    let file = format!("x = \"{pieces}\"");
    let disguises = [Disguise::SplitString, Disguise::Base64];
    assert_found(file.as_bytes(), &token, pieces.as_bytes(), &disguises);
}

#[test]
fn what_stands_there_plainly_is_no_disguise() {
    let set = PatternSet::embedded().unwrap();
    let scanner = scanner();
    let plain = Scanner::new(set.clone()).limits(Limits::NONE);
    for pattern in set.patterns() {
        for _ in 0..4 {
            let (text, _) = planted(&pattern.id);
            let ids = |found: Vec<Detection>| -> Vec<_> {
                found.into_iter().map(|d| (d.pattern.id.clone(), d.span, d.disguises)).collect()
            };
            let text = text.as_bytes();
            assert_eq!(
                ids(scanner.scan_bytes(text)),
                ids(plain.scan_bytes(text)),
                "{}",
                pattern.id
            );
        }
    }
}

#[test]
fn plain_and_disguised_copies_are_one_finding() {
    let world = World::new();
    let (text, secrets) = planted(TOKEN);
    world.write("plain.txt", &text);
    world.write("encoded.txt", STANDARD.encode(&text));
    world.write("zipped.gz", gzip(text.as_bytes()));
    for format in ["jsonl", "text", "sarif", "json"] {
        let run = world.stanch(&["scan", "-f", format]);
        assert_eq!(run.code, 1, "{}", run.all());
        assert_absent(&secrets, &run.all(), format);
        assert!(run.out.contains("base64"), "{}", run.out);
    }
    let findings = world.stanch(&["scan", "-f", "jsonl"]).findings();
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    let places: Vec<_> = finding["locations"].as_array().unwrap().iter().collect();
    let paths: Vec<_> = places.iter().map(|place| place["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["encoded.txt", "plain.txt", "zipped.gz!zipped"]);
    assert_eq!(places[0]["disguises"], serde_json::json!(["base64"]));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
