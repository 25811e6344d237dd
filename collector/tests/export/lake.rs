//! An exporter on a store, until it has copied what there is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use collector::{ExportConfig, Exporter, Manifest};
use event::{ModuleKey, SiteId, SiteKind};
use host::Registry;
use objects::Objects;
use query::{CodeSource, SiteInfo};
use store::Store;

use crate::made;

/// Knows two sites.
struct Code;

impl CodeSource for Code {
    fn site(&self, module: ModuleKey, site: SiteId) -> Option<SiteInfo> {
        let line = 10 * site.0;
        (module == ModuleKey(9) && site.0 < 3).then(|| SiteInfo {
            module: "Shop.Stock".to_owned(),
            function: "reserve".to_owned(),
            arity: 2,
            clause: 1,
            kind: SiteKind::Clause,
            place: serde_json::from_value(serde_json::json!({
                "file": "lib/stock.ex", "line": line, "column": 3, "token": "def", "source_line": "", "node": null,
                "unmapped": null, "source": "ab".repeat(32),
            }))
            .unwrap(),
        })
    }

    fn sites_of(&self, _: &str) -> Vec<(ModuleKey, SiteId)> {
        Vec::new()
    }
}

/// A running exporter and its metrics.
pub(crate) struct Lake {
    pub(crate) exporter: Exporter,
    registry: Registry,
}

impl Lake {
    pub(crate) fn start(store: &Arc<Store>, objects: Objects, spool: &Path, before_drop: bool) -> Self {
        let config = ExportConfig {
            objects,
            spool: spool.to_owned(),
            cluster: 0xc,
            member: 1,
            before_drop,
            interval: Duration::from_millis(50),
            settle: Duration::from_millis(300),
        };
        let registry = Registry::new();
        let exporter = Exporter::start(config, Arc::clone(store), Arc::new(Code), &registry, made::now);
        Self {
            exporter: exporter.unwrap(),
            registry,
        }
    }

    /// A metric, its labels summed.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = host::metrics::text(&self.registry);
        let lines = text
            .lines()
            .filter(|line| line.starts_with(&format!("elixirscope_export_{name}")));
        let value = |line: &str| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap() as u64;
        lines.map(value).sum()
    }

    /// Waits until a metric has reached a value.
    pub(crate) fn wait(&self, name: &str, least: u64) {
        let end = Instant::now() + Duration::from_mins(2);
        while self.metric(name) < least {
            let said = host::metrics::text(&self.registry);
            assert!(Instant::now() < end, "{name} is not {least}:\n{said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// All files below a folder, with their bytes.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// The manifest of a bucket in a folder; all that it names is there.
pub(crate) fn manifest(folder: &Path, bucket: u32) -> Manifest {
    let files = files(folder);
    let stem = format!("bucket-{bucket:010}-");
    let of = |name: &&String| name.starts_with("_manifest/") && name.contains(&stem);
    let name = files.keys().find(of).unwrap();
    let manifest: Manifest = serde_json::from_slice(&files[name]).unwrap();
    let named: Vec<&String> = manifest.files.iter().map(|file| &file.name).collect();
    for file in &manifest.files {
        assert_eq!(files[&file.name].len() as u64, file.bytes);
    }
    let others = files
        .keys()
        .filter(|name| name.contains(&stem) && name.ends_with(".parquet"));
    assert_eq!(
        others.collect::<Vec<_>>().len(),
        named.len(),
        "{:?}",
        files.keys()
    );
    manifest
}
