//! Which doors the HTTP port has, what each takes, and how each says no. `docs/operations.md`, "Access".

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use coordinator::Coordinator;
use coordinator::http::Who;
use host::Registry;
use host::access::{Access, Denied, Doors, Grant, Needs, Rule};
use host::grpc::{Code, Status};
use serde_json::json;

/// Where the tokens are.
#[derive(Debug, clap::Args)]
pub(crate) struct TokensArg {
    /// File of tokens, as `elixirscope token create` makes it. Without one everybody may do everything, and doors open on the loopback only.
    #[arg(long = "tokens", env = "ELIXIRSCOPE_TOKENS", value_name = "FILE")]
    path: Option<PathBuf>,
}

impl TokensArg {
    /// The tokens; says in the log what is so.
    pub(crate) fn access(&self, registry: &Registry) -> Result<Access> {
        let access = Access::of(self.path.as_deref(), registry).context("the doors cannot be guarded")?;
        if let Some(path) = &self.path {
            tracing::info!(tokens = %path.display(), "doors ask for tokens");
        } else {
            tracing::warn!("doors ask nobody for a token (no --tokens): open to all users of this machine");
        }
        Ok(access)
    }
}

/// The HTTP port of members and agents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpDoors;

/// Sees; without values, if its role is so.
const SEES: Rule = Rule {
    door: "http",
    needs: Some(Needs::See),
    redacted: true,
    audited: false,
};

impl Doors for HttpDoors {
    /// Whatever is not known here goes to the routes without values, for those who see none.
    fn rule(&self, method: &Method, path: &str) -> Rule {
        let of = |door| Rule { door, ..SEES };
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let under = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        match path {
            "/live" | "/ready" => Rule {
                needs: None,
                ..of("health")
            },
            "/metrics" => Rule {
                redacted: false,
                ..of("metrics")
            },
            "/api/v1/log" if reads => Rule {
                redacted: false,
                ..of("api")
            },
            "/api/v1/audit" | "/api/v1/cluster/audit" | "/api/v1/cluster/snapshot" => Rule {
                needs: Some(Needs::Operate),
                audited: true,
                ..of("api")
            },
            _ if under("/jaeger.api_v3.QueryService") => of("jaeger_grpc"),
            _ if under("/tempopb.StreamingQuerier") => of("tempo_grpc"),
            _ if under("/jaeger/api/v3") => of("jaeger_v3"),
            _ if under("/jaeger") => of("jaeger"),
            _ if under("/tempo") => of("tempo"),
            _ if reads => of(if under("/api/v1") { "api" } else { "http" }),
            _ => {
                // Versions of code are put in, as spans are; the rest changes how the house works.
                let sends =
                    matches!(path, "/api/v1/versions" | "/api/v1/versions/want") || under("/api/v1/blobs");
                Rule {
                    needs: Some(if sends { Needs::Send } else { Needs::Operate }),
                    audited: true,
                    ..of(if under("/api/v1") { "api" } else { "http" })
                }
            }
        }
    }

    fn refuse(&self, rule: &Rule, headers: &HeaderMap, denied: &Denied) -> Response {
        let (status, text) = (denied.status(), denied.message());
        let mut response = match rule.door {
            "jaeger_grpc" | "tempo_grpc" => host::grpc::failed(&Status::new(code(status), text)),
            _ if host::grpc::is_call(headers) => host::grpc::failed(&Status::new(code(status), text)),
            "tempo" => (status, text + "\n").into_response(),
            "jaeger_v3" => {
                let body = json!({"error": {"httpCode": status.as_u16(), "message": text}});
                (status, Json(body)).into_response()
            }
            "jaeger" => {
                let error = json!({"code": status.as_u16(), "msg": text});
                let body = json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": [error]});
                (status, Json(body)).into_response()
            }
            _ => {
                let expected = denied.needs.least().name();
                let got = denied.has.map_or("no valid token", host::access::Role::name);
                let body = json!({"error": text, "expected": expected, "got": got});
                (status, Json(body)).into_response()
            }
        };
        denied.add_headers(response.headers_mut());
        response
    }
}

/// The coordinator's routes: its audit log has the name of the token.
pub(crate) fn control(coordinator: Coordinator) -> Router {
    let named = axum::middleware::from_fn(async |mut request: Request, next: Next| {
        let who = request
            .extensions()
            .get::<Grant>()
            .map(|grant| Who(grant.name.clone()));
        request.extensions_mut().insert(who.unwrap_or_default());
        next.run(request).await
    });
    coordinator::http::router(coordinator).layer(named)
}

fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        _ => Code::Unauthenticated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: each path once, known and unknown, spelt oddly, read and written. Guarantee: what it takes; only health is open; only the metrics
    /// go to the full routes for those who see no values.
    #[test]
    fn what_each_path_takes() {
        let rule = |method: &Method, path: &str| HttpDoors.rule(method, path);
        for path in ["/live", "/ready"] {
            assert_eq!(rule(&Method::GET, path).needs, None);
        }
        for (path, door) in [
            ("/api/v1/traces", "api"),
            ("/api/v1/traces/ab", "api"),
            ("/api/v1/logs", "api"),
            ("/jaeger/api/services", "jaeger"),
            ("/tempo/api/echo", "tempo"),
            ("/tempopb.StreamingQuerier/Search", "tempo_grpc"),
            ("/jaeger.api_v3.QueryService/GetTrace", "jaeger_grpc"),
            ("/", "http"),
            ("//api/v1/traces", "http"),
            ("/api/v1", "http"),
            ("/live/", "http"),
            ("/tempopb", "http"),
        ] {
            assert_eq!(rule(&Method::GET, path), Rule { door, ..SEES }, "{path}");
        }
        assert!(!rule(&Method::GET, "/metrics").redacted);
        for (method, path, needs) in [
            (Method::POST, "/api/v1/versions", Needs::Send),
            (Method::POST, "/api/v1/versions/want", Needs::Send),
            (Method::PUT, "/api/v1/blobs/ab", Needs::Send),
            (Method::POST, "/api/v1/members/1/remove", Needs::Operate),
            (Method::DELETE, "/api/v1/traces", Needs::Operate),
            (Method::POST, "/other", Needs::Operate),
        ] {
            let rule = rule(&method, path);
            assert_eq!((rule.needs, rule.audited), (Some(needs), true), "{path}");
        }
        assert_eq!(rule(&Method::GET, "/api/v1/audit").needs, Some(Needs::Operate));
        assert_eq!(
            rule(&Method::POST, "/jaeger/api/v3/traces").needs,
            Some(Needs::See)
        );
    }
}
