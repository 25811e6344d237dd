//! Changes of the cluster: taking members out, draining them, the number of copies.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::Asked;
use super::show::Map;
use crate::client;

/// Between two looks at how a drain goes.
const LOOK: Duration = Duration::from_millis(500);

/// Arguments of `remove`.
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// Its id, as `status` shows it. It must hold no shard: drain it first.
    id: u64,
    /// Its disk is gone: its shards are copied from the others.
    #[arg(long)]
    lost: bool,
    /// Remove it even if what only its disk had is lost.
    #[arg(long, requires = "lost")]
    accept_loss: bool,
    #[command(flatten)]
    asked: Asked,
}

impl Remove {
    pub(super) fn run(&self) -> Result<()> {
        let (id, lost, accept_loss) = (self.id, self.lost, self.accept_loss);
        let path = format!("/api/v1/cluster/members/{id}/remove?lost={lost}&accept_loss={accept_loss}");
        let answer: Value = self.asked.member.post(&path)?;
        let text = if lost {
            format!(
                "member {id} is out of the cluster; what it held is being copied from others (`cluster map`)\n"
            )
        } else {
            format!("member {id} is out of the cluster\n")
        };
        self.asked.show(&answer, || Ok(text))
    }
}

/// Arguments of `drain`.
#[derive(Debug, clap::Args)]
pub(super) struct Drain {
    /// Its id, as `status` shows it.
    id: u64,
    /// Wait until it holds nothing.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    asked: Asked,
}

/// What a change of a weight answers.
#[derive(Debug, Deserialize)]
struct Weighed {
    name: String,
    holds: usize,
    members_that_take_shards: usize,
    replicas: Option<usize>,
}

impl Drain {
    pub(super) fn run(&self) -> Result<()> {
        let id = self.id;
        let mut answer: Value = self
            .asked
            .member
            .post(&format!("/api/v1/cluster/members/{id}/weight/0"))?;
        let weighed: Weighed = serde_json::from_value(answer.clone())?;
        let (left, copies) = (weighed.members_that_take_shards, weighed.replicas.unwrap_or(1));
        if left == 0 {
            client::say("no other member takes shards: it keeps what it has until one does");
        } else if left < copies {
            client::say(&format!(
                "only {left} members take shards now: there will be {left} copies of each, not {copies}"
            ));
        }
        if !self.wait {
            let text = format!(
                "member {id} ({}) gives away {} shards\n",
                weighed.name, weighed.holds
            );
            return self.asked.show(&answer, || Ok(text));
        }
        let mut said = None;
        loop {
            let map: Map = self.asked.member.get("/api/v1/cluster/map", &[])?;
            let (held, moving) = map.held_by(id);
            if held == 0 {
                break;
            }
            if said != Some((held, moving)) {
                client::say(&format!("member {id} holds {held} shards, {moving} of them move"));
                said = Some((held, moving));
            }
            thread::sleep(LOOK);
        }
        if let Some(holds) = answer.get_mut("holds") {
            *holds = 0.into();
        }
        self.asked
            .show(&answer, || Ok(format!("member {id} holds nothing\n")))
    }
}

/// Arguments of `weight`.
#[derive(Debug, clap::Args)]
pub(super) struct Weight {
    /// Its id, as `status` shows it.
    id: u64,
    /// Its share in proportion to the others.
    #[arg(value_name = "WEIGHT")]
    share: u32,
    #[command(flatten)]
    asked: Asked,
}

impl Weight {
    pub(super) fn run(&self) -> Result<()> {
        let (id, weight) = (self.id, self.share);
        let path = format!("/api/v1/cluster/members/{id}/weight/{weight}");
        let answer: Value = self.asked.member.post(&path)?;
        self.asked
            .show(&answer, || Ok(format!("member {id} has weight {weight}\n")))
    }
}

/// Arguments of `replicas`.
#[derive(Debug, clap::Args)]
pub(super) struct Replicas {
    /// Copies of each shard, as far as there are members.
    #[arg(value_parser = clap::value_parser!(u8).range(1..=7))]
    replicas: u8,
    #[command(flatten)]
    asked: Asked,
}

impl Replicas {
    pub(super) fn run(&self) -> Result<()> {
        let replicas = self.replicas;
        let answer: Value = self
            .asked
            .member
            .post(&format!("/api/v1/cluster/replicas/{replicas}"))?;
        let text =
            format!("{replicas} copies of each shard are wanted (`cluster map` shows what is there)\n");
        self.asked.show(&answer, || Ok(text))
    }
}
