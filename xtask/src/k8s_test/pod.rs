//! One pod: its namespace, its volumes, its process, confined as the manifest says; and what the kubelet knows of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testbed::{Child, Signal};

use super::manifest::{Manifests, Probe, Workload};
use super::network::Host;
use crate::faults::group::Group;
use crate::image::{confined, declared};
use crate::k8s::objects::items;

/// Contents of Secrets, by namespace and name, then by key.
pub type Secrets = BTreeMap<(String, String), BTreeMap<String, String>>;

/// What all pods are made of.
pub struct Ground<'g> {
    pub manifests: &'g Manifests,
    pub secrets: &'g Secrets,
    /// Root file system of the image.
    pub root: &'g Path,
    /// Of claims, volumes and logs.
    pub folder: &'g Path,
    pub resolv_conf: String,
}

/// Where it is in its life.
pub enum Phase {
    Runs,
    /// `preStop` sleeps until then.
    Stops(Instant),
    /// SIGTERM was sent; at that time comes SIGKILL.
    Ends(Instant),
}

/// A pod.
pub struct Pod {
    pub name: String,
    /// Which roll-out it is of.
    pub revision: u32,
    pub phase: Phase,
    pub began: Instant,
    /// Did it answer its startup probe?
    pub started: bool,
    pub ready_since: Option<Instant>,
    pub asked: Instant,
    pub failures: u32,
    /// Is its claim to be emptied when it is gone?
    pub wipes: bool,
    child: Child,
    pub host: Host,
    _group: Option<Group>,
}

impl Pod {
    /// Volumes, process.
    pub fn start(
        name: &str,
        revision: u32,
        workload: &Workload,
        ground: &Ground<'_>,
        host: Host,
    ) -> Result<Self> {
        let limit = workload.container["resources"]["limits"]["memory"].as_str();
        let group = limit
            .map(|text| Group::new(&format!("{name}-{}", host.address), mib(text)?, None))
            .transpose()?;
        let log = ground.folder.join(format!("{name}.log"));
        let mut words = group.as_ref().map(Group::launcher).unwrap_or_default();
        words.extend(["ip", "netns", "exec", &host.namespace, "sh", "-ec"].map(str::to_owned));
        words.push(script(name, workload, ground, &host)?);
        let (first, rest) = words.split_first().context("a command")?;
        let child = Child::start(name, Command::new(first).args(rest), &log)?;
        let now = Instant::now();
        Ok(Self {
            name: name.to_owned(),
            revision,
            phase: Phase::Runs,
            began: now,
            started: false,
            ready_since: None,
            asked: now,
            failures: 0,
            wipes: false,
            child,
            host,
            _group: group,
        })
    }

    pub fn runs(&self) -> bool {
        matches!(self.phase, Phase::Runs)
    }

    /// Does it count for services?
    pub fn serves(&self) -> bool {
        self.runs() && self.ready_since.is_some()
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// It is deleted: it ends when `preStop` is over.
    pub fn stop(&mut self, pre_stop: Duration) {
        self.phase = Phase::Stops(Instant::now() + pre_stop);
    }

    pub fn terminate(&self) {
        self.child.signal(Signal::TERM);
    }

    /// Its machine is gone: SIGKILL, and it counts as told to end.
    pub fn fail(&mut self) -> Result<()> {
        self.phase = Phase::Ends(Instant::now() + Duration::from_mins(1));
        self.kill()
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        self.child.ended()
    }

    /// The end of its log.
    pub fn said(&self) -> String {
        let output = self.child.output();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Does the probe succeed now?
    pub fn answers(&self, probe: &Probe) -> bool {
        self.get(probe).unwrap_or(false)
    }

    fn get(&self, probe: &Probe) -> Result<bool> {
        let address = format!("{}:{}", self.host.address, probe.port).parse()?;
        let mut stream = TcpStream::connect_timeout(&address, probe.timeout)?;
        stream.set_read_timeout(Some(probe.timeout))?;
        let address = &self.host.address;
        write!(
            stream,
            "GET {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n",
            probe.path
        )?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(head.starts_with(b"HTTP/1.1 2") || head.starts_with(b"HTTP/1.1 3"))
    }
}

/// Mounts what the manifest mounts, then starts the program with the manifest's user and rights. `/proc` and four devices any container has.
fn script(name: &str, workload: &Workload, ground: &Ground<'_>, host: &Host) -> Result<String> {
    let own = own(ground.folder, name, host);
    fs::create_dir_all(&own)?;
    let root = quoted(&ground.root.to_string_lossy());
    let mut lines = vec![
        format!("mount --bind {root} {root}"),
        format!("mount -t proc -o nosuid,nodev,noexec proc {root}/proc"),
        format!("mount -t tmpfs -o nosuid,size=64k,mode=755 tmpfs {root}/dev"),
        format!(
            "for d in null zero random urandom; do : > {root}/dev/$d; mount --bind /dev/$d {root}/dev/$d; done"
        ),
    ];
    let resolv = own.join("resolv.conf");
    fs::write(&resolv, &ground.resolv_conf)?;
    lines.push(format!(
        "mount --bind {} {root}/etc/resolv.conf",
        quoted(&resolv.to_string_lossy())
    ));
    for mount in items(&workload.container["volumeMounts"]) {
        let volume = mount["name"].as_str().context("a mount without a name")?;
        let at = mount["mountPath"].as_str().context("a mount without a place")?;
        let folder = volume_of(name, volume, workload, ground, &own)?;
        let at = quoted(&format!("{}{at}", ground.root.display()));
        lines.push(format!("mount --bind {} {at}", quoted(&folder.to_string_lossy())));
        if mount["readOnly"] == true {
            lines.push(format!("mount -o remount,bind,ro {at}"));
        }
    }
    if workload.security("readOnlyRootFilesystem") == true {
        lines.push(format!("mount -o remount,bind,ro {root}"));
    }
    let id = |field: &str| {
        workload
            .security(field)
            .as_u64()
            .with_context(|| format!("no {field}"))
    };
    let mut start = vec!["exec env -i".to_owned()];
    let fields = BTreeMap::from([
        ("metadata.name".to_owned(), name.to_owned()),
        (
            "metadata.namespace".to_owned(),
            workload.object.namespace().to_owned(),
        ),
        ("status.podIP".to_owned(), host.address.clone()),
        // Each pod of a set is on a machine of another zone.
        (
            "metadata.labels['topology.kubernetes.io/zone']".to_owned(),
            format!("zone-{}", name.rsplit('-').next().unwrap_or_default()),
        ),
    ]);
    let image = declared::ENV
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let env = image.chain(workload.env(&fields)?);
    start.extend(env.map(|(key, value)| quoted(&format!("{key}={value}"))));
    start.push(format!("\"$(command -v capsh)\" --chroot={root}"));
    let dropped = &workload.container["securityContext"]["capabilities"]["drop"];
    if items(dropped).any(|name| name == "ALL") {
        start.push("--drop=all".to_owned());
    }
    start.push(format!(
        "--groups={} --gid={} --uid={}",
        id("fsGroup")?,
        id("runAsGroup")?,
        id("runAsUser")?
    ));
    if workload.security("allowPrivilegeEscalation") == false {
        start.push("--no-new-privs".to_owned());
    }
    start.push(format!("--shell={} --", declared::ENTRYPOINT[0]));
    start.extend(
        items(&workload.container["args"])
            .filter_map(Value::as_str)
            .map(quoted),
    );
    lines.push(start.join(" "));
    Ok(lines.join("\n"))
}

/// The folder that is mounted for a volume.
fn volume_of(
    pod: &str,
    volume: &str,
    workload: &Workload,
    ground: &Ground<'_>,
    own: &Path,
) -> Result<PathBuf> {
    let group = u32::try_from(workload.security("fsGroup").as_u64().context("no fsGroup")?)?;
    let claims = &workload.object.spec()["volumeClaimTemplates"];
    if items(claims).any(|claim| claim["metadata"]["name"] == volume) {
        let folder = claim(ground.folder, volume, pod);
        owned(&folder, group)?;
        return Ok(folder);
    }
    let folder = own.join(volume);
    let spec = items(&workload.spec()["volumes"]).find(|spec| spec["name"] == volume);
    let spec = spec.with_context(|| format!("no volume {volume}"))?;
    let namespace = workload.object.namespace();
    if !spec["emptyDir"].is_null() {
        owned(&folder, group)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o2777))?;
    } else if let Some(name) = spec["configMap"]["name"].as_str() {
        let map = ground.manifests.one("ConfigMap", namespace, name)?;
        let data = map.value["data"].as_object().into_iter().flatten();
        let files = data.map(|(key, text)| (key.clone(), text.as_str().unwrap_or_default().to_owned()));
        written(&folder, &files.collect::<Vec<_>>(), 0o644, group)?;
    } else if let Some(name) = spec["secret"]["secretName"].as_str() {
        let key = (namespace.to_owned(), name.to_owned());
        let secret = ground
            .secrets
            .get(&key)
            .with_context(|| format!("no Secret {namespace}/{name}"))?;
        let mode = u32::try_from(spec["secret"]["defaultMode"].as_u64().unwrap_or(0o644))?;
        let mut files = Vec::new();
        for item in items(&spec["secret"]["items"]) {
            let (key, path) = (item["key"].as_str(), item["path"].as_str());
            let text = key.and_then(|key| secret.get(key));
            let text = text.with_context(|| format!("the Secret {name} has no {item}"))?;
            files.push((path.context("a path")?.to_owned(), text.clone()));
        }
        written(&folder, &files, mode, group)?;
    } else {
        bail!("a volume of an unknown kind: {spec}");
    }
    Ok(folder)
}

/// The folder of a pod's own volumes.
pub fn own(folder: &Path, name: &str, host: &Host) -> PathBuf {
    folder.join("pods").join(format!("{name}-{}", host.address))
}

/// The folder of a claim.
pub fn claim(folder: &Path, volume: &str, pod: &str) -> PathBuf {
    folder.join("claims").join(format!("{volume}-{pod}"))
}

/// A volume's root as the kubelet leaves it: root's, and the pod's group may write.
fn owned(folder: &Path, group: u32) -> Result<()> {
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        chown(folder, Some(0), Some(group))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o2775))?;
    }
    Ok(())
}

/// Files as the kubelet writes them: links through one that is exchanged when they change.
fn written(folder: &Path, files: &[(String, String)], mode: u32, group: u32) -> Result<()> {
    let version = folder.join("..1");
    fs::create_dir_all(&version)?;
    symlink("..1", folder.join("..data"))?;
    for (name, text) in files {
        let file = version.join(name);
        fs::write(&file, text)?;
        chown(&file, Some(0), Some(group))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
        symlink(format!("..data/{name}"), folder.join(name))?;
    }
    Ok(())
}

/// `8Gi`, `256Mi`.
fn mib(text: &str) -> Result<u32> {
    let (number, unit) = text.split_at(text.len().saturating_sub(2));
    let number: u32 = number.parse().with_context(|| format!("the limit {text}"))?;
    match unit {
        "Mi" => Ok(number),
        "Gi" => Ok(number << 10),
        _ => bail!("the limit {text}"),
    }
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    confined::quoted(&[text])
}

/// Longest time between two looks at a pod, whatever the manifest's scaled period.
pub const LOOK: Duration = Duration::from_millis(100);
