//! Writing: small objects at once, large ones in parts, never half of one under its name.

use std::path::Path as FilePath;

use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload};
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use crate::fault::ObjectFault;
use crate::place::Objects;

/// Bytes of a part of an upload, and of memory that one takes. S3 wants at least 5 MiB.
pub const PART_BYTES: usize = 8 << 20;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Its bytes.
    pub bytes: u64,
    /// SHA-256 of them, in hexadecimal digits.
    pub sha256: String,
}

impl Objects {
    /// Writes an object, over what has its name. On the disk, where that is ours, when it returns.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<Put, ObjectFault> {
        let put = Put {
            bytes: bytes.len() as u64,
            sha256: hexadecimal(&Sha256::digest(&bytes)),
        };
        let path = self.path(name)?;
        let written = self.store.put(&path, PutPayload::from_bytes(bytes)).await;
        written.map_err(|fault| ObjectFault::storage(name, &fault))?;
        self.sync(name)?;
        Ok(put)
    }

    /// Writes a file's content as an object, over what has its name. Takes [`PART_BYTES`] of memory.
    pub async fn put_file(&self, name: &str, file: &FilePath) -> Result<Put, ObjectFault> {
        let at = |fault| ObjectFault::File {
            name: file.display().to_string(),
            fault,
        };
        let mut from = File::open(file).await.map_err(at)?;
        let length = from.metadata().await.map_err(at)?.len();
        let first = part(&mut from).await.map_err(at)?;
        if first.len() as u64 == length {
            return self.put(name, first.into()).await;
        }
        let path = self.path(name)?;
        let fault = |fault| ObjectFault::storage(name, &fault);
        let mut upload = self.store.put_multipart(&path).await.map_err(fault)?;
        match parts(&mut upload, first, &mut from).await {
            Ok(put) => {
                upload.complete().await.map_err(fault)?;
                self.sync(name)?;
                Ok(put)
            }
            Err(failed) => {
                // What storage keeps of it otherwise is paid for.
                let _ = upload.abort().await;
                Err(match failed {
                    Failed::Storage(error) => fault(error),
                    Failed::File(error) => at(error),
                })
            }
        }
    }
}

enum Failed {
    Storage(object_store::Error),
    File(std::io::Error),
}

async fn parts(
    upload: &mut Box<dyn MultipartUpload>,
    first: Vec<u8>,
    from: &mut File,
) -> Result<Put, Failed> {
    let mut digest = Sha256::new();
    let (mut bytes, mut next) = (0, first);
    while !next.is_empty() {
        digest.update(&next);
        bytes += next.len() as u64;
        let payload = PutPayload::from_bytes(next.into());
        upload.put_part(payload).await.map_err(Failed::Storage)?;
        next = part(from).await.map_err(Failed::File)?;
    }
    Ok(Put {
        bytes,
        sha256: hexadecimal(&digest.finalize()),
    })
}

/// The next [`PART_BYTES`]; fewer only at the end.
async fn part(from: &mut File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(PART_BYTES as u64).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a small file and one of several parts go into a folder, one over the other; then it is read and removed.
    /// Guarantee: bytes and digests are the file's; of removing twice the second is well; too long is refused.
    #[tokio::test]
    async fn files_go_into_a_folder_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}/new/lake", folder.path().display());
        let objects = Objects::open(&url).unwrap();
        let file = folder.path().join("from");
        for length in [0, 100, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 77] {
            let content: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
            std::fs::write(&file, &content).unwrap();
            let put = objects
                .put_file("a/date=2026-11-22/b.parquet", &file)
                .await
                .unwrap();
            assert_eq!(put.bytes, length as u64);
            assert_eq!(put.sha256, hexadecimal(&Sha256::digest(&content)));
            let path = folder.path().join("new/lake/a/date=2026-11-22/b.parquet");
            assert_eq!(std::fs::read(path).unwrap(), content);
        }
        let name = "a/date=2026-11-22/b.parquet";
        assert!(objects.get(name).await.unwrap_err().to_string().contains("limit"));
        objects.delete(name).await.unwrap();
        objects.delete(name).await.unwrap();
        assert_eq!(objects.get(name).await.unwrap(), None);
        let missing = objects.put_file("x", &folder.path().join("nowhere")).await;
        assert!(missing.unwrap_err().to_string().contains("nowhere"));
    }
}
