//! Where objects are: `file:///folder` or `s3://bucket/prefix`.

use std::fs::File;
use std::path::{Path as FilePath, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt as _, RetryConfig};

use crate::fault::ObjectFault;

/// Longest object that [`Objects::get`] returns.
pub const GET_BYTES_MAX: u64 = 16 << 20;
/// Most names that [`Objects::list`] returns.
pub const LIST_MAX: usize = 100_000;
/// Time for one request, a part of an upload included.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Objects below one address.
#[derive(Debug)]
pub struct Objects {
    pub(crate) store: Arc<dyn ObjectStore>,
    prefix: String,
    /// The folder, if it is one.
    folder: Option<PathBuf>,
    shown: String,
}

impl Objects {
    /// Opens an address; makes the folder if it is one. Endpoint, region and credentials of S3 come from the environment's
    /// `AWS_*`, as AWS's own tools have them.
    pub fn open(url: &str) -> Result<Self, ObjectFault> {
        Self::open_with(url, std::env::vars())
    }

    /// The same with another environment.
    pub fn open_with(
        url: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ObjectFault> {
        let shown = without_secrets(url);
        let wrong = |why: &str| ObjectFault::Address {
            url: shown.clone(),
            why: why.to_owned(),
        };
        if let Some(folder) = url.strip_prefix("file://") {
            if !folder.starts_with('/') {
                return Err(wrong("a folder begins with file:///"));
            }
            return Self::folder(FilePath::new(folder), shown);
        }
        let Some(rest) = url.strip_prefix("s3://") else {
            return Err(wrong("neither file:///folder nor s3://bucket/prefix"));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains('@') {
            return Err(wrong(
                "credentials belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            ));
        }
        if bucket.is_empty() || rest.contains(['?', '#']) {
            return Err(wrong("s3://bucket/prefix"));
        }
        let store = s3(bucket, environment)
            .build()
            .map_err(|fault| wrong(&fault.to_string()))?;
        let prefix = prefix.trim_matches('/').to_owned();
        Path::parse(&prefix).map_err(|fault| wrong(&fault.to_string()))?;
        Ok(Self {
            store: Arc::new(store),
            prefix,
            folder: None,
            shown,
        })
    }

    fn folder(folder: &FilePath, shown: String) -> Result<Self, ObjectFault> {
        let wrong = |why: String| ObjectFault::Address {
            url: shown.clone(),
            why,
        };
        std::fs::create_dir_all(folder).map_err(|fault| wrong(fault.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|fault| wrong(fault.to_string()))?;
        Ok(Self {
            store: Arc::new(store),
            prefix: String::new(),
            folder: Some(folder.to_owned()),
            shown,
        })
    }

    /// The address, for people.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// An object's bytes; none if it is not there.
    pub async fn get(&self, name: &str) -> Result<Option<Bytes>, ObjectFault> {
        let path = self.path(name)?;
        let found = match self.store.get(&path).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(fault) => return Err(ObjectFault::storage(name, &fault)),
        };
        if found.meta.size > GET_BYTES_MAX {
            return Err(ObjectFault::TooLong {
                name: name.to_owned(),
                bytes: found.meta.size,
                limit: GET_BYTES_MAX,
            });
        }
        let bytes = found.bytes().await;
        bytes
            .map(Some)
            .map_err(|fault| ObjectFault::storage(name, &fault))
    }

    /// Names of the objects in a folder, ascending, those in folders below it apart; at most [`LIST_MAX`].
    pub async fn list(&self, folder: &str) -> Result<Vec<String>, ObjectFault> {
        let path = self.path(folder)?;
        let listed = self.store.list_with_delimiter(Some(&path)).await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(object_store::Error::NotFound { .. }) => return Ok(Vec::new()),
            Err(fault) => return Err(ObjectFault::storage(folder, &fault)),
        };
        let names = listed
            .objects
            .iter()
            .filter_map(|object| object.location.filename());
        let mut names: Vec<String> = names
            .take(LIST_MAX)
            .map(|name| format!("{folder}/{name}"))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Removes an object; well if it is not there.
    pub async fn delete(&self, name: &str) -> Result<(), ObjectFault> {
        match self.store.delete(&self.path(name)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(fault) => Err(ObjectFault::storage(name, &fault)),
        }
    }

    pub(crate) fn path(&self, name: &str) -> Result<Path, ObjectFault> {
        let whole = if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.prefix)
        };
        Path::parse(whole).map_err(|fault| ObjectFault::Storage {
            name: name.to_owned(),
            why: fault.to_string(),
        })
    }

    /// What a storage does by itself, a folder needs to be told: file and name on the disk.
    pub(crate) fn sync(&self, name: &str) -> Result<(), ObjectFault> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let at = |fault| ObjectFault::File {
            name: name.to_owned(),
            fault,
        };
        let file = folder.join(name);
        File::open(&file).and_then(|file| file.sync_all()).map_err(at)?;
        // Folders that are new are names in those above.
        for above in file.ancestors().skip(1) {
            File::open(above)
                .and_then(|folder| folder.sync_all())
                .map_err(at)?;
            if above == folder {
                break;
            }
        }
        Ok(())
    }
}

fn s3(bucket: &str, environment: impl IntoIterator<Item = (String, String)>) -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::new();
    let mut is_plain = false;
    let mut of_s3 = None;
    for (name, value) in environment {
        let name = name.to_ascii_lowercase();
        if name == "aws_endpoint_url_s3" {
            of_s3 = Some(value);
            continue;
        }
        let Some(key) = name
            .starts_with("aws_")
            .then(|| AmazonS3ConfigKey::from_str(&name).ok())
        else {
            continue;
        };
        if let Some(key) = key {
            is_plain |= matches!(key, AmazonS3ConfigKey::Endpoint) && value.starts_with("http://");
            builder = builder.with_config(key, value);
        }
    }
    if let Some(endpoint) = of_s3 {
        is_plain = endpoint.starts_with("http://");
        builder = builder.with_endpoint(endpoint);
    }
    // Who writes an endpoint without TLS means it.
    let options = ClientOptions::new()
        .with_allow_http(is_plain)
        .with_timeout(REQUEST_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT);
    // Who exports tries again, with longer pauses and counted.
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 2,
        retry_timeout: Duration::from_secs(15),
    };
    builder
        .with_bucket_name(bucket)
        .with_client_options(options)
        .with_retry(retry)
}

/// An address without what may be a secret.
fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, after))) => format!("{scheme}://...@{after}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: addresses that are wrong, some with secrets in them. Guarantee: refused with words, the secret not in them.
    #[test]
    fn wrong_addresses_are_refused_without_their_secrets() {
        for url in [
            "",
            "gs://bucket",
            "file://relative",
            "s3://",
            "s3://key:hidden@bucket/prefix",
            "s3://bucket/prefix?secret=hidden",
            "https://key:hidden@host/",
        ] {
            let refused = Objects::open_with(url, []).unwrap_err().to_string();
            assert!(!refused.contains("hidden"), "{refused}");
        }
    }

    /// Scenario: an address of S3 with credentials in the environment. Guarantee: neither its name nor its debug form has them.
    #[test]
    fn credentials_are_not_shown() {
        let environment = [
            ("AWS_ACCESS_KEY_ID", "hidden-key"),
            ("AWS_SECRET_ACCESS_KEY", "hidden-secret"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_REGION", "eu-central-1"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let objects = Objects::open_with("s3://lake/traces/", environment).unwrap();
        assert_eq!(objects.shown(), "s3://lake/traces/");
        assert_eq!(
            objects.path("a/b.parquet").unwrap().as_ref(),
            "traces/a/b.parquet"
        );
        assert!(!objects.shown().contains("hidden"));
    }
}
