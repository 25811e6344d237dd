//! The map on the agent's disk, so that a restarted agent finds the cluster although all that it was started with are gone.

use std::path::Path;

use wire::control::CollectorMap;

const FILE: &str = "collectors";
const CHECK_BYTES: usize = 4;

/// As kept; a damaged file is as none.
pub(crate) fn load(dir: &Path) -> Option<CollectorMap> {
    let bytes = std::fs::read(dir.join(FILE)).ok()?;
    let (check, body) = bytes.split_first_chunk::<CHECK_BYTES>()?;
    if u32::from_le_bytes(*check) != crc32fast::hash(body) {
        return None;
    }
    CollectorMap::decode(body).ok()
}

/// Keeps it.
pub(crate) fn store(dir: &Path, map: &CollectorMap) -> std::io::Result<()> {
    let body = map.encode();
    let mut bytes = crc32fast::hash(&body).to_le_bytes().to_vec();
    bytes.extend_from_slice(&body);
    crate::spool::write_file(dir, &dir.join(FILE), &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::control::CollectorAt;

    /// Guarantee: what was kept is there again; damaged, it is as if there were none.
    #[test]
    fn kept() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()), None);
        let map = CollectorMap {
            epoch: 7,
            from: 2,
            collectors: vec![CollectorAt {
                member: 2,
                address: "c2:7481".to_owned(),
            }],
            holders: vec![vec![0], vec![]],
        };
        store(dir.path(), &map).unwrap();
        assert_eq!(load(dir.path()), Some(map));
        let path = dir.path().join(FILE);
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            assert_eq!(load(dir.path()), None, "byte {at}");
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert_eq!(load(dir.path()), None, "{at} bytes");
        }
    }
}
