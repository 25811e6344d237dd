//! The doctor's checks of a running member.

use std::path::PathBuf;
use std::sync::Arc;

use agent::AgentHandle;
use collector::Shards;
use coordinator::Coordinator;
use query::CodeSource as _;
use store::Store;
use transport::limits::SOCKET_BUFFER_BYTES;

use crate::certificates::Certificates;
use crate::cluster_checks;
use crate::doctor::{Finding, Verdict};

/// What is looked at.
pub(crate) struct Checks {
    /// Events.
    pub(crate) store: Arc<Store>,
    /// Versions.
    pub(crate) coordinator: Coordinator,
    /// Sites.
    pub(crate) code: Arc<query::CodeIndex>,
    /// The agent of the same process, if there is one.
    pub(crate) agent: Option<AgentHandle>,
    /// Its socket.
    pub(crate) socket: PathBuf,
    /// The way to the other members.
    pub(crate) shards: Shards,
    /// What this process shows to others.
    pub(crate) certificates: Certificates,
    /// What the kernel holds of datagrams that are not read yet.
    pub(crate) receive_buffer_bytes: usize,
    /// Whether doors ask for tokens.
    pub(crate) guarded: bool,
}

/// Module versions whose source is looked for.
const MODULES_LOOKED_AT: usize = 1_000;

impl Checks {
    /// All checks. Blocks on disk.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![
            self.raft(),
            cluster_checks::quorum(&self.coordinator),
            self.copies(),
            self.writing(),
            self.stored(),
        ];
        findings.extend(self.agent());
        findings.push(self.nodes());
        findings.push(self.sources());
        findings.push(self.doors());
        findings.push(self.receive_buffer());
        let now_s = i64::try_from(host::now().to_unix_us() / 1_000_000).unwrap_or(i64::MAX);
        findings.push(cluster_checks::certificates(&self.certificates.ends(), now_s));
        findings.extend(cluster_checks::address(&self.coordinator));
        findings.extend(cluster_checks::others(self.shards.others(), now_s));
        findings
    }

    fn raft(&self) -> Finding {
        let health = self.coordinator.health();
        let verdict = if health.ready { Verdict::Ok } else { Verdict::Fail };
        let seen = if health.ready {
            "a leader, and the log applied".to_owned()
        } else {
            health.reason
        };
        Finding::new(
            "coordinator",
            verdict,
            seen,
            "look at this member's log; the coordinator needs its data folder and a quorum",
        )
    }

    fn copies(&self) -> Finding {
        let state = self.coordinator.watch();
        let wanted = state.cluster.as_ref().map_or(1, |c| usize::from(c.replicas));
        let shards = &state.shard_map.shards;
        let moving = shards.iter().filter(|h| h.next.is_some()).count();
        let fewer = shards.iter().filter(|h| h.now.len() < wanted).count();
        let all = shards.len();
        let (verdict, seen) = if fewer == 0 {
            (
                Verdict::Ok,
                format!("{wanted} copies of each of {all}, {moving} move"),
            )
        } else {
            let seen = format!("{fewer} of {all} have fewer copies than the {wanted} wanted, {moving} move");
            (Verdict::Warn, seen)
        };
        let advice = "as many members must collect as copies are wanted: start more, or `elixirscope cluster replicas`";
        Finding::new("shards", verdict, seen, advice)
    }

    fn writing(&self) -> Finding {
        let advice = "free space on the disk of the data folder, then restart if writes were stopped by a failed fsync";
        match self.store.check_writable() {
            Ok(()) => Finding::new("store", Verdict::Ok, "takes frames".to_owned(), advice),
            Err(error) => Finding::new("store", Verdict::Fail, error.to_string(), advice),
        }
    }

    fn stored(&self) -> Finding {
        let stats = self.store.stats();
        let seen = format!(
            "{} frames, {} MiB in {} buckets",
            stats.frames_held,
            stats.frame_bytes_held >> 20,
            stats.buckets
        );
        Finding::new("stored", Verdict::Ok, seen, "")
    }

    fn agent(&self) -> Vec<Finding> {
        let Some(agent) = &self.agent else {
            return Vec::new();
        };
        let connected = if agent.is_connected() {
            let seen = format!("connected, nodes at {}", self.socket.display());
            Finding::new("agent", Verdict::Ok, seen, "")
        } else {
            let advice = "check the collector's address and the certificates in the data folder's tls/";
            Finding::new(
                "agent",
                Verdict::Fail,
                "not connected to a collector".to_owned(),
                advice,
            )
        };
        let spool = agent.spool_bytes();
        let verdict = if spool > (512 << 20) {
            Verdict::Warn
        } else {
            Verdict::Ok
        };
        let advice = "the collector is away or too slow: look at elixirscope_agent_events_total and the collector's log";
        vec![
            connected,
            Finding::new("spool", verdict, format!("{} KiB", spool >> 10), advice),
        ]
    }

    fn nodes(&self) -> Finding {
        let nodes = self.coordinator.watch().nodes.len();
        let advice =
            "start a node with the :elixir_scope library and this agent's socket (ELIXIRSCOPE_SOCKET)";
        let verdict = if nodes == 0 { Verdict::Warn } else { Verdict::Ok };
        Finding::new(
            "nodes",
            verdict,
            format!("{nodes} node incarnations seen"),
            advice,
        )
    }

    /// Without tokens the doors are on the loopback only, or the member would not have started.
    fn doors(&self) -> Finding {
        let advice = "all users of this machine may read and write everything: make tokens with `elixirscope token create`, then --tokens";
        if self.guarded {
            Finding::new("access", Verdict::Ok, "doors ask for tokens".to_owned(), advice)
        } else {
            Finding::new(
                "access",
                Verdict::Warn,
                "doors ask nobody for a token".to_owned(),
                advice,
            )
        }
    }

    /// Whether datagrams find room until they are read.
    fn receive_buffer(&self) -> Finding {
        let bytes = self.receive_buffer_bytes;
        let verdict = if bytes < SOCKET_BUFFER_BYTES {
            Verdict::Warn
        } else {
            Verdict::Ok
        };
        Finding::new(
            "receive buffer",
            verdict,
            format!(
                "the kernel holds {} KiB of datagrams that are not read yet",
                bytes >> 10
            ),
            "bursts of agents and members are dropped and sent again: sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304, then restart",
        )
    }

    fn sources(&self) -> Finding {
        let state = self.coordinator.watch();
        let modules: Vec<_> = state.site_tables.iter().take(MODULES_LOOKED_AT).collect();
        let unresolved: Vec<String> = modules
            .iter()
            .filter(|(key, _)| {
                // A module without a site, such as a struct alone, is never asked for.
                let site = self.code.site(**key, event::SiteId(1));
                site.is_some_and(|s| s.place.unmapped.is_some_and(|why| why.contains("published")))
            })
            .map(|(_, table)| table.module.trim_start_matches("Elixir.").to_owned())
            .collect();
        let verdict = if unresolved.is_empty() {
            Verdict::Ok
        } else {
            Verdict::Warn
        };
        let seen = match unresolved.first() {
            None => format!("{} module versions, their sources are published", modules.len()),
            Some(first) => format!(
                "{} of {} module versions have no published source, {first} for one",
                unresolved.len(),
                modules.len()
            ),
        };
        Finding::new(
            "sources",
            verdict,
            seen,
            "run `elixirscope sync <project>` for what the nodes run",
        )
    }
}
