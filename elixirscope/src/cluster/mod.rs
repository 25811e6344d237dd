//! `elixirscope cluster`: who is in it, who leads, who holds what; and its changes.

mod backup;
mod begin;
mod change;
mod formats;
mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::Value;

use crate::client::{self, Member};

/// Arguments of `cluster`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make the certificates of a new cluster, and say how to start its members.
    Init(begin::Init),
    /// Say how to start a member that joins this cluster.
    Join(begin::Join),
    /// Members, leader, shards.
    Status(Asked),
    /// Who holds which shard, and what moves.
    Map(Asked),
    /// Who changed what, the newest last.
    Audit(Asked),
    /// Take a member out of the cluster for good. Its data folder is never let in again.
    Remove(change::Remove),
    /// Give a member's shards to the others.
    Drain(change::Drain),
    /// Set the share of the shards that a member takes, in proportion to the others (100 is usual; 0 drains it).
    Weight(change::Weight),
    /// Set how many copies of each shard are kept.
    Replicas(change::Replicas),
    /// Write the newest formats from now on, if all members can: releases that cannot are refused from then on.
    Finalize(formats::Finalize),
    /// Say no more in answers that what was lost with a disk is missing.
    ForgetLosses(formats::ForgetLosses),
    /// Write what the coordinators agreed, with sources and site tables, to a file. Events are not in it.
    Snapshot(backup::Snapshot),
    /// Make a cluster of one from such a file, in an empty data folder.
    Restore(backup::Restore),
}

/// Whom to ask, and how to show the answer.
#[derive(Debug, clap::Args)]
struct Asked {
    #[command(flatten)]
    member: Member,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Asked {
    fn show(&self, answer: &Value, text: impl FnOnce() -> Result<String>) -> Result<()> {
        if self.json {
            client::print(&format!("{}\n", serde_json::to_string_pretty(answer)?))
        } else {
            client::print(&text()?)
        }
    }
}

/// Asks, or changes.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        What::Init(init) => init.run()?,
        What::Join(join) => join.run()?,
        What::Status(asked) => show::status(asked)?,
        What::Map(asked) => show::map(asked)?,
        What::Audit(asked) => show::audit(asked)?,
        What::Remove(remove) => remove.run()?,
        What::Drain(drain) => drain.run()?,
        What::Weight(weight) => weight.run()?,
        What::Replicas(replicas) => replicas.run()?,
        What::Finalize(finalize) => finalize.run()?,
        What::ForgetLosses(forget) => forget.run()?,
        What::Snapshot(snapshot) => snapshot.run()?,
        What::Restore(restore) => restore.run()?,
    }
    Ok(ExitCode::SUCCESS)
}
