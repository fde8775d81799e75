//! The files that people keep credentials in: a key planted in each is found.

mod world;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use stanch::pattern::PatternSet;
use stanch::scan::{Detection, Scanner};

fn sample(pattern: &str, group: &str) -> String {
    let set = PatternSet::embedded().unwrap();
    set.get(pattern).unwrap().sample(group, &mut rand::rng()).unwrap()
}

fn token() -> String {
    sample("github-personal-token", "key")
}

/// Asserts that exactly these credentials are found, each by its pattern.
fn assert_found(text: &str, expected: &[(&str, &str)]) {
    let found = Scanner::new(PatternSet::embedded().unwrap()).scan_bytes(text.as_bytes());
    let secret = |detection: &Detection| {
        let secret = detection.credential.secret(&detection.pattern.secret).unwrap().expose_str();
        (detection.pattern.id.clone(), secret.unwrap().to_owned())
    };
    let mut found: Vec<_> = found.iter().map(secret).collect();
    found.sort();
    let mut expected: Vec<_> =
        expected.iter().map(|(id, secret)| ((*id).to_owned(), (*secret).to_owned())).collect();
    expected.sort();
    assert_eq!(found, expected, "in {text}");
}

#[test]
fn environment_files() {
    let (token, secret) = (token(), sample("aws-access-key", "secret"));
    let id = sample("aws-access-key", "id");
    let text = format!(
        "export GITHUB_TOKEN='{token}'\nAWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY=\"{secret}\"\n"
    );
    assert_found(&text, &[("github-personal-token", &token), ("aws-access-key", &secret)]);
}

#[test]
fn npmrc() {
    let (token, other) = (sample("npm-access-token", "key"), sample("npm-registry-token", "key"));
    let password = STANDARD.encode("correct3horse#battery");
    let auth = STANDARD.encode("deploy:correct3horse#battery");
    let text = format!(
        "registry=https://registry.npmjs.org/\n//registry.npmjs.org/:_authToken={token}\n\
         //npm.acme.internal/:_authToken={other}\n//old.example.com/:_password=\"{password}\"\n_auth={auth}\n"
    );
    assert_found(
        &text,
        &[
            ("npm-access-token", &token),
            ("npm-registry-token", &other),
            ("npm-registry-password", &password),
            ("npm-registry-basic-auth", &auth),
        ],
    );
}

#[test]
fn netrc_and_pgpass() {
    let password = sample("netrc-password", "password");
    let text = format!("machine git.acme.internal\n  login ada\n  password {password}\n");
    assert_found(&text, &[("netrc-password", &password)]);
    let password = sample("pgpass-password", "password");
    let text = format!("# a comment\nlocalhost:5432:app:ada:{password}\n*:*:*:bea:bea\n");
    assert_found(&text, &[("pgpass-password", &password)]);
}

#[test]
fn docker_config_and_the_pull_secret_of_kubernetes() {
    let auth = STANDARD.encode("ada:correct3horse#battery");
    let config =
        json!({ "auths": { "https://index.docker.io/v1/": { "auth": auth } } }).to_string();
    assert_found(&config, &[("docker-config-auth", &auth)]);
    let secret = format!("data:\n  .dockerconfigjson: {}\n", STANDARD.encode(&config));
    assert_found(&secret, &[("docker-config-auth", &auth)]);
}

#[test]
fn kubeconfig() {
    let key = sample("pem-private-key", "key").replace("\\r", "").replace("\\n", "\n");
    let text = format!(
        "apiVersion: v1\nkind: Config\nusers:\n- name: ada\n  user:\n    client-key-data: {}\n",
        STANDARD.encode(format!("{key}\n"))
    );
    assert_found(&text, &[("pem-private-key", &key)]);
}

#[test]
fn jupyter_notebooks_in_sources_and_outputs() {
    let (first, second) = (token(), token());
    let key = sample("pem-private-key", "key").replace("\\r", "").replace("\\n", "\n");
    let mut lines: Vec<String> = key.lines().map(|line| format!("{line}\n")).collect();
    lines.insert(0, "key = '''\n".to_owned());
    let notebook = json!({
        "cells": [
            { "cell_type": "code", "source": ["import os\n", format!("t = \"{first}\"\n")] },
            { "cell_type": "code", "source": lines,
              "outputs": [{ "output_type": "stream", "text": [format!("'token':\t{second}\n")] }] },
        ],
        "nbformat": 4,
    });
    assert_found(
        &serde_json::to_string_pretty(&notebook).unwrap(),
        &[
            ("github-personal-token", &first),
            ("github-personal-token", &second),
            ("pem-private-key", &key),
        ],
    );
}

#[test]
fn terraform_state() {
    let (token, password) = (token(), sample("database-url-postgres", "password"));
    let environment = json!([{ "name": "TOKEN", "value": token }]).to_string();
    let url = format!("postgres://app:{password}@db.acme.internal/app");
    let state = json!({ "version": 4, "resources": [{ "instances": [{ "attributes": {
        "container_definitions": environment, "url": url } }] }] });
    let expected = [("github-personal-token", &*token), ("database-url-postgres", &*password)];
    assert_found(&serde_json::to_string_pretty(&state).unwrap(), &expected);
}

#[test]
fn source_maps_and_minified_bundles() {
    let token = token();
    let source = format!("// config\nexport const key =\n\"{token}\";\n");
    let map = json!({ "version": 3, "sources": ["a.ts"], "sourcesContent": [source], "mappings": "AAAA" });
    assert_found(&map.to_string(), &[("github-personal-token", &token)]);
    let filler = "function a(b,c){return b.d?c:\"\\u00e9\\n\"+b}".repeat(5000);
    let bundle = format!("!function(){{{filler}var e={{key:\"{token}\"}};{filler}}}()");
    assert_found(&bundle, &[("github-personal-token", &token)]);
}

#[test]
fn strings_of_binaries() {
    let token = token();
    let mut bytes: Vec<u8> =
        (0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    bytes.extend(b"\0\0key\0");
    bytes.extend(token.bytes());
    bytes.extend(b"\0\x01\x02");
    let found = Scanner::new(PatternSet::embedded().unwrap()).scan_bytes(&bytes);
    assert_eq!(found.len(), 1);
    assert_eq!(&bytes[found[0].span.clone()], token.as_bytes());
}
