//! Which compiled module this is: the md5 of what it does, and this project's module version.

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::{Beam, BeamFault};

/// Chunks that the md5 is made of, in this order (`beam_lib:md5_chunks/0`).
const SIGNIFICANT: &[&str] = &[
    "Atom", "AtU8", "Code", "StrT", "ImpT", "ExpT", "FunT", "LitT", "Meta",
];
/// Bytes of a row of `FunT`; the last four are the old hash, which counts as zero.
const FUN_BYTES: usize = 24;
const PREFIX: &[u8] = b"elixirscope module version 1\n";

/// `module_info(:md5)`: equal after lines moved or locals were renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleMd5(pub [u8; 16]);

/// The hash of md5, line table and debug info that names one compiled state of a module (`docs/site-table.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleVersion(pub [u8; 16]);

impl ModuleVersion {
    /// The first 59 bits, as events carry them.
    #[must_use]
    pub fn key(self) -> u64 {
        (u128::from_be_bytes(self.0) >> 69) as u64
    }
}

impl Beam<'_> {
    /// The md5 that the VM computes for the module (`beam_lib:md5/1`).
    pub fn md5(&self) -> Result<ModuleMd5, BeamFault> {
        for name in ["Code", "StrT", "ImpT", "ExpT"] {
            self.required(name)?;
        }
        let mut md5 = Md5::new();
        for name in SIGNIFICANT {
            let Some(chunk) = self.chunk(name) else {
                continue;
            };
            if *name == "FunT" {
                let (count, rows) = chunk.split_at(chunk.len().min(4));
                md5.update(count);
                for row in rows.chunks(FUN_BYTES) {
                    let kept = if row.len() == FUN_BYTES {
                        FUN_BYTES - 4
                    } else {
                        row.len()
                    };
                    md5.update(row.get(..kept).unwrap_or_default());
                    md5.update(&[0; 4][..FUN_BYTES.min(row.len()).saturating_sub(kept)]);
                }
            } else {
                md5.update(chunk);
            }
        }
        Ok(ModuleMd5(md5.finalize().into()))
    }

    /// The module version of an original (not instrumented) module.
    pub fn version(&self) -> Result<ModuleVersion, BeamFault> {
        let mut hash = Sha256::new();
        hash.update(PREFIX);
        hash.update(self.md5()?.0);
        for name in ["Line", "Dbgi"] {
            let chunk = self.chunk(name).unwrap_or_default();
            hash.update((chunk.len() as u32).to_be_bytes());
            hash.update(chunk);
        }
        let full: [u8; 32] = hash.finalize().into();
        Ok(ModuleVersion(
            full.first_chunk::<16>().copied().unwrap_or_default(),
        ))
    }
}
