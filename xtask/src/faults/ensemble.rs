//! Several members of one cluster: started together, looked at together, compared in the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;
use testbed::wait_for;

use super::load::{Load, Pace};
use super::member::{Doors, Kind, Member};
use super::{most, programs};
use crate::run;

/// Longest wait until all copies of each shard are where they should be.
const FORMED: Duration = Duration::from_mins(2);
/// Between two looks at what all hold, at least.
const LOOK: Duration = Duration::from_secs(1);
/// Longest wait until all members hold the same.
pub const EQUAL: Duration = Duration::from_mins(5);
/// Copies of each shard.
pub const COPIES: usize = 3;

/// Members of one cluster, in one temporary folder.
pub struct Ensemble {
    /// In the order in which they were started.
    pub members: Vec<Member>,
    folder: TempDir,
    args: Vec<String>,
    copies: usize,
}

impl Ensemble {
    /// Certificates for members with these arguments; no member yet.
    pub fn new(args: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("es-").tempdir_in("/tmp")?;
        let ensemble = Self {
            members: Vec::new(),
            folder,
            args: args.iter().map(|&word| word.to_owned()).collect(),
            copies: COPIES,
        };
        certificates(&ensemble.tls())?;
        Ok(ensemble)
    }

    /// As many members of coordinator and collector on the loopback as each shard is to have copies, started.
    pub fn of(copies: usize, args: &[&str]) -> Result<Self> {
        let mut ensemble = Self::new(args)?;
        ensemble.copies = copies;
        for _ in 0..copies {
            ensemble.add(Kind::Up, loopback()?, &[])?;
        }
        ensemble.start()?;
        Ok(ensemble)
    }

    /// Three of coordinator and collector on this machine's loopback, started, each shard with three copies.
    pub fn three() -> Result<Self> {
        Self::three_that_log("warn")
    }

    /// The same, logging from this level on.
    pub fn three_that_log(level: &str) -> Result<Self> {
        Self::of(COPIES, &["--memory-mib", "64", "--log", level])
    }

    /// One more member; the first founds the cluster, the others join any of those before. Not started.
    pub fn add(&mut self, kind: Kind, doors: Doors, more: &[&str]) -> Result<&mut Member> {
        let number = self.members.len();
        let mut args = if kind.collects() {
            self.args.clone()
        } else {
            vec!["--log".to_owned(), "warn".to_owned()]
        };
        args.extend(["--tls".to_owned(), self.tls().display().to_string()]);
        args.extend(["--zone".to_owned(), format!("z{number}")]);
        if self.members.is_empty() {
            args.extend(["--replicas".to_owned(), self.copies.to_string()]);
        } else {
            let known: Vec<&str> = self.members.iter().map(Member::quic).collect();
            args.extend(["--join".to_owned(), known.join(",")]);
        }
        args.extend(more.iter().map(|&word| word.to_owned()));
        let member = Member::new(kind, &format!("m{number}"), self.folder.path(), doors, args);
        self.members.push(member);
        self.members.last_mut().context("the member")
    }

    /// Starts all; returns when each shard has its copies.
    pub fn start(&mut self) -> Result<()> {
        for member in &mut self.members {
            member.start_soon()?;
            // A founder that nobody can ask yet only delays those who join.
            thread::sleep(Duration::from_millis(200));
        }
        self.formed(FORMED).map(drop)
    }

    /// Waits until each shard has all copies and none moves; seconds.
    pub fn formed(&mut self, limit: Duration) -> Result<f64> {
        let began = Instant::now();
        let last = self.members.len() - 1;
        wait_for("all copies of each shard", limit, || {
            for member in self.members.iter_mut().filter(|m| m.runs()) {
                member.alive()?;
            }
            let status = self.members[last].json("/api/v1/cluster")?;
            Ok(formed(&status, self.copies).then_some(()))
        })?;
        for member in self.members.iter_mut().filter(|m| m.runs()) {
            member.ready()?;
        }
        Ok(began.elapsed().as_secs_f64())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the certificates are.
    pub fn tls(&self) -> PathBuf {
        self.folder.path().join("tls")
    }

    /// QUIC doors of those that collect and run.
    pub fn running_doors(&self) -> String {
        let run = self.members.iter().filter(|m| m.kind.collects() && m.runs());
        run.map(Member::quic).collect::<Vec<_>>().join(",")
    }

    /// QUIC doors of all that collect.
    pub fn doors(&self) -> String {
        let collect = self.members.iter().filter(|m| m.kind.collects());
        collect.map(Member::quic).collect::<Vec<_>>().join(",")
    }

    /// Events to all that collect; when each was acknowledged is written down in `acks`.
    pub fn load(&self, pace: &Pace, producers: u32, acks: Option<&Path>) -> Result<Load> {
        let mut more = vec![format!("--producers={producers}")];
        more.extend(acks.map(|file| format!("--acks={}", file.display())));
        Load::quic_to(&[], &self.doors(), &self.tls(), pace, &more)
    }

    /// Waits until events have come in.
    pub fn under_load(&mut self) -> Result<()> {
        wait_for("the load to come in", FORMED, || {
            for member in self.members.iter_mut().filter(|m| m.runs() && m.kind.collects()) {
                member.alive()?;
                if member.metric("elixirscope_store_totals", &["what=\"events\""])? < 1.0 {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
    }

    /// What each member that runs and collects holds itself. One of them asks the others too, since each reads all that it has; those that
    /// have too much for that, which takes longer than members wait for each other, are asked one after the other.
    fn audits(&self) -> Result<Vec<Value>> {
        let mut collect = self.members.iter().filter(|m| m.runs() && m.kind.collects());
        let first = collect.next().context("nobody collects")?;
        let own = first.json("/api/v1/audit")?;
        let others = own["others"].as_array().cloned().unwrap_or_default();
        let silent = own["missing"]
            .as_array()
            .is_some_and(|missing| !missing.is_empty());
        if silent {
            let asked: Result<Vec<Value>> = collect.map(|member| member.json("/api/v1/audit")).collect();
            return Ok(std::iter::once(own).chain(asked?).collect());
        }
        let missing = collect.count().saturating_sub(others.len());
        if missing > 0 {
            bail!("{missing} members do not say what they hold: {}", own["missing"]);
        }
        Ok(std::iter::once(own).chain(others).collect())
    }

    /// Waits until each member holds `events`, each once, and all the same; seconds.
    pub fn until_equal(&self, events: u64, limit: Duration) -> Result<f64> {
        let began = Instant::now();
        loop {
            let asked = Instant::now();
            let audits = self.audits();
            if audits.as_ref().is_ok_and(|audits| all_hold(audits, events)) {
                return Ok(began.elapsed().as_secs_f64());
            }
            // What is twice does not go away.
            let broken = audits.as_ref().is_ok_and(|audits| any_twice(audits));
            if broken || began.elapsed() > limit {
                for (at, audit) in audits?.iter().enumerate() {
                    eprintln!("member {at}: {}", told(audit));
                }
                bail!(
                    "the members do not hold the {events} events that were acknowledged, each once, after {:?}",
                    began.elapsed()
                );
            }
            // Looking is reading everything: not all the time.
            thread::sleep(LOOK.max(asked.elapsed() * 3));
        }
    }

    /// Copies what members log and measure to a folder, for people to look into.
    pub fn keep_logs(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        for member in &self.members {
            fs::write(folder.join(format!("{}.log", member.name)), member.log())?;
            let metrics = member.text("/metrics").unwrap_or_default();
            fs::write(folder.join(format!("{}.metrics", member.name)), metrics)?;
        }
        eprintln!("logs: {}", folder.display());
        Ok(())
    }

    /// SIGTERM of all.
    pub fn stop(mut self) -> Result<()> {
        self.members
            .iter_mut()
            .try_for_each(|member| member.stop().map(drop))
    }
}

/// How long it took until all held the same.
pub fn held_same(seconds: f64) -> Value {
    let name = "until all three held the same, after the load";
    most(name, seconds, "s", EQUAL.as_secs_f64())
}

/// Makes an authority and certificates in a folder, those that are not there.
pub fn certificates(folder: &Path) -> Result<()> {
    let mut command = Command::new(programs::path("elixirscope"));
    command.args(["cluster", "init", "--json", "--tls"]).arg(folder);
    run::output(&mut command).map(drop)
}

/// Doors on the loopback that are free now.
pub fn loopback() -> Result<Doors> {
    let udp = std::net::UdpSocket::bind(("127.0.0.1", 0))?;
    let tcp = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(Doors {
        namespace: None,
        quic: udp.local_addr()?.to_string(),
        http: tcp.local_addr()?.to_string(),
    })
}

/// Has each shard all copies, and moves none?
pub fn formed(status: &Value, wanted: usize) -> bool {
    let holders = status["shard_map"]["holders"].as_array();
    let copies = |shard: &Value| shard.as_array().map_or(0, Vec::len);
    let moving = status["shard_map"]["moving"].as_array();
    holders.is_some_and(|h| !h.is_empty() && h.iter().all(|s| copies(s) == wanted))
        && moving.is_none_or(Vec::is_empty)
}

/// Does one of them hold something twice?
pub fn any_twice(audits: &[Value]) -> bool {
    let twice = |audit: &Value| audit["duplicates"].as_u64().is_some_and(|n| n > 0);
    audits.iter().any(twice)
}

/// Do all of them hold so many events, each once, without a hole, of the same nodes?
pub fn all_hold(audits: &[Value], events: u64) -> bool {
    let whole = |audit: &Value| {
        audit["events"].as_u64() == Some(events)
            && [
                "duplicates",
                "missing_batches",
                "given_up_batches",
                "damaged_frames",
                "losses",
            ]
            .iter()
            .all(|what| audit[what].as_u64() == Some(0))
    };
    let same =
        |audit: &Value| audit["nodes"] == audits[0]["nodes"] && audit["batches"] == audits[0]["batches"];
    !audits.is_empty() && audits.iter().all(|audit| whole(audit) && same(audit))
}

/// The counts of an audit, without names.
pub fn told(audit: &Value) -> String {
    let mut own = audit.clone();
    if let Some(fields) = own.as_object_mut() {
        fields.remove("others");
        fields.remove("nodes");
    }
    own.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Scenario: maps without shards, with too few copies, with a move, and whole. Guarantee: only the last counts.
    #[test]
    fn a_cluster_is_formed_when_nothing_is_left_to_move() {
        let status =
            |holders: Value, moving: Value| json!({"shard_map": {"holders": holders, "moving": moving}});
        assert!(!formed(&json!({}), 3));
        assert!(!formed(&status(json!([]), json!([])), 3));
        assert!(!formed(&status(json!([[1, 2, 3], [1, 2]]), json!([])), 3));
        assert!(!formed(&status(json!([[1, 2, 3]]), json!([0])), 3));
        assert!(formed(&status(json!([[1, 2, 3], [1, 2, 3]]), json!([])), 3));
    }

    /// Scenario: nobody; one event less, one twice, a hole, other nodes, a batch more; the same on all. Guarantee: only the last counts.
    #[test]
    fn equal_means_the_same_events_once_everywhere() {
        let good = json!({"events": 5, "duplicates": 0, "missing_batches": 0, "given_up_batches": 0, "damaged_frames": 0, "losses": 0,
            "batches": 2, "nodes": [{"key": "a", "events": 5}]});
        assert!(!all_hold(&[], 5));
        assert!(all_hold(&[good.clone(), good.clone(), good.clone()], 5));
        assert!(!all_hold(std::slice::from_ref(&good), 6));
        for (field, wrong) in [
            ("events", 4),
            ("duplicates", 1),
            ("missing_batches", 1),
            ("batches", 3),
            ("damaged_frames", 1),
        ] {
            let mut other = good.clone();
            other[field] = json!(wrong);
            assert!(!all_hold(&[good.clone(), other], 5), "{field}");
        }
        let mut other = good.clone();
        other["nodes"] = json!([{"key": "b", "events": 5}]);
        assert!(!all_hold(&[good, other], 5));
    }
}
