//! The pods' network: a bridge, a namespace a pod with an address that no pod had before, and a name server. The machine's own end of the
//! bridge is where the kubelet would ask from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use testbed::Child;

use crate::faults::net::{attach, ip};

/// Where names of a cluster end.
const DOMAIN: &str = "cluster.local";

/// The bridge and the name server; gone when dropped.
pub struct Network {
    tag: String,
    /// `10.123`.
    prefix: String,
    used: u32,
    names: PathBuf,
    server: Option<(Child, Host)>,
}

/// A pod's end: a namespace, gone when dropped.
pub struct Host {
    pub namespace: String,
    pub address: String,
    link: String,
}

impl Network {
    pub fn new(folder: &Path) -> Result<Self> {
        let process = std::process::id();
        let mut network = Self {
            tag: format!("ek{process}"),
            prefix: format!("10.{}", 100 + process % 100),
            used: 1,
            names: folder.join("names"),
            server: None,
        };
        let bridge = network.bridge();
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&[
            "addr",
            "add",
            &format!("{}.0.1/16", network.prefix),
            "dev",
            &bridge,
        ])?;
        ip(&["link", "set", &bridge, "up"])?;
        fs::write(&network.names, "")?;
        let host = network.host()?;
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            &host.namespace,
            "dnsmasq",
            "--keep-in-foreground",
        ]);
        command.args([
            "--conf-file=/dev/null",
            "--no-hosts",
            "--no-resolv",
            "--user=root",
            "--pid-file=",
        ]);
        command.arg(format!("--local=/{DOMAIN}/"));
        command.arg(format!("--addn-hosts={}", network.names.display()));
        let server = Child::start("dnsmasq", &mut command, &folder.join("dnsmasq.log"))?;
        network.server = Some((server, host));
        Ok(network)
    }

    fn bridge(&self) -> String {
        format!("{}b", self.tag)
    }

    /// A namespace with the next address.
    pub fn host(&mut self) -> Result<Host> {
        self.used += 1;
        let number = self.used;
        let host = Host {
            namespace: format!("{}-{number}", self.tag),
            address: format!("{}.{}.{}", self.prefix, number >> 8, number & 0xff),
            link: format!("{}v{number}", self.tag),
        };
        let address = format!("{}/16", host.address);
        attach(&host.namespace, &host.link, &self.bridge(), &address)?;
        Ok(host)
    }

    /// What a pod of a namespace has as `/etc/resolv.conf`.
    pub fn resolv_conf(&self, namespace: &str) -> Result<String> {
        let (_, host) = self.server.as_ref().context("a name server")?;
        Ok(format!(
            "nameserver {}\nsearch {namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}\noptions ndots:5\n",
            host.address
        ))
    }

    /// From now on these are the names: `(elixirscope-agents.elixirscope.svc, address)`.
    pub fn publish(&mut self, names: &[(String, String)]) -> Result<()> {
        let lines = names
            .iter()
            .map(|(name, address)| format!("{address} {name}.{DOMAIN}\n"));
        fs::write(&self.names, lines.collect::<String>())?;
        let (server, _) = self.server.as_mut().context("a name server")?;
        if let Some(status) = server.ended()? {
            bail!("dnsmasq ended with {status}: {}", server.output());
        }
        server.hang_up();
        Ok(())
    }
}

impl Host {
    /// Its link is cut: nothing comes or goes, and nobody is told.
    pub fn cut(&self) -> Result<()> {
        ip(&["link", "set", &self.link, "down"])
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.namespace]);
        let _ = ip(&["link", "del", &self.link]);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        drop(self.server.take());
        let _ = ip(&["link", "del", &self.bridge()]);
    }
}
