//! Network namespaces on a bridge, each a host with one address; and what may happen to a host's packets. The kernel needs nothing but
//! nftables, htb and tbf: there is no netem everywhere. Needs root.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Hosts on a bridge; gone when dropped.
pub struct Net {
    tag: String,
    hosts: usize,
}

/// What happens to the packets of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packets {
    /// None goes to or comes from these hosts (a bit each).
    Cut(u32),
    /// None comes from these hosts; it can still send to them.
    Deaf(u32),
    /// So many of a hundred are lost, in and out.
    Lost(u32),
    /// So many of a hundred that it sends queue for a narrow line of so many kbit/s: late, and after those sent later.
    Late(u32, u32),
    /// All that it sends goes through a line of so many kbit/s.
    Slow(u32),
}

impl Packets {
    /// Table of its rules: what ends does not take others with it.
    fn table(self) -> &'static str {
        match self {
            Self::Cut(_) => "cut",
            Self::Deaf(_) => "deaf",
            Self::Lost(100..) => "gone",
            Self::Lost(_) => "lost",
            Self::Late(..) => "late",
            Self::Slow(_) => "slow",
        }
    }
}

impl Net {
    /// So many hosts.
    pub fn new(hosts: usize) -> Result<Self> {
        let net = Self {
            tag: format!("es{}", std::process::id()),
            hosts,
        };
        let bridge = net.bridge();
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&["link", "set", &bridge, "up"])?;
        for host in 0..hosts {
            let address = format!("{}/24", Self::address(host));
            attach(&net.name(host), &net.link(host), &bridge, &address)?;
        }
        Ok(net)
    }

    /// A host's namespace.
    pub fn name(&self, host: usize) -> String {
        format!("{}-{host}", self.tag)
    }

    fn bridge(&self) -> String {
        format!("{}b", self.tag)
    }

    fn link(&self, host: usize) -> String {
        format!("{}v{host}", self.tag)
    }

    /// A host's address.
    pub fn address(host: usize) -> String {
        format!("10.77.0.{}", host + 1)
    }

    /// Addresses of some hosts, with commas.
    fn addresses(&self, hosts: u32) -> String {
        let chosen = (0..self.hosts).filter(|host| hosts >> host & 1 == 1);
        chosen.map(Self::address).collect::<Vec<_>>().join(", ")
    }

    fn rules(&self, host: usize, text: &str) -> Result<()> {
        let mut command = self.inside(host, &["nft", "-f", "-"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("nft")?;
        child.stdin.take().context("nft")?.write_all(text.as_bytes())?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("nft: {}\n{text}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// A command on a host.
    fn inside(&self, host: usize, words: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(host)]).args(words);
        command
    }

    fn tc(&self, host: usize, words: &[&str]) -> Result<String> {
        let output = self.inside(host, &["tc"]).args(words).output()?;
        if !output.status.success() {
            bail!("tc {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// From now on it happens to a host's packets, beside what happens already. Of `Late` and `Slow` a host has one.
    pub fn begin(&self, host: usize, what: Packets) -> Result<()> {
        let table = what.table();
        let mut rules = format!(
            "add table inet {table}\n\
             add chain inet {table} in {{ type filter hook input priority 0; }}\n\
             add chain inet {table} out {{ type filter hook output priority 0; }}\n"
        );
        match what {
            Packets::Cut(hosts) | Packets::Deaf(hosts) => {
                let others = self.addresses(hosts);
                let _ = writeln!(
                    rules,
                    "add rule inet {table} in ip saddr {{ {others} }} counter drop"
                );
                if matches!(what, Packets::Cut(_)) {
                    let _ = writeln!(
                        rules,
                        "add rule inet {table} out ip daddr {{ {others} }} counter drop"
                    );
                }
            }
            Packets::Lost(percent) => {
                // Of a hundred, nft takes numbers up to 99.
                let chance = match percent {
                    100.. => String::new(),
                    _ => format!("numgen random mod 100 < {percent} "),
                };
                for (chain, side) in [("in", "iif"), ("out", "oif")] {
                    let _ = writeln!(
                        rules,
                        "add rule inet {table} {chain} {side} \"eth0\" {chance}counter drop"
                    );
                }
            }
            Packets::Late(percent, kbit) => {
                let rate = format!("{kbit}kbit");
                self.tc(
                    host,
                    &words("qdisc replace dev eth0 root handle 1: htb default 10"),
                )?;
                self.tc(
                    host,
                    &words("class add dev eth0 parent 1: classid 1:10 htb rate 10gbit"),
                )?;
                let narrow = words("class add dev eth0 parent 1: classid 1:20 htb burst 3000 rate");
                self.tc(host, &[&narrow[..], &[&rate]].concat())?;
                self.tc(host, &words("qdisc add dev eth0 parent 1:20 pfifo limit 60"))?;
                let _ = writeln!(
                    rules,
                    "add rule inet {table} out oif \"eth0\" numgen random mod 100 < {percent} counter meta priority set 1:20"
                );
            }
            Packets::Slow(kbit) => {
                let rate = format!("{kbit}kbit");
                let all = words("qdisc replace dev eth0 root tbf burst 4kb latency 400ms rate");
                self.tc(host, &[&all[..], &[&rate]].concat())?;
            }
        }
        self.rules(host, &rules)
    }

    /// It does not happen to a host's packets any more; to how many it did: dropped, put off, or queued for a slow line.
    pub fn end(&self, host: usize, what: Packets) -> Result<u64> {
        let table = what.table();
        let listed = self
            .inside(host, &["nft", "list", "table", "inet", table])
            .output()?;
        let mut hit: u64 = after(&String::from_utf8_lossy(&listed.stdout), "counter packets ").sum();
        if matches!(what, Packets::Slow(_)) {
            let disciplines = self.tc(host, &words("-s qdisc show dev eth0"))?;
            hit += after(&disciplines, "overlimits ").sum::<u64>();
        }
        self.rules(host, &format!("delete table inet {table}\n"))?;
        if matches!(what, Packets::Slow(_) | Packets::Late(..)) {
            self.tc(host, &words("qdisc del dev eth0 root"))?;
        }
        Ok(hit)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for host in 0..self.hosts {
            let _ = ip(&["netns", "del", &self.name(host)]);
            let _ = ip(&["link", "del", &self.link(host)]);
        }
        let _ = ip(&["link", "del", &self.bridge()]);
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

/// Numbers that come after a word.
fn after<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = u64> + 'a {
    let number = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
    text.split(word).skip(1).filter_map(number)
}

/// A namespace, linked to the bridge, with an address (and the length of its prefix).
pub fn attach(namespace: &str, link: &str, bridge: &str, address: &str) -> Result<()> {
    ip(&["netns", "add", namespace])?;
    ip(&[
        "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace,
    ])?;
    ip(&["link", "set", link, "master", bridge, "up"])?;
    ip(&["-n", namespace, "addr", "add", address, "dev", "eth0"])?;
    ip(&["-n", namespace, "link", "set", "eth0", "up"])?;
    ip(&["-n", namespace, "link", "set", "lo", "up"])
}

/// A command of iproute2.
pub fn ip(words: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(words).output().context("ip (iproute2)")?;
    if !output.status.success() {
        bail!(
            "ip {}: {}",
            words.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: what nft and tc print. Guarantee: the numbers after a word are found, all of them, and nothing else.
    #[test]
    fn counters_are_read() {
        let text = "ip saddr { 10.77.0.1 } counter packets 12 bytes 900 drop\ncounter packets 3 bytes 1 drop";
        assert_eq!(after(text, "counter packets ").collect::<Vec<_>>(), [12, 3]);
        assert_eq!(
            after("(dropped 0, overlimits 7 requeues 0)", "overlimits ").sum::<u64>(),
            7
        );
        assert_eq!(after("nothing", "counter packets ").sum::<u64>(), 0);
    }
}
