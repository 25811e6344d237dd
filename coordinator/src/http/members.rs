//! Changes of the cluster's members, asked of any of them.

use axum::Json;
use axum::extract::{Path, State as Extract};
use serde_json::{Value, json};

use super::fault::Fault;
use crate::Coordinator;
use crate::state::MemberId;

pub(super) async fn remove(
    Extract(coordinator): Extract<Coordinator>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fault> {
    let member = id
        .parse()
        .map(MemberId)
        .map_err(|_| Fault::bad("member id is no number", "a number, as in GET /cluster", id))?;
    if !coordinator.watch().members.contains_key(&member) {
        return Err(Fault::not_found("member", member.0));
    }
    coordinator.remove(member).await?;
    tracing::info!(%member, "a member was removed from the cluster");
    Ok(Json(json!({ "removed": member })))
}
