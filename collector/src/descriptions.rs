//! DEFINE, NODE and MODULES: handed to the control plane, answered NOTED when they are recorded.

use crate::collector::Context;
use crate::config::{NAME_BYTES_MAX, RETRY_AFTER};
use crate::control_plane::{ControlPlaneError, NodeModules, NodeSeen};
use crate::session::{Answers, End};
use std::sync::Arc;
use wire::control::{AgentMessage, CollectorMessage, ErrorCode};

/// One thing to be recorded.
enum Description {
    Table(Vec<u8>),
    Node(NodeSeen),
    Modules(NodeModules),
}

/// Handles a message after HELLO. Waits while the control plane cannot record: the agent's control stream then waits too.
pub(crate) async fn handle(
    context: &Arc<Context>,
    answers: &Answers,
    agent: &str,
    message: AgentMessage,
) -> Result<(), End> {
    let (token, description) = match message {
        AgentMessage::Hello(_) => {
            return Err(End::error(ErrorCode::Malformed, "HELLO came twice", "malformed"));
        }
        AgentMessage::Ping(hlc) => {
            let (_, ahead) = context.clock.merge(hlc).await.map_err(|e| End::store(&e))?;
            context.metrics.hlc_ahead.inc_by(u64::from(ahead.is_some()));
            return Ok(());
        }
        AgentMessage::Define { token, table } => (token, Description::Table(table)),
        AgentMessage::Node {
            token,
            description: d,
        } => {
            if d.node.name.is_empty() || d.node.name.len() > NAME_BYTES_MAX {
                let reason = format!("node name of {} bytes", d.node.name.len());
                return Err(End::error(ErrorCode::Malformed, reason, "malformed"));
            }
            let node = NodeSeen {
                node: d.node,
                vm_start: d.vm_start,
                otp_release: d.otp_release,
                elixir_version: d.elixir_version,
                agent: agent.to_owned(),
            };
            (token, Description::Node(node))
        }
        AgentMessage::Modules {
            token,
            node,
            op,
            time,
            modules,
        } => (
            token,
            Description::Modules(NodeModules {
                node,
                op,
                time,
                modules,
            }),
        ),
    };
    record(context, &description).await;
    answers.send(CollectorMessage::Noted(token)).await
}

/// Tries until it is recorded or refused for ever. A refusal is counted and answered NOTED, or the agent would bring it for ever.
async fn record(context: &Context, description: &Description) {
    let outcomes = &context.metrics.descriptions;
    loop {
        let recorded = match description {
            Description::Table(table) => context.control.site_table(table.clone()).await,
            Description::Node(node) => context.control.node_seen(node.clone()).await,
            Description::Modules(modules) => context.control.node_modules(modules.clone()).await,
        };
        match recorded {
            Ok(()) => return outcomes.with_label_values(&["recorded"]).inc(),
            Err(ControlPlaneError::Refused(reason)) => {
                tracing::warn!(reason, "description refused");
                return outcomes.with_label_values(&["refused"]).inc();
            }
            Err(ControlPlaneError::Unavailable(reason)) => {
                tracing::debug!(reason, "description waits for the coordinator");
                outcomes.with_label_values(&["unavailable"]).inc();
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}
