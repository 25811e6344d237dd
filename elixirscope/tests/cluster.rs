//! Several members as processes: `up` joins `up`, a collector joins, the map grows, a disk is lost, what was agreed is written to a file and
//! restored; and what the one door says to who must not come in.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use testbed::{Bed, Child, wait_for};

const SOON: Duration = Duration::from_mins(1);

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_elixirscope"))
}

/// What a command says, if it succeeds.
fn said(command: &mut Command) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output()?;
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    ensure!(status.success(), "{command:?}: {stderr}");
    Ok(String::from_utf8(stdout)? + &stderr)
}

/// What a command says, if it fails.
fn refused(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success() && !text.contains("panicked"), "{text}");
    Ok(text)
}

fn json(bed: &Bed, args: &[&str]) -> Result<Value> {
    let text = said(
        bed.program(&[args, &["--json"]].concat())
            .env("ELIXIRSCOPE_LOG", "off"),
    )?;
    serde_json::from_str(&text).with_context(|| text.clone())
}

/// Beds that share the certificates of the first, and the members in them.
struct Members {
    beds: Vec<Bed>,
    running: Vec<Option<Child>>,
}

impl Members {
    fn found(replicas: &str) -> Result<Self> {
        let bed = Bed::new(program())?;
        let first = bed.up(false, &["--no-otlp", "--replicas", replicas, "--zone", "z0"])?;
        Ok(Self {
            beds: vec![bed],
            running: vec![Some(first)],
        })
    }

    /// One more member joins, through the last one.
    fn join(&mut self, more: &[&str]) -> Result<()> {
        let bed = Bed::new(program())?;
        let tls = self.beds[0].path().join("data/tls");
        let through = self.beds.last().unwrap().quic_address();
        let (zone, name) = (format!("z{}", self.beds.len()), format!("m{}", self.beds.len()));
        let args = [
            &["--no-otlp", "--join", &through, "--zone", &zone][..],
            &["--name", &name, "--tls"][..],
            &[tls.to_str().unwrap()][..],
            more,
        ];
        self.running.push(Some(bed.up(false, &args.concat())?));
        self.beds.push(bed);
        Ok(())
    }

    fn status(&self, of: usize) -> Result<Value> {
        json(&self.beds[of], &["cluster", "status"])
    }

    fn until(&self, of: usize, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut last = Value::Null;
        let found = wait_for(what, SOON, || {
            last = self.status(of)?;
            Ok(holds(&last).then(|| last.clone()))
        });
        found.with_context(|| last.to_string())
    }
}

fn ids(of: &Value) -> Vec<u64> {
    of.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect()
}

/// Of three members: all is well; then the third is killed.
fn the_doctor_knows_the_others(members: &mut Members) -> Result<()> {
    let bed = &members.beds[0];
    let looked: Vec<Value> = serde_json::from_str(&said(
        bed.program(&["doctor", "--json"]).env("ELIXIRSCOPE_LOG", "off"),
    )?)?;
    let of = |check: &str| looked.iter().find(|finding| finding["check"] == check).cloned();
    for (check, text) in [
        ("quorum", "3 vote, member 1 leads, 1 may go"),
        ("member 2", "clocks agree within"),
        ("member 3", "its certificate ends in"),
        ("certificates", "member ends in"),
    ] {
        let found = of(check).with_context(|| check.to_owned())?;
        let seen = found["seen"].as_str().unwrap();
        // The machine's disk may be nearly full.
        assert!(found["verdict"] != "fail" && seen.contains(text), "{found}");
    }
    members.running[2].take().unwrap().kill()?;
    let dead = bed.program(&["doctor"]).output()?;
    let dead = String::from_utf8(dead.stdout)?;
    assert!(
        dead.contains("FAIL  member 3")
            && (dead.contains("cannot be reached") || dead.contains("did not answer in time")),
        "{dead}"
    );
    Ok(())
}

/// Scenario: three `up` and a coordinator join one after the other, each through the last; the fourth is removed; who changed what is asked. A
/// member without the cluster's certificates, and a collector that names no member, start.
/// Guarantee: three voters with zones, each door answers; a removed member stays in the list and is told so; the audit log has all in order; the two
/// say what to do.
#[test]
fn members_join_and_leave() -> Result<()> {
    let mut members = Members::found("1")?;
    for _ in 0..2 {
        members.join(&[])?;
    }
    let status = members.until(2, "three voters", |s| {
        s["group"]["voters"].as_array().unwrap().len() == 3
    })?;
    assert_eq!(ids(&status["group"]["voters"]), [1, 2, 3]);
    let zones: Vec<_> = status["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["zone"].clone())
        .collect();
    assert_eq!(zones, ["z0", "z1", "z2"]);
    let bed = &members.beds[0];
    let holds = refused(&mut bed.program(&["cluster", "remove", "1"]))?;
    assert!(holds.contains("drain it first"), "{holds}");
    said(&mut members.beds[1].program(&["cluster", "weight", "3", "50"]))?;
    said(&mut members.beds[2].program(&["cluster", "replicas", "2"]))?;
    said(&mut members.beds[2].program(&["cluster", "replicas", "1"]))?;
    let audit = json(&members.beds[2], &["cluster", "audit"])?;
    let mut seen = String::new();
    for entry in audit["entries"].as_array().unwrap() {
        writeln!(
            seen,
            "{}: {}",
            entry["who"].as_str().unwrap(),
            entry["what"].as_str().unwrap()
        )?;
    }
    for line in [
        "member m1: member m1 joined: coordinates collects, zone \"z1\"",
        "weight 100 -> 50",
        "copies of each shard: 1 -> 2",
        "copies of each shard: 2 -> 1",
    ] {
        assert!(seen.contains(line), "{line} is not in\n{seen}");
    }
    let alone = Bed::new(program())?;
    let mut stranger = alone.program(&[
        "up",
        "--no-agent",
        "--no-otlp",
        "--http",
        "127.0.0.1:0",
        "--quic",
        "127.0.0.1:0",
    ]);
    stranger
        .arg("--data")
        .arg(alone.path().join("x"))
        .args(["--join", &bed.quic_address()]);
    assert!(refused(&mut stranger)?.contains("add --tls"));
    let mut lonely = alone.program(&[
        "collector",
        "--no-otlp",
        "--http",
        "127.0.0.1:0",
        "--quic",
        "127.0.0.1:0",
    ]);
    lonely.arg("--data").arg(alone.path().join("y"));
    assert!(refused(&mut lonely)?.contains("founds no cluster"));
    let mut nowhere = alone.program(&[
        "up",
        "--no-otlp",
        "--http",
        "127.0.0.1:0",
        "--quic",
        "0.0.0.0:0",
        "--replicas",
        "3",
    ]);
    nowhere.arg("--data").arg(alone.path().join("z"));
    assert!(refused(&mut nowhere)?.contains("add --advertise HOST:PORT"));
    let table = said(&mut bed.program(&["cluster", "map"]))?;
    assert!(
        table.lines().count() == 67 && table.contains("moves to"),
        "{table}"
    );
    the_doctor_knows_the_others(&mut members)?;
    let bed = &members.beds[0];
    let join = said(&mut bed.program(&["cluster", "join"]))?;
    assert!(join.contains(&format!("--join {}", bed.quic_address())), "{join}");
    Ok(())
}

/// Scenario: a version is published in a cluster of two; a snapshot is written; it is damaged, cut, restored over a folder with a coordinator,
/// restored as a copy, and as the same cluster. Guarantee: what is broken is refused and says why; what is restored has the version and its
/// sources, is a cluster of one under a new id, or the old one, and its audit log says where it is from.
#[test]
fn a_snapshot_is_restored() -> Result<()> {
    let mut members = Members::found("1")?;
    members.join(&[])?;
    let bed = &members.beds[0];
    let project = bed.path().join("project");
    std::fs::create_dir_all(project.join("lib"))?;
    std::fs::write(
        project.join("mix.exs"),
        "defmodule Shop.MixProject do\n  use Mix.Project\nend\n",
    )?;
    std::fs::write(project.join("lib/a.ex"), "defmodule A do\n  def a, do: 41\nend\n")?;
    said(bed.program(&["sync", "--project", "shop"]).arg(&project))?;
    let file = bed.path().join("snapshot");
    let written = said(
        members.beds[1]
            .program(&["cluster", "snapshot", "--to"])
            .arg(&file),
    )?;
    assert!(written.contains("1 versions"), "{written}");
    let again = refused(
        members.beds[1]
            .program(&["cluster", "snapshot", "--to"])
            .arg(&file),
    )?;
    assert!(again.contains("exists already"), "{again}");
    let old = members.status(0)?["cluster"]["id"].as_str().unwrap().to_owned();
    let bytes = std::fs::read(&file)?;
    let restore = |bed: &Bed, bytes: &[u8], more: &[&str]| -> Result<Command> {
        let file = bed.path().join("given");
        std::fs::write(&file, bytes)?;
        let mut command = bed.program(&["cluster", "restore"]);
        command
            .arg(&file)
            .arg("--data")
            .arg(bed.path().join("data"))
            .args(more);
        Ok(command)
    };
    let broken = Bed::new(program())?;
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let cut = bytes.get(..bytes.len() - 1).unwrap();
    for bad in [cut, &flipped, b"no snapshot at all"] {
        let why = refused(&mut restore(&broken, bad, &[])?)?;
        assert!(why.contains("not whole"), "{why}");
    }
    for (more, same) in [(&[][..], false), (&["--same-id"][..], true)] {
        let copy = Bed::new(program())?;
        said(&mut restore(&copy, &bytes, more)?)?;
        assert!(refused(&mut restore(&copy, &bytes, more)?)?.contains("has a coordinator already"));
        let _member = copy.up(false, &["--no-otlp"])?;
        let status = json(&copy, &["cluster", "status"])?;
        assert_eq!(status["cluster"]["id"] == old.as_str(), same, "{status}");
        assert_eq!(
            (ids(&status["group"]["voters"]), &status["counts"]["versions"]),
            (vec![3], &Value::from(1))
        );
        let removed: Vec<_> = status["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["removed"] == true)
            .collect();
        assert_eq!(removed, [true, true, false]);
        let all = || {
            let map = json(&copy, &["cluster", "map"])?;
            let shards = map["shards"].as_array().unwrap().clone();
            Ok(shards.iter().all(|s| ids(&s["holders"]) == [3]).then_some(()))
        };
        wait_for("the new member holds all shards", SOON, all)?;
        let audit = said(&mut copy.program(&["cluster", "audit"]))?;
        assert!(
            audit.contains(&format!("restored from a snapshot of cluster {old}")),
            "{audit}"
        );
        let versions = copy.door().text("/api/v1/versions")?;
        assert!(versions.contains("shop"), "{versions}");
    }
    Ok(())
}

/// Scenario: of a member alone a snapshot is written; its coordinator's folder is lost; the snapshot is restored as the same cluster and the same
/// member, with the collector's folder that it had; another one is restored as a member that there never was. Guarantee: it goes on as that member:
/// ready, its disk counts, it holds all shards, the cluster has its id and its version; a member that is not in the snapshot is refused.
#[test]
fn a_member_goes_on_with_its_events() -> Result<()> {
    let bed = Bed::new(program())?;
    let mut member = bed.up(false, &["--no-otlp"])?;
    let project = bed.path().join("project");
    std::fs::create_dir_all(project.join("lib"))?;
    std::fs::write(
        project.join("mix.exs"),
        "defmodule S.MixProject do\n  use Mix.Project\nend\n",
    )?;
    std::fs::write(project.join("lib/a.ex"), "defmodule A do\n  def a, do: 41\nend\n")?;
    said(bed.program(&["sync", "--project", "shop"]).arg(&project))?;
    let file = bed.path().join("snapshot");
    said(bed.program(&["cluster", "snapshot", "--to"]).arg(&file))?;
    let old = json(&bed, &["cluster", "status"])?["cluster"]["id"].clone();
    member.stop()?;
    let data = bed.path().join("data");
    std::fs::remove_dir_all(data.join("coordinator"))?;
    let restore = |member: &str| {
        let mut command = bed.program(&["cluster", "restore"]);
        command.arg(&file).arg("--data").arg(&data);
        command.args(["--same-id", "--member", member]);
        command
    };
    let stranger = refused(&mut restore("7"))?;
    assert!(stranger.contains('7'), "{stranger}");
    said(&mut restore("1"))?;
    let _again = bed.up(false, &["--no-otlp"])?;
    let status = json(&bed, &["cluster", "status"])?;
    assert_eq!(status["cluster"]["id"], old);
    assert_eq!(ids(&status["group"]["voters"]), [1]);
    let map = json(&bed, &["cluster", "map"])?;
    assert!(
        map["shards"]
            .as_array()
            .unwrap()
            .iter()
            .all(|s| ids(&s["holders"]) == [1]),
        "{map}"
    );
    assert!(bed.door().text("/api/v1/versions")?.contains("shop"));
    Ok(())
}

/// Scenario: at a coordinator's door, and at an `up`'s: an agent's certificate, a member's that asks nothing that there is.
/// Guarantee: the agent is told that only members may call a coordinator; strange streams end, and the door goes on.
#[test]
fn who_must_not_come_in() -> Result<()> {
    let bed = Bed::new(program())?;
    let _up = bed.up(false, &["--no-otlp"])?;
    let tls = bed.path().join("data/tls");
    let other = Bed::new(program())?;
    let mut command = other.program(&[
        "coordinator",
        "--http",
        "127.0.0.1:0",
        "--join",
        &bed.quic_address(),
    ]);
    command
        .arg("--quic")
        .arg(other.quic_address())
        .arg("--tls")
        .arg(&tls);
    command.arg("--data").arg(other.path().join("data"));
    let _coordinator = Child::start("coordinator", &mut command, &other.path().join("log"))?;
    let agent = transport::Identity::from_dir(&tls, transport::Role::Agent)?;
    let member = transport::Identity::from_dir(&tls, transport::Role::Member)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let client = transport::Client::new(&agent)?;
        let name = transport::tls::DEV_SERVER_NAME;
        let mut closed = String::new();
        for _ in 0..200 {
            if let Ok(connection) = client.connect(other.quic_address().parse()?, name).await {
                closed = connection.closed().await.to_string();
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ensure!(closed.contains("only members may call coordinators"), "{closed}");
        let client = transport::Client::new(&member)?;
        let connection = client.connect(bed.quic_address().parse()?, name).await?;
        for first in [&[200_u8, 1, 2][..], &[1], &[]] {
            let (send, receive) = connection.open_bi().await?;
            let mut writer = transport::MessageWriter::new(send, 100);
            if !first.is_empty() {
                writer.write(first).await?;
            }
            writer.finish().await?;
            let answer = transport::MessageReader::new(receive, 1 << 20).next().await;
            match (first, answer) {
                (&[1], Ok(Some(refusal))) => ensure!(refusal.first() == Some(&1), "{refusal:?}"),
                (&[1], other) => bail!("{other:?}"),
                (_, Ok(Some(answer))) => bail!("answered: {answer:?}"),
                _ => {}
            }
        }
        ensure!(connection.is_open());
        anyhow::Ok(())
    })?;
    assert!(bed.door().ready());
    Ok(())
}

/// Scenario: the certificates of three members that share a folder are replaced by those of another authority, in three steps, while changes are
/// proposed at all of them. Guarantee: no change is lost, nobody restarts; then the new authority's certificates open the doors and the old
/// one's do not; a member that restarts joins the others with the new ones.
#[test]
fn certificates_change_while_members_run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let [tls, old, new] = ["tls", "old", "new"].map(|name| folder.path().join(name));
    for made in [&old, &new] {
        transport::tls::dev_ca(made)?;
    }
    std::fs::create_dir(&tls)?;
    let copy = |from: &Path, file: &str| std::fs::copy(from.join(file), tls.join(file));
    for file in ["ca.pem", "member.key", "member.pem"] {
        copy(&old, file)?;
    }
    let shared = ["--no-otlp", "--tls", tls.to_str().unwrap()];
    let bed = Bed::new(program())?;
    let mut members = Members {
        running: vec![Some(bed.up(false, &shared)?)],
        beds: vec![bed],
    };
    for _ in 0..2 {
        members.join(&shared)?;
    }
    members.until(0, "three voters", |s| {
        s["group"]["voters"].as_array().unwrap().len() == 3
    })?;
    let mut weight = 0_u64;
    let mut change = |members: &Members| -> Result<()> {
        for bed in &members.beds {
            weight += 1;
            said(&mut bed.program(&["cluster", "weight", "2", &weight.to_string()]))?;
        }
        Ok(())
    };
    let read_again = |members: &Members, times: usize, change: &mut dyn FnMut(&Members) -> Result<()>| {
        wait_for("all read their certificates again", SOON, || {
            change(members)?;
            let mut outputs = members.running.iter().flatten().map(Child::output);
            Ok(outputs
                .all(|text| text.matches("certificates were read again").count() >= times)
                .then_some(()))
        })
    };
    let authorities =
        std::fs::read_to_string(old.join("ca.pem"))? + &std::fs::read_to_string(new.join("ca.pem"))?;
    std::fs::write(tls.join("ca.pem"), authorities)?;
    read_again(&members, 1, &mut change)?;
    copy(&new, "member.key")?;
    copy(&new, "member.pem")?;
    read_again(&members, 2, &mut change)?;
    copy(&new, "ca.pem")?;
    read_again(&members, 3, &mut change)?;
    members.running[2].take().unwrap().stop()?;
    let again = members.beds[2].up(false, &shared)?;
    members.running[2] = Some(again);
    change(&members)?;
    let runtime = tokio::runtime::Runtime::new()?;
    for (of, gets_in) in [(&new, true), (&old, false)] {
        let identity = transport::Identity::from_dir(of, transport::Role::Member)?;
        let addr = members.beds[0].quic_address().parse()?;
        let connects = runtime.block_on(async {
            let client = transport::Client::new(&identity)?;
            anyhow::Ok(
                client
                    .connect(addr, transport::tls::DEV_SERVER_NAME)
                    .await
                    .is_ok(),
            )
        })?;
        assert_eq!(connects, gets_in, "{}", of.display());
    }
    let audit = json(&members.beds[0], &["cluster", "audit"])?;
    let weights = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["what"].as_str().unwrap().contains("weight"));
    // One that sets what is set already is none.
    assert_eq!(weights.count() as u64, weight);
    Ok(())
}

/// Scenario: three members that want three copies; one is killed, and comes back; a fourth joins; one is drained and removed; one's disk is lost.
/// Guarantee: each shard has three copies on members that are there each time, by itself; with one killed the cluster goes on; the drained
/// one holds nothing and goes.
#[test]
fn each_shard_has_three_copies() -> Result<()> {
    let mut members = Members::found("3")?;
    for _ in 0..2 {
        members.join(&[])?;
    }
    let settled = |s: &Value, on: &[u64]| {
        let map = &s["shard_map"];
        let holders = map["holders"].as_array().unwrap();
        let right = |h: &Value| ids(h).len() == 3 && ids(h).iter().all(|m| on.contains(m));
        map["moving"].as_array().unwrap().is_empty() && holders.len() == 64 && holders.iter().all(right)
    };
    members.until(0, "three copies", |s| settled(s, &[1, 2, 3]))?;
    let text = said(&mut members.beds[0].program(&["cluster", "status"]))?;
    assert!(text.contains("3 copies of each shard, 0 shards moving"), "{text}");
    members.running[0].take().unwrap().kill()?;
    members.until(1, "another leader", |s| {
        matches!(s["group"]["leader"].as_u64(), Some(2 | 3))
    })?;
    said(&mut members.beds[2].program(&["cluster", "weight", "2", "90"]))?;
    let back = members.beds[0].up(false, &["--no-otlp"])?;
    members.running[0] = Some(back);
    members.join(&[])?;
    said(&mut members.beds[0].program(&["cluster", "drain", "2", "--wait"]))?;
    members.until(3, "three copies without the drained one", |s| {
        settled(s, &[1, 3, 4])
    })?;
    said(&mut members.beds[3].program(&["cluster", "remove", "2"]))?;
    members.running[1].take().unwrap().stop()?;
    members.join(&[])?;
    members.running[2].take().unwrap().kill()?;
    said(&mut members.beds[0].program(&["cluster", "remove", "3", "--lost"]))?;
    let status = members.until(4, "three copies without the lost one", |s| settled(s, &[1, 4, 5]))?;
    let removed: Vec<_> = status["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["removed"] == true)
        .collect();
    assert_eq!(removed, [false, true, true, false, false]);
    Ok(())
}
