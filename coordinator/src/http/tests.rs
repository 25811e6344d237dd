//! The HTTP interface on a real coordinator: publishing a version, and what wrong requests get.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use codegraph::{ContentHash, FileEntry, Manifest, SourceHash};
use event::{ModuleVersion, NodeKey};
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::state::{Command, LoadedModule, ModulesOp, NodeDescription};
use crate::{CoordinatorConfig, NewMember};

async fn coordinator(dir: &std::path::Path) -> Coordinator {
    counted(dir).await.0
}

/// With what counts.
async fn counted(dir: &std::path::Path) -> (Coordinator, prometheus::Registry) {
    let member = NewMember {
        name: "one".into(),
        addresses: vec!["127.0.0.1:7481".into()],
        roles: [crate::state::Role::Coordinator].into(),
        zone: String::new(),
    };
    let config = CoordinatorConfig::new(dir, member);
    let registry = config.registry.clone();
    (Coordinator::start(config).await.unwrap(), registry)
}

async fn call(
    coordinator: &Coordinator,
    method: &str,
    path: &str,
    body: impl Into<Body>,
) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(body.into())
        .unwrap();
    let response = router(coordinator.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (
        status,
        serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())),
    )
}

fn manifest() -> (Manifest, [&'static str; 2]) {
    let [source, document] = ["defmodule A do\nend\n", "the document"];
    let file = FileEntry {
        path: "lib/a.ex".into(),
        source: SourceHash::of(source.as_bytes()),
        source_blob: ContentHash::of(source.as_bytes()),
        document: ContentHash::of(document.as_bytes()),
        size: source.len() as u32,
    };
    (Manifest::new("shop", vec![file]), [source, document])
}

/// Scenario: have/want, missing blobs, publish, publish again. Guarantee: no version without its blobs; twice is once.
#[tokio::test]
async fn a_version_is_published_once_it_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let c = coordinator(dir.path()).await;
    let (manifest, blobs) = manifest();
    let (status, answer) = call(&c, "POST", "/versions/want", manifest.encode()).await;
    assert_eq!(
        (status, answer["want"].as_array().unwrap().len()),
        (StatusCode::OK, 2)
    );

    let (status, answer) = call(&c, "POST", "/versions", manifest.encode()).await;
    assert_eq!(
        (status, &answer["got"]["missing_total"]),
        (StatusCode::CONFLICT, &2.into()),
        "{answer}"
    );
    assert!(c.watch().versions.is_empty());

    for blob in blobs {
        let hash = ContentHash::of(blob.as_bytes());
        assert_eq!(
            call(&c, "PUT", &format!("/blobs/{hash}"), blob).await.0,
            StatusCode::OK
        );
        assert_eq!(call(&c, "GET", &format!("/blobs/{hash}"), "").await.1, blob);
    }
    assert_eq!(
        call(&c, "POST", "/versions/want", manifest.encode()).await.1["want"],
        Value::Array(vec![])
    );
    assert_eq!(
        call(&c, "POST", "/versions", manifest.encode()).await.0,
        StatusCode::CREATED
    );
    assert_eq!(
        call(&c, "POST", "/versions", manifest.encode()).await.0,
        StatusCode::OK
    );
    let (_, answer) = call(&c, "GET", "/versions", "").await;
    assert_eq!(answer["versions"][0]["version"], manifest.id().to_string());
    assert_eq!(answer["total"], 1);
    assert_eq!(
        call(&c, "GET", &format!("/blobs/{}", manifest.id()), "").await.0,
        StatusCode::OK
    );
    c.shutdown().await;
}

#[tokio::test]
async fn wrong_requests_get_json_errors() {
    let dir = tempfile::tempdir().unwrap();
    let c = coordinator(dir.path()).await;
    let zero = "0".repeat(64);
    let large = vec![0; BODY_BYTES_MAX + 1];
    for (method, path, body, status) in [
        ("POST", "/versions", b"garbage".to_vec(), 400),
        ("POST", "/versions/want", Vec::new(), 400),
        ("PUT", "/blobs/xyz", Vec::new(), 400),
        ("PUT", &format!("/blobs/{zero}"), b"other".to_vec(), 400),
        ("PUT", &format!("/blobs/{zero}"), large, 413),
        ("GET", &format!("/blobs/{zero}"), Vec::new(), 404),
        ("GET", "/nodes/77/modules", Vec::new(), 404),
        ("GET", "/nodes/nothex/modules", Vec::new(), 400),
        ("GET", "/nodes/77/modules?at=soon", Vec::new(), 400),
        ("GET", "/nodes?after=%20", Vec::new(), 400),
        ("GET", "/versions?after=x", Vec::new(), 400),
    ] {
        let (got, answer) = call(&c, method, path, body).await;
        assert_eq!(got.as_u16(), status, "{method} {path}: {answer}");
        assert!(answer["error"].is_string(), "{method} {path}: {answer}");
        assert!(
            answer.get("expected").is_some() && answer.get("got").is_some(),
            "{method} {path}: {answer}"
        );
    }
    c.shutdown().await;
}

/// Scenario: a manifest that is sent as what differs from one before; a base that is not there; more kept than there is. Guarantee: the first is
/// taken as if it had come whole, the others are refused.
#[tokio::test]
async fn a_manifest_may_be_sent_as_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let c = coordinator(dir.path()).await;
    let (manifest, blobs) = manifest();
    for blob in blobs {
        c.put_blob(blob.as_bytes().to_vec()).await.unwrap();
    }
    let first = manifest.encode();
    let base = c.put_blob(first.clone()).await.unwrap();
    let all = first.len();
    let path = format!("/versions?base={base}&prefix={}&suffix=4", all - 5);
    let (status, answer) = call(&c, "POST", &path, first[all - 5..all - 4].to_vec()).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["version"], base.to_string());
    let zero = "0".repeat(64);
    let none = format!("/versions/want?base={zero}&prefix=1&suffix=1");
    assert_eq!(call(&c, "POST", &none, "x").await.0, StatusCode::NOT_FOUND);
    for (prefix, suffix) in [(all + 1, 0), (0, all + 1), (usize::MAX, usize::MAX)] {
        let path = format!("/versions/want?base={base}&prefix={prefix}&suffix={suffix}");
        assert_eq!(call(&c, "POST", &path, "").await.0, StatusCode::BAD_REQUEST);
    }
    let path = format!("/versions/want?base={base}&prefix={all}&suffix={all}");
    assert_eq!(
        call(&c, "POST", &path, "").await.0,
        StatusCode::BAD_REQUEST,
        "no manifest"
    );
    c.shutdown().await;
}

/// Scenario: bytes under another's hash, a version whose blobs are missing, twice. Guarantee: both are refused with what is wrong, nothing is kept,
/// and counted.
#[tokio::test]
async fn what_is_refused_of_versions_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (c, registry) = counted(dir.path()).await;
    let (manifest, blobs) = manifest();
    let hash = ContentHash::of(blobs[0].as_bytes());
    let (status, answer) = call(&c, "PUT", &format!("/blobs/{hash}"), "other bytes").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        answer
            .to_string()
            .contains(&ContentHash::of(b"other bytes").to_string()),
        "{answer}"
    );
    assert_eq!(
        call(&c, "GET", &format!("/blobs/{hash}"), "").await.0,
        StatusCode::NOT_FOUND
    );
    for _ in 0..2 {
        let (status, answer) = call(&c, "POST", "/versions", manifest.encode()).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert!(
            answer["got"]["missing"].to_string().contains(&hash.to_string()),
            "{answer}"
        );
    }
    let count = |name: &str| {
        let family = registry.gather().into_iter().find(|f| f.name() == name).unwrap();
        family.get_metric()[0].get_counter().get_value()
    };
    assert_eq!(count("elixirscope_coordinator_blobs_refused_total") as u64, 1);
    assert_eq!(count("elixirscope_coordinator_versions_refused_total") as u64, 2);
    c.shutdown().await;
}

#[tokio::test]
async fn nodes_and_what_they_ran() {
    let dir = tempfile::tempdir().unwrap();
    let c = coordinator(dir.path()).await;
    let (node, version) = (NodeKey(0xabc), ModuleVersion(5 << 100));
    let info = NodeDescription {
        name: "shop@host".into(),
        ..NodeDescription::default()
    };
    let modules = vec![LoadedModule {
        version,
        module: "Elixir.A".into(),
    }];
    let loaded = Command::NodeModules {
        node,
        op: ModulesOp::Snapshot,
        time: 10,
        modules,
    };
    c.propose(vec![Command::NodeSeen { node, info }, loaded])
        .await
        .unwrap();
    let (_, answer) = call(&c, "GET", "/nodes", "").await;
    assert_eq!(answer["nodes"][0]["current"][0]["module"], "Elixir.A");
    let path = format!("/nodes/{node}/modules");
    assert_eq!(
        call(&c, "GET", &format!("{path}?at=9"), "").await.1["modules"],
        Value::Array(vec![])
    );
    assert_eq!(
        call(&c, "GET", &path, "").await.1["modules"][0]["version"],
        version.to_string()
    );
    let (_, answer) = call(&c, "GET", &format!("/modules/{version}/nodes"), "").await;
    assert_eq!(answer["ran"][0]["from"], 10);
    let (_, answer) = call(&c, "GET", "/cluster", "").await;
    assert_eq!(answer["cluster"]["shards"], 64);
    assert_eq!(answer["shard_map"]["holders"].as_array().unwrap().len(), 64);
    assert_eq!(call(&c, "GET", "/site-tables", "").await.1["total"], 0);
    c.shutdown().await;
}
