//! A collector and a node for tests: real QUIC and a real Unix socket, memory instead of a store.

#![allow(dead_code, missing_docs, missing_debug_implementations, unreachable_pub)]

pub mod collector;
pub mod node;
pub mod relay;
pub mod running;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::AgentConfig;
pub use collector::Collector;
pub use node::Node;
use transport::tls::{DEV_SERVER_NAME, dev_ca};
use transport::{Identity, Role};

pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_mins(1), wait).await.is_ok(),
        "not within 60 s: {what}"
    );
}

pub fn config(dir: &Path, collector: SocketAddr) -> AgentConfig {
    dev_ca(&dir.join("tls")).unwrap();
    AgentConfig {
        name: "test".into(),
        socket_path: socket(dir),
        data_dir: dir.join("agent"),
        collectors: vec![collector.to_string()],
        server_name: DEV_SERVER_NAME.into(),
        identity: Identity::from_dir(&dir.join("tls"), Role::Agent).unwrap(),
        allowed_uids: vec![],
        spool_bytes_max: AgentConfig::SPOOL_BYTES_MAX,
        flush: Duration::from_millis(5),
    }
}

pub fn socket(dir: &Path) -> PathBuf {
    dir.join("node.sock")
}
