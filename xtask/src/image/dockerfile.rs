//! `k8s/image/Dockerfile` cannot be built where there is no engine; that it says what `cargo xtask image` says can be tested. And what the
//! manifests say of the image.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::declared::{COMMAND, DATA, ENTRYPOINT, ENV, LABELS, PORTS, STOP_SIGNAL, UID};
use crate::run;

/// Instructions of the last stage, with their arguments; lines that go on are one.
fn last_stage() -> Vec<(String, String)> {
    let path = run::root().join("k8s/image/Dockerfile");
    let text = fs::read_to_string(path).unwrap().replace("\\\n", " ");
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut stage = Vec::new();
    for line in lines {
        let (word, rest) = line.split_once(' ').unwrap();
        if word == "FROM" {
            stage.clear();
        }
        stage.push((
            word.to_owned(),
            rest.split_whitespace().collect::<Vec<_>>().join(" "),
        ));
    }
    stage
}

fn argument(stage: &[(String, String)], word: &str) -> String {
    let found: Vec<&String> = stage
        .iter()
        .filter(|(w, _)| w == word)
        .map(|(_, rest)| rest)
        .collect();
    assert_eq!(found.len(), 1, "{word} is there once: {found:?}");
    found[0].clone()
}

fn pairs(text: &str) -> BTreeSet<(String, String)> {
    let mut rest = text;
    let mut found = BTreeSet::new();
    while let Some((key, value)) = rest.split_once("=\"") {
        let (value, after) = value.split_once('"').unwrap();
        found.insert((key.trim().to_owned(), value.to_owned()));
        rest = after;
    }
    found
}

fn declared(list: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    list.iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn says_what_the_image_says() {
    let stage = last_stage();
    let list = |word: &str| serde_json::from_str::<Value>(&argument(&stage, word)).unwrap();
    assert_eq!(argument(&stage, "FROM"), "scratch");
    assert_eq!(argument(&stage, "USER"), format!("{UID}:{UID}"));
    assert_eq!(list("ENTRYPOINT"), json!(ENTRYPOINT));
    assert_eq!(list("CMD"), json!(COMMAND));
    assert_eq!(list("VOLUME"), json!([DATA]));
    assert_eq!(argument(&stage, "STOPSIGNAL"), STOP_SIGNAL);
    assert_eq!(pairs(&argument(&stage, "ENV")), declared(ENV));
    assert_eq!(pairs(&argument(&stage, "LABEL")), declared(LABELS));
    let ports = argument(&stage, "EXPOSE");
    assert_eq!(ports.split(' ').collect::<Vec<_>>(), PORTS);
}

#[test]
fn its_data_folder_is_the_users() {
    let stage = last_stage();
    let owned = format!("--from=build --chown={UID}:{UID} /image/data {DATA}");
    assert!(stage.contains(&("COPY".to_owned(), owned)), "{stage:?}");
}

/// Manifests name numbers and folders of the image.
#[test]
fn manifests_run_it_as_its_user_with_its_folder() {
    for role in ["coordinator", "collector"] {
        let path = run::root().join(format!("k8s/base/{role}/stateful-set.yaml"));
        let text = fs::read_to_string(path).unwrap();
        let value = |key: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.trim().strip_prefix(key));
            lines.map(|value| value.trim().to_owned()).collect()
        };
        for key in ["runAsUser:", "runAsGroup:", "fsGroup:"] {
            let found = value(key);
            assert!(!found.is_empty(), "{role} has {key}");
            assert!(
                found.iter().all(|number| *number == UID.to_string()),
                "{role} {key} {found:?}"
            );
        }
        let mounted = format!("{{name: data, mountPath: {DATA}}}");
        assert_eq!(
            value("- ").iter().filter(|mount| **mount == mounted).count(),
            1,
            "{role}"
        );
    }
}
