//! `elixirscope sync`: a project's sources become a published version.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use codegraph::{ContentHash, VersionId};
use repo_sync::{IndexOptions, PublishFault, Publisher};
use serde_json::{Value, json};

use crate::client::{self, Member};
use crate::last_manifest::LastManifest;

/// Arguments of `sync`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    member: Member,
    /// The project's root: the folder with its mix.exs.
    path: PathBuf,
    /// Name of the project; the application's in mix.exs if left out.
    #[arg(long)]
    project: Option<String>,
    /// Also the sources under test/.
    #[arg(long)]
    tests: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Files between two lines of progress.
const PROGRESS_FILES: usize = 500;

/// Indexes and publishes.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let options = IndexOptions {
        project: args.project.clone(),
        tests: args.tests,
        ..IndexOptions::default()
    };
    let index = repo_sync::index_project(&args.path, &options, &mut |progress| {
        if progress.done.is_multiple_of(PROGRESS_FILES) {
            client::say(&format!("indexed {} of {} files", progress.done, progress.total));
        }
    })?;
    for fault in &index.faults {
        client::say(&format!("warning: {fault}"));
    }
    let mut publisher = OverHttp {
        member: &args.member,
        agent: Member::http(),
        before: LastManifest::of(&args.member.at("/"), index.manifest.project()),
        manifest_bytes: 0,
    };
    let published = repo_sync::publish(&index, &mut publisher, &mut |progress| {
        if progress.done.is_multiple_of(PROGRESS_FILES) {
            client::say(&format!("sent {} of {} blobs", progress.done, progress.total));
        }
    })?;
    let files = index.manifest.files().len();
    let text = if args.json {
        let faults: Vec<String> = index.faults.iter().map(ToString::to_string).collect();
        let report = json!({
            "project": index.manifest.project(),
            "version": published.version.to_string(),
            "files": files,
            "blobs": published.blobs,
            "sent_blobs": published.sent_blobs,
            "sent_bytes": published.sent_bytes,
            "manifest_bytes": publisher.manifest_bytes,
            "faults": faults,
        });
        format!("{report:#}\n")
    } else {
        format!(
            "published {} version {}: {files} files, {} of {} blobs were missing ({} bytes sent)\n",
            index.manifest.project(),
            published.version,
            published.sent_blobs,
            published.blobs,
            published.sent_bytes
        )
    };
    client::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The coordinator's HTTP interface as a receiver of versions.
struct OverHttp<'a> {
    member: &'a Member,
    agent: ureq::Agent,
    before: LastManifest,
    /// Bytes sent of manifests.
    manifest_bytes: u64,
}

impl OverHttp<'_> {
    /// Sends a manifest as what differs from the last one, if the member has that; else whole.
    fn post_manifest(&mut self, path: &str, manifest: &[u8]) -> Result<Value> {
        if let Some((query, differs)) = self.before.patch(manifest)
            && let Ok(answer) = self.post(&format!("{path}?{query}"), differs)
        {
            self.manifest_bytes += differs.len() as u64;
            return Ok(answer);
        }
        let answer = self.post(path, manifest)?;
        self.manifest_bytes += manifest.len() as u64;
        Ok(answer)
    }

    fn post(&self, path: &str, body: &[u8]) -> Result<Value> {
        let answer = self
            .member
            .signed(self.agent.post(self.member.at(path)))?
            .send(body)
            .with_context(|| self.member.unreachable())?;
        Member::decode(answer)
    }
}

/// Every fault may be tried again: have/want makes repeating cheap.
fn fault(error: &anyhow::Error) -> PublishFault {
    PublishFault {
        message: format!("{error:#}"),
        retry: true,
    }
}

impl Publisher for OverHttp<'_> {
    fn want(&mut self, manifest: &[u8]) -> Result<Vec<ContentHash>, PublishFault> {
        let answer = self
            .post_manifest("/api/v1/versions/want", manifest)
            .map_err(|e| fault(&e))?;
        let hashes = answer["want"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let wrong = |e: &dyn std::fmt::Display| PublishFault {
            message: format!("the answer has a bad hash: {e}"),
            retry: false,
        };
        hashes.map(|text| text.parse().map_err(|e| wrong(&e))).collect()
    }

    fn put(&mut self, hash: ContentHash, bytes: &[u8]) -> Result<(), PublishFault> {
        let path = format!("/api/v1/blobs/{hash}");
        let answer = self
            .member
            .signed(self.agent.put(self.member.at(&path)))
            .and_then(|put| put.send(bytes).with_context(|| self.member.unreachable()));
        let answer: Result<Value> = answer.and_then(Member::decode);
        answer.map(drop).map_err(|e| fault(&e))
    }

    fn commit(&mut self, manifest: &[u8]) -> Result<VersionId, PublishFault> {
        let answer = self
            .post_manifest("/api/v1/versions", manifest)
            .map_err(|e| fault(&e))?;
        self.before.keep(manifest);
        let version = answer["version"].as_str().unwrap_or_default();
        version.parse().map_err(|e| PublishFault {
            message: format!("the answer has a bad version '{version}': {e}"),
            retry: false,
        })
    }
}
