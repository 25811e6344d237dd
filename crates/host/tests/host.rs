//! Settings from all sources; the HTTP door; the supervisor.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use host::{HttpError, HttpServer, Readiness, Registry, Settings, SettingsError, Sources, TaskKind, Tasks};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Example {
    name: String,
    token: Option<String>,
    agent: AgentPart,
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct AgentPart {
    flush_ms: u64,
    capture: bool,
    uids: Vec<u32>,
}
impl Default for Example {
    fn default() -> Self {
        Self {
            name: "a".into(),
            token: None,
            agent: AgentPart::default(),
        }
    }
}
impl Default for AgentPart {
    fn default() -> Self {
        Self {
            flush_ms: 20,
            capture: true,
            uids: vec![],
        }
    }
}
impl Settings for Example {
    const OPTIONAL: &'static [&'static str] = &["token"];
    const FOREIGN_ENV: &'static [&'static str] = &["SOCKET"];
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

/// Guarantee: the command line beats the environment beats the file beats the default.
#[test]
fn sources_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.toml");
    std::fs::write(&file, "name = \"file\"\n[agent]\nflush_ms = 1\nuids = [1, 2]\n").unwrap();
    let sources = Sources {
        file: Some(file),
        env: pairs(&[
            ("ELIXIRSCOPE_AGENT_FLUSH_MS", "2"),
            ("ELIXIRSCOPE_TOKEN", "t"),
            ("ELIXIRSCOPE_SOCKET", "x"),
        ]),
        overrides: pairs(&[("agent.flush_ms", "3"), ("agent.capture", "false")]),
    };
    let expected = Example {
        name: "file".into(),
        token: Some("t".into()),
        agent: AgentPart {
            flush_ms: 3,
            capture: false,
            uids: vec![1, 2],
        },
    };
    assert_eq!(sources.load::<Example>().unwrap(), expected);
    assert_eq!(Sources::default().load::<Example>().unwrap(), Example::default());
}

/// Guarantee: a misspelt key is refused wherever it stands, and the right one is named.
#[test]
fn unknown_keys() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.toml");
    std::fs::write(&file, "[agent]\nflush_s = 1\n").unwrap();
    let all = [
        Sources {
            file: Some(file),
            ..Sources::default()
        },
        Sources {
            env: pairs(&[("ELIXIRSCOPE_AGENT_FLUSHMS", "1")]),
            ..Sources::default()
        },
        Sources {
            overrides: pairs(&[("agent.flush", "1")]),
            ..Sources::default()
        },
    ];
    for sources in all {
        let error = sources.load::<Example>().unwrap_err();
        assert!(matches!(error, SettingsError::UnknownKey { .. }), "{error}");
        assert!(error.to_string().contains("\"agent.flush_ms\""), "{error}");
    }
    let wrong = Sources {
        overrides: pairs(&[("agent.flush_ms", "soon")]),
        ..Sources::default()
    };
    assert!(wrong.load::<Example>().unwrap_err().to_string().contains("soon"));
}

async fn get(addr: SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Guarantee: 503 names the failing check; the port in use is named; the server ends when asked.
#[tokio::test]
async fn http_door() {
    let registry = Registry::new();
    let tasks = Tasks::new(&registry).unwrap();
    let readiness = Readiness::new();
    let check = readiness.check("spool");
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let server = HttpServer::bind(any, axum::Router::new(), registry.clone(), readiness.clone())
        .await
        .unwrap();
    let addr = server.local_addr();
    tasks
        .spawn(
            TaskKind::Http,
            |stop| async move { server.serve(stop).await.unwrap() },
        )
        .unwrap();
    let answer = get(addr, "/ready").await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("\"spool\":\"starting\""),
        "{answer}"
    );
    check.pass();
    assert!(get(addr, "/ready").await.starts_with("HTTP/1.1 200"));
    assert!(get(addr, "/live").await.starts_with("HTTP/1.1 200"));
    assert!(
        get(addr, "/metrics")
            .await
            .contains("elixirscope_tasks{kind=\"http\"} 1")
    );
    let error = HttpServer::bind(addr, axum::Router::new(), registry, readiness)
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::AddressInUse(a) if a == addr));
    tasks.shutdown(Duration::from_secs(5)).await;
    assert_eq!(tasks.running(), 0);
}

/// Guarantee: reverse order of start; a panic is counted and harms no other; a deaf task is aborted.
#[tokio::test]
async fn supervisor() {
    let registry = Registry::new();
    let tasks = Tasks::new(&registry).unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    for n in 0..3 {
        let order = Arc::clone(&order);
        tasks
            .spawn(TaskKind::NodeSession, move |stop| async move {
                stop.cancelled().await;
                order.lock().push(n);
            })
            .unwrap();
    }
    tasks
        .spawn(TaskKind::Spooler, |_| std::future::pending())
        .unwrap();
    tasks
        .spawn(TaskKind::Uplink, |_| async { panic!("planned") })
        .unwrap();
    while tasks.running() > 4 {
        tokio::task::yield_now().await;
    }
    let text = host::metrics::text(&registry);
    assert!(
        text.contains("elixirscope_task_panics_total{kind=\"uplink\"} 1"),
        "{text}"
    );
    tasks.shutdown(Duration::from_millis(50)).await;
    assert_eq!(*order.lock(), vec![2, 1, 0]);
    assert!(tasks.spawn(TaskKind::Http, |_| async {}).is_err());
    assert!(host::metrics::text(&registry).contains("elixirscope_tasks{kind=\"node_session\"} 0"));
}
