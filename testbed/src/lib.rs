//! Real processes for the demo, the end-to-end tests and the fault runs: members, agents and the shop's BEAM nodes, each
//! a child of the caller, ended with it. Knows the product only by its command line and its HTTP door.
//!
//! Read [`Bed`] first: a folder, ports of its own, and what runs in it.

mod bed;
mod child;
mod disk;
mod door;
mod python;
mod shop;

pub use bed::{AgentOptions, Bed, Launcher};
pub use child::Child;
pub use disk::Disk;
pub use door::Door;
pub use python::python;
pub use rustix::process::Signal;
pub use shop::{Shop, ShopNode, ShopOptions, Variant};
pub use tempfile::TempDir;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Waits until `probe` gives something; asks every 50 ms.
pub fn wait_for<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    let mut last = None;
    loop {
        match probe() {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(error) => last = Some(error),
        }
        if Instant::now() >= end {
            match last {
                Some(error) => bail!("waited {} s for {what}: {error:#}", limit.as_secs()),
                None => bail!("waited {} s for {what}", limit.as_secs()),
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
}
