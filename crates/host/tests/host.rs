//! The HTTP door; the supervisor.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use host::{HttpError, HttpServer, Readiness, Registry, TaskKind, Tasks};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
