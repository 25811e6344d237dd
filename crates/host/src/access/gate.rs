//! Before the routes of an HTTP server: asks for the token, says no in the shape of the door, and sends those who see no values to
//! routes that have none.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use tower::ServiceExt as _;

use super::guard::{Access, Denied};
use super::role::Needs;
use super::tokens::Grant;

/// What stands behind a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The door, as in metrics.
    pub door: &'static str,
    /// What it takes; `None` = nothing.
    pub needs: Option<Needs>,
    /// Whether the routes without values have it: who sees no values is let in and sent there.
    pub redacted: bool,
    /// Whether it is written down who did it.
    pub audited: bool,
}

/// Which doors a server has. Of a path that it does not know it asks for what the most guarded one takes, or what its routes say to that
/// would tell which paths there are.
pub trait Doors: Send + Sync + 'static {
    /// The rule of a request.
    fn rule(&self, method: &Method, path: &str) -> Rule;
    /// The answer to a request that is not let in, in the shape of its door.
    fn refuse(&self, rule: &Rule, headers: &HeaderMap, denied: &Denied) -> Response;
}

/// Routes for those who see all, and for those who see no values.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// With values.
    pub full: Router,
    /// Without.
    pub redacted: Router,
}

/// The gate of a server.
#[derive(Clone)]
pub struct Gate {
    access: Access,
    doors: Arc<dyn Doors>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Behind {
    gate: Gate,
    redacted: Router,
}

impl Gate {
    /// Of tokens and doors.
    pub fn new(access: Access, doors: impl Doors) -> Self {
        Self {
            access,
            doors: Arc::new(doors),
        }
    }

    /// Whose tokens.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// The routes behind the gate.
    pub(crate) fn before(self, routes: Routes) -> Router {
        let behind = Behind {
            gate: self,
            redacted: routes.redacted,
        };
        // As the fallback of a router without routes: paths that nobody has pass the gate too.
        Router::new()
            .fallback_service(routes.full)
            .layer(axum::middleware::from_fn_with_state(behind, pass))
    }
}

async fn pass(State(behind): State<Behind>, mut request: Request, next: Next) -> Response {
    let Gate { access, doors } = &behind.gate;
    let rule = doors.rule(request.method(), request.uri().path());
    let Some(needs) = rule.needs else {
        return next.run(request).await;
    };
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(addr)| *addr);
    let grant = match access.admit(rule.door, request.headers(), peer.map(|addr| addr.ip()), needs) {
        Ok(grant) => grant,
        Err(denied) => return doors.refuse(&rule, request.headers(), &denied),
    };
    let said = (rule.audited && !access.is_open())
        .then(|| (request.method().clone(), request.uri().path().to_owned()));
    let redacted = rule.redacted && !grant.role.may(Needs::SeeValues);
    // Routes may want to know who asks.
    request.extensions_mut().insert(grant.clone());
    let response = if redacted {
        run(behind.redacted, request).await
    } else {
        next.run(request).await
    };
    if let Some((method, path)) = said {
        let Grant { name, role } = &grant;
        let (role, status) = (role.name(), response.status().as_u16());
        tracing::info!(target: "audit", token = name, role, %method, path, status, ?peer, "operator action");
    }
    response
}

async fn run(router: Router, request: Request) -> Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
