//! Snapshots of what the coordinators agreed, and a new cluster from one.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use coordinator::state::MemberId;
use serde_json::json;

use crate::client::{self, Member};

/// Arguments of `snapshot`.
#[derive(Debug, clap::Args)]
pub(super) struct Snapshot {
    /// File to write; it must not exist.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    member: Member,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Snapshot {
    pub(super) fn run(&self) -> Result<()> {
        let to = &self.to;
        if to.exists() {
            bail!("{} exists already", to.display());
        }
        let part = to.with_extension("part");
        let request = self
            .member
            .signed(Member::patient().get(self.member.at("/api/v1/cluster/snapshot")))?;
        let answer = request.call().with_context(|| self.member.unreachable())?;
        if !answer.status().is_success() {
            return Member::decode(answer);
        }
        let written = File::create(&part)
            .and_then(|mut file| {
                let mut body = answer.into_body().into_reader();
                std::io::copy(&mut body, &mut file)?;
                file.flush()?;
                file.sync_all()
            })
            .with_context(|| format!("cannot write {}", part.display()));
        let checked = written.and_then(|()| {
            let file = File::open(&part)?;
            Ok(coordinator::backup::check(BufReader::new(file))?)
        });
        let checked = match checked {
            Ok(checked) => checked,
            Err(error) => {
                let _ = std::fs::remove_file(&part);
                return Err(error);
            }
        };
        std::fs::rename(&part, to).with_context(|| format!("cannot name {}", to.display()))?;
        if self.json {
            let answer = json!({"file": to, "versions": checked.versions, "blobs": checked.blobs, "missing": checked.missing,
                "cluster": checked.cluster});
            return client::print(&format!("{answer}\n"));
        }
        if checked.missing > 0 {
            client::say(&format!(
                "{} blobs are not in it: no member has them",
                checked.missing
            ));
        }
        client::print(&format!(
            "{}: cluster {}, {} versions, {} blobs\n",
            to.display(),
            checked.cluster,
            checked.versions,
            checked.blobs
        ))
    }
}

/// Arguments of `restore`.
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// A file that `snapshot` wrote.
    file: PathBuf,
    /// Data folder of the member to be, as it is going to be started with; it must have no coordinator in it.
    #[arg(long, env = "ELIXIRSCOPE_DATA", default_value = "elixirscope-data")]
    data: PathBuf,
    /// It is the same cluster, not a copy of it. Nothing of the old one may run any more.
    #[arg(long)]
    same_id: bool,
    /// The member is this one of the old cluster, whose events are in the data folder. Without it, it is a new member.
    #[arg(long, value_name = "ID", requires = "same_id")]
    member: Option<u64>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub(super) fn run(&self) -> Result<()> {
        let file = File::open(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?;
        crate::member_args::make_private(&self.data)
            .with_context(|| format!("cannot make the data folder {}", self.data.display()))?;
        let folder: &Path = &self.data.join("coordinator");
        let wanted = coordinator::backup::Restore {
            same_id: self.same_id,
            member: self.member.map(MemberId),
        };
        let restored = coordinator::backup::restore(BufReader::new(file), folder, wanted)?;
        if self.json {
            return client::print(&format!("{}\n", serde_json::to_string(&restored)?));
        }
        let (cluster, versions, blobs) = (&restored.cluster, restored.versions, restored.blobs);
        client::print(&format!(
            "cluster {cluster}: {versions} versions, {blobs} blobs; start it with: elixirscope up --data {}\n",
            self.data.display()
        ))
    }
}
