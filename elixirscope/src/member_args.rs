//! What all members are started with, whatever their roles: addresses, certificates, the cluster to join.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use coordinator::state::Role as MemberRole;
use coordinator::{Calls, CoordinatorConfig, Neighbours, NewMember};
use host::Registry;
use transport::{Client, Identity, Role, Ways};

use crate::certificates::{Certificates, Shows};
use crate::config::ConfigArg;
use crate::doors::TokensArg;
use crate::member::Door;
use crate::process;
use crate::up::LogArgs;

/// Which members there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Coordinator and collector.
    Up,
    /// A coordinator alone.
    Coordinator,
    /// A collector, whose coordinator only follows.
    Collector,
}

impl Kind {
    fn roles(self) -> BTreeSet<MemberRole> {
        match self {
            Self::Up => BTreeSet::from([MemberRole::Collector, MemberRole::Coordinator]),
            Self::Coordinator => BTreeSet::from([MemberRole::Coordinator]),
            Self::Collector => BTreeSet::from([MemberRole::Collector]),
        }
    }

    fn data(self) -> &'static str {
        match self {
            Self::Up => "elixirscope-data",
            Self::Coordinator => "elixirscope-coordinator",
            Self::Collector => "elixirscope-collector",
        }
    }
}

/// Arguments of all members.
#[derive(Debug, clap::Args)]
pub(crate) struct MemberArgs {
    /// Data folder; made if missing. A wiped one is another member. [default: elixirscope-data; of `coordinator` and `collector`
    /// elixirscope-ROLE]
    #[arg(long, env = "ELIXIRSCOPE_DATA")]
    data: Option<PathBuf>,
    /// HTTP door: API, metrics, health (TCP).
    #[arg(long, env = "ELIXIRSCOPE_HTTP", default_value = "127.0.0.1:7480")]
    pub(crate) http: SocketAddr,
    /// QUIC door for agents and other members (UDP).
    #[arg(long, env = "ELIXIRSCOPE_QUIC", default_value = "127.0.0.1:7481")]
    quic: SocketAddr,
    /// `host:port` under which other members and agents reach the QUIC door; without it, the door's own address.
    #[arg(long, env = "ELIXIRSCOPE_ADVERTISE")]
    advertise: Option<String>,
    /// `host:port` of members of the cluster to join. Without it an empty data folder founds a cluster.
    #[arg(long, env = "ELIXIRSCOPE_JOIN", value_delimiter = ',')]
    join: Vec<String>,
    /// Folder with ca.pem, member.pem and member.key (and agent.pem, agent.key for `up` with an agent), of one authority in the whole
    /// cluster. Without it `tls` in the data folder, with an authority made for development: other members need a copy of that folder.
    #[arg(long, env = "ELIXIRSCOPE_TLS")]
    tls: Option<PathBuf>,
    /// Name that the certificates of all members carry.
    #[arg(long, env = "ELIXIRSCOPE_SERVER_NAME", default_value = transport::tls::DEV_SERVER_NAME)]
    pub(crate) server_name: String,
    /// Name of this member, for people. [default: the machine's]
    #[arg(long, env = "ELIXIRSCOPE_NAME")]
    name: Option<String>,
    /// Failure domain of this member: copies of a shard are in different ones where there are enough.
    #[arg(long, env = "ELIXIRSCOPE_ZONE", default_value = "")]
    zone: String,
    #[command(flatten)]
    pub(crate) tokens: TokensArg,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    _config: ConfigArg,
}

/// What a new cluster is like; of no account for a member that joins or comes back.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct NewClusterArgs {
    /// Virtual shards of a new cluster; fixed for ever.
    #[arg(long, env = "ELIXIRSCOPE_SHARDS", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    shards: u16,
    /// Copies of each shard in a new cluster, as far as there are members; `elixirscope cluster replicas` changes it.
    #[arg(long, env = "ELIXIRSCOPE_REPLICAS", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=7))]
    replicas: u8,
    /// `host:port` of the members that found the cluster together, this one's `--advertise` among them, the same list for all. An empty data
    /// folder then joins the cluster that one of them is in; where all others are new too, one of them founds one. For members that
    /// are started alike, as Kubernetes does; --join is for one after the other.
    #[arg(
        long,
        env = "ELIXIRSCOPE_FOUNDERS",
        value_delimiter = ',',
        conflicts_with = "join"
    )]
    founders: Vec<String>,
}

/// What a member has before its roles start.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its data folder.
    pub(crate) data: PathBuf,
    /// Folder of its certificates.
    pub(crate) tls: PathBuf,
    /// For people.
    pub(crate) name: String,
    /// Agents and other members come in here.
    pub(crate) door: Door,
    /// The ways to other members for its collector: copies of shards do not stand in the way of heartbeats.
    pub(crate) ways: Ways,
    /// Its certificates, to be followed.
    pub(crate) certificates: Certificates,
    /// For its coordinator.
    pub(crate) coordinator: CoordinatorConfig,
}

impl MemberArgs {
    /// Makes the data folder and opens the door. A coordinator that starts with the settings is called through it.
    pub(crate) fn open(
        &self,
        kind: Kind,
        new: Option<&NewClusterArgs>,
        registry: &Registry,
    ) -> Result<Member> {
        let data = self.data.clone().unwrap_or_else(|| kind.data().into());
        make_private(&data).with_context(|| format!("cannot make the data folder {}", data.display()))?;
        let founders = new.map_or(&[][..], |new| &new.founders);
        let tls = self.certificates(&data, founders)?;
        let identity = Identity::from_dir(&tls, Role::Member)
            .context("--tls must name a folder with ca.pem, member.pem and member.key")?;
        self.check_advertised(kind, new)?;
        let calls = Calls::default();
        let door = Door::open(self.quic, &identity, calls.clone(), kind != Kind::Coordinator)?;
        let advertise = self
            .advertise
            .clone()
            .unwrap_or_else(|| door.local_addr().to_string());
        let name = self.name.clone().unwrap_or_else(process::machine_name);
        let member = NewMember {
            name: name.clone(),
            addresses: vec![
                format!("http://{}", reached_at(self.http, &advertise)),
                format!("quic://{advertise}"),
            ],
            roles: kind.roles(),
            zone: self.zone.clone(),
        };
        let client = Arc::new(Client::new(&identity)?);
        let ways = Ways::new(Arc::clone(&client), self.server_name.clone());
        let certificates = Certificates::new(tls.clone(), self.tls.is_none(), registry)?;
        certificates.used_by(Role::Member, Shows::Server(door.server()))?;
        certificates.used_by(Role::Member, Shows::Client(Arc::clone(&client)))?;
        let mut coordinator = CoordinatorConfig {
            registry: registry.clone(),
            neighbours: Some(Neighbours {
                ways: Ways::new(client, self.server_name.clone()),
                calls,
                advertise,
                join: self.join.clone(),
                founders: founders.to_vec(),
            }),
            ..CoordinatorConfig::new(data.join("coordinator"), member)
        };
        if let Some(new) = new {
            coordinator.shards = new.shards;
            coordinator.replicas = new.replicas;
        }
        Ok(Member {
            data,
            tls,
            name,
            door,
            ways,
            certificates,
            coordinator,
        })
    }

    /// The folder of certificates. An authority is made only for a cluster that this member founds.
    fn certificates(&self, data: &Path, founders: &[String]) -> Result<PathBuf> {
        if let Some(tls) = &self.tls {
            return Ok(tls.clone());
        }
        let tls = data.join("tls");
        let several = !self.join.is_empty() || founders.len() > 1;
        if several && !tls.join(transport::tls::CA_FILE).exists() {
            bail!(
                "--join and --founders need certificates of the cluster's authority: add --tls FOLDER, a copy of `tls` in the data folder of a member"
            );
        }
        transport::tls::dev_ca(&tls)?;
        Ok(tls)
    }

    /// A member of several must say where it is reached. One that founds a cluster to be alone in may listen everywhere.
    fn check_advertised(&self, kind: Kind, new: Option<&NewClusterArgs>) -> Result<()> {
        if self.advertise.is_some() || !self.quic.ip().is_unspecified() {
            return Ok(());
        }
        let alone = kind == Kind::Up
            && self.join.is_empty()
            && new.is_none_or(|new| new.replicas == 1 && new.founders.is_empty());
        if !alone {
            bail!(
                "--quic {} says on which address to listen, not under which others reach it: add --advertise HOST:PORT",
                self.quic
            );
        }
        tracing::warn!(
            quic = %self.quic,
            "others are told an address that leads nowhere: before another member joins, or an agent of another machine connects, start this one \
             with --advertise HOST:PORT"
        );
        Ok(())
    }
}

/// Where others reach the HTTP door: one that listens everywhere is at the host that is advertised.
fn reached_at(http: SocketAddr, advertise: &str) -> String {
    match advertise.rsplit_once(':') {
        Some((host, _)) if http.ip().is_unspecified() => format!("{host}:{}", http.port()),
        _ => http.to_string(),
    }
}

/// Makes a folder that only its owner may enter: it will hold captured values and keys.
pub(crate) fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: what others are told of the HTTP door leads somewhere, also from a member that listens everywhere.
    #[test]
    fn doors_that_listen_everywhere_are_at_the_host_that_is_advertised() {
        let at = |http: &str, advertise: &str| reached_at(http.parse().unwrap(), advertise);
        assert_eq!(at("0.0.0.0:7480", "a.example:7481"), "a.example:7480");
        assert_eq!(at("[::]:7480", "[2001:db8::1]:7481"), "[2001:db8::1]:7480");
        assert_eq!(at("127.0.0.1:7480", "a.example:7481"), "127.0.0.1:7480");
    }
}
