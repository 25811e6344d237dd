//! What collectors report of code and nodes, handed to the coordinator.

use codegraph::{ContentHash, SourceHash};
use collector::{ClusterSettings, ControlPlane, ControlPlaneError, NodeModules, NodeSeen};
use coordinator::state::{Command, LoadedModule, ModulesOp, NodeDescription, Outcome, SiteTable};
use coordinator::{Coordinator, ProposeError};
use wire::site_table;

/// The coordinator in the same process.
pub(crate) struct InProcess(pub(crate) Coordinator);

impl InProcess {
    async fn propose(&self, command: Command) -> Result<(), ControlPlaneError> {
        match self.0.propose(vec![command]).await {
            Ok(outcomes) => match outcomes.into_iter().next() {
                Some(Outcome::Refused(refusal)) => Err(ControlPlaneError::Refused(refusal.to_string())),
                _ => Ok(()),
            },
            Err(error) => Err(unavailable(&error)),
        }
    }
}

fn unavailable(error: &ProposeError) -> ControlPlaneError {
    ControlPlaneError::Unavailable(error.to_string())
}
