//! Changes of the cluster, asked of any of its members; the audit log; snapshots.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Extract};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http_body::{Body as HttpBody, Frame};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::fault::Fault;
use crate::Coordinator;
use crate::coordinator::Removal;
use crate::state::{Command, Member, MemberId, Outcome};

/// Who makes a request, for the audit log: whoever guards the door adds it to requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who(pub String);

impl Who {
    fn of(asked: Option<Extension<Self>>) -> String {
        let name = asked.map(|Extension(Self(name))| name).unwrap_or_default();
        if name.is_empty() {
            "anybody".to_owned()
        } else {
            name
        }
    }
}

/// How a member is removed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct How {
    lost: bool,
    accept_loss: bool,
}

pub(super) async fn remove(
    Extract(coordinator): Extract<Coordinator>,
    who: Option<Extension<Who>>,
    Path(id): Path<String>,
    how: Result<Query<How>, QueryRejection>,
) -> Result<Json<Value>, Fault> {
    let Query(how) = how?;
    let (member, _) = known(&coordinator, &id)?;
    let removal = Removal {
        lost: how.lost,
        accept_loss: how.accept_loss,
    };
    coordinator.remove(member, removal, &Who::of(who)).await?;
    tracing::info!(%member, how.lost, "a member was removed from the cluster");
    Ok(Json(json!({ "removed": member })))
}

pub(super) async fn weight(
    Extract(coordinator): Extract<Coordinator>,
    who: Option<Extension<Who>>,
    Path((id, weight)): Path<(String, u32)>,
) -> Result<Json<Value>, Fault> {
    let (member, known) = known(&coordinator, &id)?;
    let command = Command::SetWeight { member, weight };
    changed(coordinator.change(command, &Who::of(who)).await?)?;
    let state = coordinator.watch();
    let holds = state.shard_map.shards.iter().filter(|h| h.has(member)).count();
    let takes = state.candidates().iter().filter(|c| c.weight > 0).count();
    Ok(Json(
        json!({ "member": member, "name": known.name, "weight": weight, "holds": holds, "members_that_take_shards": takes,
            "replicas": state.cluster.as_ref().map(|c| c.replicas) }),
    ))
}

pub(super) async fn replicas(
    Extract(coordinator): Extract<Coordinator>,
    who: Option<Extension<Who>>,
    Path(replicas): Path<u8>,
) -> Result<Json<Value>, Fault> {
    let command = Command::SetReplicas { replicas };
    changed(coordinator.change(command, &Who::of(who)).await?)?;
    Ok(Json(json!({ "replicas": replicas })))
}

pub(super) async fn formats(Extract(coordinator): Extract<Coordinator>) -> Json<Value> {
    let formats = coordinator.formats().await;
    Json(json!({ "in_force": formats.in_force, "newest": formats.newest, "members": formats.members }))
}

pub(super) async fn finalize(
    Extract(coordinator): Extract<Coordinator>,
    who: Option<Extension<Who>>,
) -> Result<Json<Value>, Fault> {
    let format = coordinator.finalize(&Who::of(who)).await?;
    tracing::info!(%format, "the cluster's format was raised");
    Ok(Json(json!({ "format": format })))
}

/// Of which shard; without it of all.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Lost {
    shard: Option<u16>,
}

pub(super) async fn forget_losses(
    Extract(coordinator): Extract<Coordinator>,
    who: Option<Extension<Who>>,
    lost: Result<Query<Lost>, QueryRejection>,
) -> Result<Json<Value>, Fault> {
    let Query(Lost { shard }) = lost?;
    changed(
        coordinator
            .change(Command::ForgetLosses { shard }, &Who::of(who))
            .await?,
    )?;
    Ok(Json(json!({ "losses": coordinator.watch().losses })))
}

pub(super) async fn audit(Extract(coordinator): Extract<Coordinator>) -> Json<Value> {
    Json(json!({ "entries": *coordinator.watch().audit }))
}

pub(super) async fn map(Extract(coordinator): Extract<Coordinator>) -> Json<Value> {
    let state = coordinator.watch();
    let map = &state.shard_map;
    let shards: Vec<Value> = (0_u16..)
        .zip(&map.shards)
        .map(|(shard, h)| json!({"shard": shard, "holders": h.now, "next": h.next, "since": h.since}))
        .collect();
    Json(json!({ "epoch": map.epoch, "shards": shards }))
}

/// The bytes of [`crate::backup`]; a snapshot that breaks off has no end.
pub(super) async fn snapshot(Extract(coordinator): Extract<Coordinator>) -> Response {
    let parts = coordinator.snapshot().await;
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    (kind, Body::new(Parts(parts))).into_response()
}

/// Parts as the body of an answer, as they come.
struct Parts(mpsc::Receiver<Vec<u8>>);

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.0.poll_recv(cx);
        part.map(|part| part.map(|bytes| Ok(Frame::data(bytes.into()))))
    }
}

/// A member by the id in a path.
fn known(coordinator: &Coordinator, id: &str) -> Result<(MemberId, Member), Fault> {
    let member = id
        .parse()
        .map(MemberId)
        .map_err(|_| Fault::bad("member id is no number", "a number, as in GET /cluster", id))?;
    let state = coordinator.watch();
    let known = state.members.get(&member);
    let known = known.ok_or_else(|| Fault::not_found("member", member.0))?;
    Ok((member, known.clone()))
}

fn changed(outcome: Outcome) -> Result<(), Fault> {
    match outcome {
        Outcome::Refused(refusal) => Err(Fault::conflict(&refusal)),
        _ => Ok(()),
    }
}
