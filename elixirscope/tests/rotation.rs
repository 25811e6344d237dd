//! Certificates that change while events come in: two members and an agent, each a process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    clippy::too_many_lines,
    unreachable_pub,
    dead_code,
    reason = "tests"
)]

#[path = "../../agent/tests/support/node.rs"]
mod node;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use node::Node;
use serde_json::Value;
use testbed::{AgentOptions, Bed, Child, wait_for};

const SOON: Duration = Duration::from_mins(1);

/// Scenario: two members with two copies of each shard, an agent, and a node whose events come all the time; the certificates of all are
/// replaced by those of another authority in three steps; SIGHUP; then the member of the agent restarts, so that everything connects anew.
/// Guarantee: nobody else restarts, each reads its files at each step and at SIGHUP; what the node was told is stored is stored, on both, once;
/// the metric says when the new certificate ends.
#[test]
fn events_come_in_while_certificates_change() -> Result<()> {
    let program = Path::new(env!("CARGO_BIN_EXE_elixirscope"));
    let folder = tempfile::tempdir()?;
    let [tls, old, new] = ["tls", "old", "new"].map(|name| folder.path().join(name));
    for made in [&old, &new] {
        transport::tls::dev_ca(made)?;
    }
    std::fs::create_dir(&tls)?;
    let own = ["member.key", "member.pem", "agent.key", "agent.pem"];
    let copy = |from: &Path, files: &[&str]| -> Result<()> {
        for file in files {
            std::fs::copy(from.join(file), tls.join(file))?;
        }
        Ok(())
    };
    copy(&old, &["ca.pem"])?;
    copy(&old, &own)?;
    let shared = ["--no-otlp", "--tls", tls.to_str().unwrap()];
    let beds = [Bed::new(program)?, Bed::new(program)?];
    let first = beds[0].up(false, &[&shared[..], &["--replicas", "2"]].concat())?;
    let through = beds[0].quic_address();
    let second = beds[1].up(false, &[&shared[..], &["--join", &through]].concat())?;
    beds[0].door().until_copies(2, SOON)?;
    let agent = beds[0].agent(&AgentOptions {
        args: vec!["--tls".to_owned(), tls.to_str().unwrap().to_owned()],
    })?;
    let (ends, socket) = (Arc::new(AtomicBool::new(false)), beds[0].socket());
    let over = Arc::clone(&ends);
    let node = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut node = Node::connect(&socket, 1).await;
            let mut next = 1;
            while !over.load(Ordering::Relaxed) {
                node.chunk(next..=next + 19, &[]).await.unwrap();
                next += 20;
                node.until_stored(next - 1).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            next - 1
        })
    });
    let agent_held = |agent: &Child, what: &str| agent.output().matches(what).count();
    let read_again = |running: &[&Child], times: usize| {
        wait_for("all read their certificates again", SOON, || {
            let counts = running
                .iter()
                .map(|child| agent_held(child, "certificates were read again"));
            Ok(counts.into_iter().all(|count| count >= times).then_some(()))
        })
    };
    let authorities =
        std::fs::read_to_string(old.join("ca.pem"))? + &std::fs::read_to_string(new.join("ca.pem"))?;
    std::fs::write(tls.join("ca.pem"), authorities)?;
    let all = [&first, &second, &agent];
    read_again(&all, 1)?;
    copy(&new, &own)?;
    wait_for("all show the new ones", SOON, || {
        let new_end = |role| transport::Identity::from_dir(&new, role).map(|of| of.ends().certificate as f64);
        let shown = |door: testbed::Door, what: &str| {
            door.metric(
                "elixirscope_certificate_expires_seconds",
                &[&format!("certificate=\"{what}\"")],
            )
        };
        let member = new_end(transport::Role::Member)?;
        let mut same =
            shown(beds[0].door(), "member")? == member && shown(beds[1].door(), "member")? == member;
        same &= shown(beds[0].agent_door(), "agent")? == new_end(transport::Role::Agent)?;
        Ok(same.then_some(()))
    })?;
    copy(&new, &["ca.pem"])?;
    let before: Vec<usize> = all
        .map(|child| agent_held(child, "certificates were read again"))
        .into();
    wait_for("the old authority is forgotten", SOON, || {
        let mut counts = all.iter().zip(&before);
        let grown = counts.all(|(child, before)| agent_held(child, "certificates were read again") > *before);
        Ok(grown.then_some(()))
    })?;
    let before: Vec<usize> = all
        .map(|child| agent_held(child, "certificates were read again"))
        .into();
    // Nothing changes any more: what is read now is read because of the signal.
    for child in all {
        child.signal(rustix::process::Signal::HUP);
    }
    wait_for("all read them at SIGHUP", SOON, || {
        let mut counts = all.iter().zip(&before);
        let grown = counts.all(|(child, before)| agent_held(child, "certificates were read again") > *before);
        Ok(grown.then_some(()))
    })?;
    let mut first = first;
    first.stop()?;
    let _again = beds[0].up(false, &shared)?;
    wait_for("the agent is back", SOON, || {
        let connected = beds[0].agent_door().metric("elixirscope_agent_connected", &[])?;
        Ok((connected == 1.0).then_some(()))
    })?;
    ends.store(true, Ordering::Relaxed);
    let sent = node.join().unwrap();
    let stored = wait_for("everything is on both", SOON, || {
        let audit = beds[0].door().json("/api/v1/audit")?;
        let whole = |of: &Value| of["events"] == sent && of["duplicates"] == 0 && of["missing_batches"] == 0;
        Ok((whole(&audit)
            && audit["others"]
                .as_array()
                .is_some_and(|of| of.len() == 1 && of.iter().all(whole)))
        .then_some(audit))
    });
    stored.with_context(|| {
        let audit = beds[0].door().json("/api/v1/audit");
        format!("{sent} events were sent: {audit:?}")
    })?;
    Ok(())
}
