//! An agent in this process.

use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, AgentConfig, AgentHandle};
use host::{Registry, Tasks, metrics};

pub struct Running {
    pub handle: AgentHandle,
    pub tasks: Tasks,
    pub registry: Registry,
}

pub fn start(config: AgentConfig) -> Running {
    let registry = Registry::new();
    let tasks = Tasks::new(&registry).unwrap();
    let handle = Agent::start(config, &tasks, &registry, Arc::new(host::now)).unwrap();
    Running {
        handle,
        tasks,
        registry,
    }
}

impl Running {
    pub async fn stop(self) {
        self.tasks.shutdown(Duration::from_secs(10)).await;
    }
    pub fn metric(&self, line: &str) -> bool {
        metrics::text(&self.registry).lines().any(|l| l == line)
    }
}
