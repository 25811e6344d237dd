//! Three coordinators as processes, whose leader is killed again and again while versions are published: a new leader soon, and every
//! version that was acknowledged known to all in the end. `ELIXIRSCOPE_LEADER_KILLS` says how often.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use codegraph::{ContentHash, FileEntry, Manifest, SourceHash};
use serde_json::Value;
use testbed::{Child, Door, wait_for};

const SOON: Duration = Duration::from_secs(30);

/// A coordinator that is killed and started again in its folder, on its ports.
struct Place {
    name: &'static str,
    http: u16,
    quic: u16,
    running: Option<Child>,
}

impl Place {
    fn new(name: &'static str) -> Self {
        let http = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let quic = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        Self {
            name,
            http,
            quic,
            running: None,
        }
    }

    fn door(&self) -> Door {
        Door {
            url: format!("http://127.0.0.1:{}", self.http),
        }
    }

    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_elixirscope"));
        command
            .env("ELIXIRSCOPE_URL", self.door().url)
            .env("NO_COLOR", "1");
        command
    }

    fn start(&mut self, folder: &Path, join: Option<u16>) {
        let mut command = self.program();
        command
            .arg("coordinator")
            .arg("--data")
            .arg(folder.join(self.name));
        command
            .arg("--tls")
            .arg(folder.join("tls"))
            .args(["--name", self.name]);
        command.arg("--http").arg(format!("127.0.0.1:{}", self.http));
        command.arg("--quic").arg(format!("127.0.0.1:{}", self.quic));
        if let Some(join) = join {
            command.arg("--join").arg(format!("127.0.0.1:{join}"));
        }
        let log = folder.join(format!("{}.log", self.name));
        self.running = Some(Child::start(self.name, &mut command, &log).unwrap());
    }

    /// What it says of the cluster.
    fn status(&self) -> Option<Value> {
        let output = self
            .program()
            .args(["cluster", "status", "--json"])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Its member id, and whom it takes for the leader.
    fn leader(&self) -> Option<(u64, u64)> {
        let status = self.status()?;
        Some((
            status["this_member"].as_u64()?,
            status["group"]["leader"].as_u64()?,
        ))
    }

    /// Publishes a version of one file; was it acknowledged?
    fn publish(&self, n: u64) -> bool {
        let (source, document) = (format!("# {n}\n"), format!("document {n}"));
        let file = FileEntry {
            path: "lib/a.ex".into(),
            source: SourceHash::of(source.as_bytes()),
            source_blob: ContentHash::of(source.as_bytes()),
            document: ContentHash::of(document.as_bytes()),
            size: source.len() as u32,
        };
        let api = format!("{}/api/v1", self.door().url);
        let put = |text: &str| {
            let hash = ContentHash::of(text.as_bytes());
            ureq::put(format!("{api}/blobs/{hash}"))
                .send(text.as_bytes())
                .is_ok()
        };
        let manifest = Manifest::new("shop", vec![file]).encode();
        put(&source) && put(&document) && ureq::post(format!("{api}/versions")).send(&manifest[..]).is_ok()
    }
}

/// Scenario: see above; the killed leader comes back each time. Guarantee: a leader within ten seconds each time (printed: the slowest
/// and the median), all that was acknowledged is known to all three, member ids stay, a fourth that is removed stays out.
#[test]
fn leaders_are_killed_and_nothing_agreed_is_lost() {
    let kills: usize = std::env::var("ELIXIRSCOPE_LEADER_KILLS").map_or(5, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    transport::tls::dev_ca(&folder.path().join("tls")).unwrap();
    let mut places = ["a", "b", "c"].map(Place::new);
    let first = places[0].quic;
    for (n, place) in places.iter_mut().enumerate() {
        place.start(folder.path(), (n > 0).then_some(first));
        wait_for("a ready coordinator", SOON, || {
            Ok(place.door().ready().then_some(()))
        })
        .unwrap();
    }
    let mut times = Vec::new();
    let mut acknowledged = 0;
    for kill in 0..kills as u64 {
        let led = wait_for("a leader", SOON, || {
            Ok(places
                .iter()
                .find_map(|p| p.leader().filter(|(id, leader)| id == leader)))
        });
        let (leader, _) = led.unwrap();
        let at = places
            .iter()
            .position(|p| p.leader().is_some_and(|(id, _)| id == leader))
            .unwrap();
        places[at].running.take().unwrap().kill().unwrap();
        let killed = Instant::now();
        let others: Vec<&Place> = (1..3).map(|i| &places[(at + i) % 3]).collect();
        let other = |p: &&Place| p.leader().is_some_and(|(_, l)| l != leader);
        wait_for("a new leader", SOON, || {
            Ok(others.iter().all(other).then_some(()))
        })
        .unwrap();
        times.push(killed.elapsed());
        for (n, place) in (0..).zip(&others) {
            wait_for("a publication", SOON, || {
                Ok(place.publish(kill * 10 + n).then_some(()))
            })
            .unwrap();
            acknowledged += 1;
        }
        places[at].start(folder.path(), None);
        wait_for("its return", SOON, || Ok(places[at].door().ready().then_some(()))).unwrap();
        assert_eq!(
            places[at].leader().unwrap().0,
            leader,
            "a folder keeps its member id"
        );
    }
    times.sort();
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{kills} leaders killed: new leader after {} ms (median), {} ms (slowest)",
        median.as_millis(),
        slowest.as_millis()
    );
    assert!(slowest < Duration::from_secs(10));
    for place in &places {
        let all = || {
            Ok((place
                .status()
                .is_some_and(|s| s["counts"]["versions"] == acknowledged))
            .then_some(()))
        };
        wait_for("all that was published", SOON, all).unwrap();
    }
    removed_stays_out(&places, folder.path(), first);
}

/// A fourth member joins, is removed, and comes back with its folder.
fn removed_stays_out(places: &[Place; 3], folder: &Path, first: u16) {
    let mut fourth = Place::new("d");
    fourth.start(folder, Some(first));
    wait_for("the fourth", SOON, || Ok(fourth.door().ready().then_some(()))).unwrap();
    let remove = places[1]
        .program()
        .args(["cluster", "remove", "4"])
        .output()
        .unwrap();
    assert!(
        remove.status.success(),
        "{}",
        String::from_utf8_lossy(&remove.stderr)
    );
    let text = places[2].program().args(["cluster", "status"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    println!("{text}");
    assert!(
        text.lines().any(|l| l.starts_with("4 ") && l.contains("removed")),
        "{text}"
    );
    let twice = places[1]
        .program()
        .args(["cluster", "remove", "9"])
        .output()
        .unwrap();
    assert!(!twice.status.success() && String::from_utf8_lossy(&twice.stderr).contains("no such member"));
}
