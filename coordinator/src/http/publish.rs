//! How versions arrive: the publisher sends a manifest and hears which blobs are wanted, puts those, then sends the manifest
//! again to publish it. Only missing bytes move (of the manifest too: [`Patch`]); a version is never known before all of it is stored.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State as Extract};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use codegraph::{ContentHash, Manifest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::BODY_BYTES_MAX;
use super::fault::Fault;
use crate::Coordinator;
use crate::state::{Command, Outcome, Refusal};

/// Missing blobs that are named in a refusal; their number is always told.
const NAMED_MAX: usize = 100;

/// The manifest is sent as what differs from one that is stored here: the first `prefix` bytes of that, the body, its last `suffix` bytes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Patch {
    base: Option<String>,
    prefix: usize,
    suffix: usize,
}

/// The manifest's bytes.
async fn whole(
    coordinator: &Coordinator,
    patch: Result<Query<Patch>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Bytes, Fault> {
    let (Query(patch), body) = (patch?, body?);
    let Some(base) = &patch.base else {
        return Ok(body);
    };
    let stored = coordinator.get_blob(content_hash(base)?).await?;
    let stored = stored.ok_or_else(|| Fault::not_found("manifest to differ from", base.as_str()))?;
    let end = stored.len().checked_sub(patch.suffix);
    let parts = (stored.get(..patch.prefix), end.and_then(|end| stored.get(end..)));
    let (Some(first), Some(last)) = parts else {
        return Err(Fault::bad(
            "the patch keeps more than there is",
            format!("prefix and suffix of at most {} bytes", stored.len()),
            format!("{} and {}", patch.prefix, patch.suffix),
        ));
    };
    let bytes = [first, &body, last].concat();
    if bytes.len() > BODY_BYTES_MAX {
        return Err(Fault::bad(
            "the manifest is too large",
            BODY_BYTES_MAX,
            bytes.len(),
        ));
    }
    Ok(bytes.into())
}

pub(super) async fn want(
    Extract(coordinator): Extract<Coordinator>,
    patch: Result<Query<Patch>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Fault> {
    let manifest = decode(&whole(&coordinator, patch, body).await?)?;
    let missing = coordinator.missing_blobs(manifest.blobs()).await?;
    Ok(Json(json!({ "want": texts(&missing) })))
}

pub(super) async fn publish(
    Extract(coordinator): Extract<Coordinator>,
    patch: Result<Query<Patch>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Fault> {
    let body = whole(&coordinator, patch, body).await?;
    let manifest = decode(&body)?;
    let missing = coordinator.incomplete(manifest.blobs()).await?;
    if !missing.is_empty() {
        let named = missing.get(..NAMED_MAX.min(missing.len())).unwrap_or_default();
        return Err(Fault::new(
            StatusCode::CONFLICT,
            format!("{} blobs of the version are missing", missing.len()),
            json!("all blobs of the manifest, put before it is published"),
            json!({ "missing": texts(named), "missing_total": missing.len() }),
        ));
    }
    let version = coordinator.put_blob(body.to_vec()).await?;
    let command = Command::PublishVersion {
        project: manifest.project().to_owned(),
        version,
        files: u32::try_from(manifest.files().len()).unwrap_or(u32::MAX),
        bytes: manifest.files().iter().map(|file| u64::from(file.size)).sum(),
    };
    let new = match coordinator.propose(vec![command]).await?.into_iter().next() {
        Some(Outcome::Refused(refusal)) => return Err(refused(&refusal)),
        outcome => outcome == Some(Outcome::Done),
    };
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((
        status,
        Json(json!({ "version": version.to_string(), "new": new })),
    )
        .into_response())
}

pub(super) async fn put_blob(
    Extract(coordinator): Extract<Coordinator>,
    Path(hash): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Fault> {
    let expected = content_hash(&hash)?;
    coordinator.put_blob_as(expected, body?.to_vec()).await?;
    Ok(Json(json!({ "blob": expected.to_string() })))
}

pub(super) async fn get_blob(
    Extract(coordinator): Extract<Coordinator>,
    Path(hash): Path<String>,
) -> Result<Response, Fault> {
    let bytes = coordinator.get_blob(content_hash(&hash)?).await?;
    let bytes = bytes.ok_or_else(|| Fault::not_found("blob", hash))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

fn decode(body: &[u8]) -> Result<Manifest, Fault> {
    Manifest::decode(body).map_err(|e| Fault::bad(e.to_string(), "the bytes of a manifest", body.len()))
}

fn content_hash(text: &str) -> Result<ContentHash, Fault> {
    text.parse()
        .map_err(|_| Fault::bad("malformed content hash", "64 hexadecimal digits", text))
}

fn texts(hashes: &[ContentHash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}

fn refused(refusal: &Refusal) -> Fault {
    Fault::new(
        StatusCode::CONFLICT,
        refusal.to_string(),
        Value::Null,
        json!(refusal),
    )
}
