//! A member whose clock is ten minutes ahead, beside one whose clock is right: a process each (libfaketime).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    dead_code,
    reason = "tests"
)]

#[path = "../../agent/tests/support/node.rs"]
mod node;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use node::Node;
use serde_json::Value;
use testbed::{AgentOptions, Bed, Launcher, wait_for};

const SOON: Duration = Duration::from_mins(1);
/// Events that go to each member.
const EVENTS: u64 = 400;

fn faketime() -> Option<PathBuf> {
    let mut folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    folders
        .find_map(|folder| Some(folder.path().join("faketime/libfaketime.so.1")).filter(|lib| lib.is_file()))
}

/// Scenario: two members with two copies of each shard, the second one's clock ten minutes ahead; events come to both. Guarantee: everything is
/// stored on both, once; the doctor names the member and how far its clock is off, and the second one's agent shows it as a metric, on which an
/// alert hangs; an answer from the first is whole.
#[test]
fn a_clock_ten_minutes_ahead_is_named_and_harms_nobody() -> Result<()> {
    let Some(faketime) = faketime() else {
        println!("not run: libfaketime is not installed");
        return Ok(());
    };
    let program = Path::new(env!("CARGO_BIN_EXE_elixirscope"));
    let mut beds = [Bed::new(program)?, Bed::new(program)?];
    let _first = beds[0].up(false, &["--no-otlp", "--replicas", "2"])?;
    let env = [
        ("LD_PRELOAD", faketime.to_str().unwrap()),
        ("FAKETIME", "+600"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DONT_RESET", "1"),
    ];
    beds[1].launch(Launcher {
        before: Vec::new(),
        env: env
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    });
    let tls = beds[0].path().join("data/tls");
    let tls = tls.to_str().unwrap();
    let join = [
        "--no-otlp",
        "--tls",
        tls,
        "--name",
        "ahead",
        "--join",
        &beds[0].quic_address(),
    ];
    let _second = beds[1].up(false, &join)?;
    beds[0].door().until_copies(2, SOON)?;
    let options = AgentOptions {
        args: vec!["--tls".to_owned(), tls.to_owned()],
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut agents = Vec::new();
    for (bed, number) in beds.iter().zip(1..) {
        agents.push(bed.agent(&options)?);
        let socket = bed.socket();
        runtime.block_on(async {
            let mut node = Node::connect(&socket, number).await;
            for first in (1..EVENTS).step_by(20) {
                node.chunk(first..=first + 19, &[]).await.unwrap();
            }
            node.until_stored(EVENTS).await;
        });
    }
    wait_for("everything is on both, once", SOON, || {
        let audit = beds[0].door().json("/api/v1/audit")?;
        let whole =
            |of: &Value| of["events"] == 2 * EVENTS && of["duplicates"] == 0 && of["missing_batches"] == 0;
        let others = audit["others"].as_array().context("no others")?;
        Ok((whole(&audit) && others.len() == 1 && others.iter().all(whole)).then_some(()))
    })?;
    let doctor = beds[0]
        .program(&["doctor", "--json"])
        .env("ELIXIRSCOPE_LOG", "off")
        .output()?;
    let found: Vec<Value> = serde_json::from_slice(&doctor.stdout)?;
    let named = |of: &&Value| {
        of["seen"]
            .as_str()
            .is_some_and(|seen| seen.contains("its clock is 6"))
    };
    let ahead = found.iter().find(named).with_context(|| format!("{found:?}"))?;
    assert_eq!(ahead["verdict"], "warn", "{ahead}");
    assert!(
        ahead["seen"].as_str().is_some_and(|seen| seen.contains("ahead")),
        "{ahead}"
    );
    wait_for(
        "the second agent shows how far its member's clock is off",
        SOON,
        || {
            let off = beds[1]
                .agent_door()
                .metric("elixirscope_agent_clock_offset_microseconds", &[])?;
            Ok((off.abs() > 590e6).then_some(()))
        },
    )?;
    let near = beds[0]
        .agent_door()
        .metric("elixirscope_agent_clock_offset_microseconds", &[])?;
    assert!(near.abs() < 10e6, "the first one's is right: {near}");
    let traces = beds[0].door().json("/api/v1/traces?limit=5")?;
    assert!(traces["missing"].as_array().is_none_or(Vec::is_empty), "{traces}");
    Ok(())
}
