//! A module version's site table (`docs/site-table.md`): which instrumented point is where in the source.

use event::{ModuleVersion, SiteId, SiteKind, codes};

use crate::DecodeError;
use crate::bytes::{Put, Reader};

/// First bytes.
pub const MAGIC: [u8; 4] = *b"ESST";
/// The version of this format.
pub const VERSION: u16 = 1;
/// Greatest table, in bytes.
pub const TABLE_BYTES_MAX: usize = 4 << 20;
/// `Site::clause` of a site in no clause.
pub const NO_CLAUSE: u16 = u16::MAX;
/// Flag: made by a macro; the line is the macro call's, the column is not known.
pub const FLAG_MACRO_MADE: u8 = 1;
/// Flag: the function is generated and has no source clause.
pub const FLAG_GENERATED: u8 = 2;

codes! {
    /// How the source's hash came about.
    SourceState("source state") {
        /// Not known.
        Unknown = 0 "unknown",
        /// Hashed by the build.
        Build = 1 "build",
        /// Hashed at run time, from a file no newer than the module.
        RunTime = 2 "run_time",
    }
}

codes! {
    /// What a function was defined with.
    FunctionKind("function kind") {
        /// `def`.
        Def = 1 "def",
        /// `defp`.
        Defp = 2 "defp",
        /// `defmacro`.
        Defmacro = 3 "defmacro",
        /// `defmacrop`.
        Defmacrop = 4 "defmacrop",
    }
}

/// A function of the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its arity.
    pub arity: u8,
    /// What it was defined with.
    pub kind: FunctionKind,
}

/// An instrumented point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What it is.
    pub kind: SiteKind,
    /// [`FLAG_MACRO_MADE`], [`FLAG_GENERATED`].
    pub flags: u8,
    /// Index of its function.
    pub function: u16,
    /// Index of its clause, from 0; [`NO_CLAUSE`] = none.
    pub clause: u16,
    /// Line of the anchor token, from 1; 0 = none.
    pub line: u32,
    /// Elixir's column of the anchor token, from 1; 0 = none.
    pub column: u32,
    /// Text of the anchor token.
    pub token: String,
}

impl Site {
    /// Is its position that of a macro call?
    pub fn is_macro_made(&self) -> bool {
        self.flags & FLAG_MACRO_MADE != 0
    }
    /// Has its function no source clause?
    pub fn is_generated(&self) -> bool {
        self.flags & FLAG_GENERATED != 0
    }
}

/// The table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteTable {
    /// Whose sites these are.
    pub version: ModuleVersion,
    /// `beam_lib:md5` of the original module.
    pub md5: [u8; 16],
    /// SHA-256 of the source file when it was compiled; zeros = not known.
    pub source: [u8; 32],
    /// How `source` came about.
    pub source_state: SourceState,
    /// The module as the VM names it, `Elixir.Shop.Stock`.
    pub module: String,
    /// Source file, relative to the project's root.
    pub file: String,
    /// Application, may be empty.
    pub application: String,
    /// Its functions, by index.
    pub functions: Vec<Function>,
    /// Its sites; the first has number 1.
    pub sites: Vec<Site>,
}

impl SiteTable {
    /// The site with this number.
    pub fn site(&self, site: SiteId) -> Option<&Site> {
        let index = usize::try_from(site.0).ok()?.checked_sub(1)?;
        self.sites.get(index)
    }
    /// The function with this index, as sites name it.
    pub fn function(&self, index: u16) -> Option<&Function> {
        self.functions.get(usize::from(index))
    }

    /// Reads a table. A site whose function is not there is refused.
    pub fn decode(table: &[u8]) -> Result<Self, DecodeError> {
        DecodeError::check_size("site table", table.len(), TABLE_BYTES_MAX)?;
        let mut r = Reader::new(table);
        let magic = r.array()?;
        if magic != MAGIC {
            return Err(DecodeError::Magic {
                what: "site table",
                found: magic,
            });
        }
        let version = r.u16()?;
        if version != VERSION {
            return Err(DecodeError::Version {
                what: "site table",
                found: version,
                known: VERSION,
            });
        }
        let decoded = Self {
            version: ModuleVersion(u128::from_be_bytes(r.array()?)),
            md5: r.array()?,
            source: r.array()?,
            source_state: SourceState::try_from(r.u8()?)?,
            module: r.string()?,
            file: r.string()?,
            application: r.string()?,
            functions: read_functions(&mut r)?,
            sites: read_sites(&mut r)?,
        };
        r.finish()?;
        match decoded
            .sites
            .iter()
            .find(|site| decoded.function(site.function).is_none())
        {
            None => Ok(decoded),
            Some(site) => Err(DecodeError::Unknown {
                what: "function index",
                code: site.function.into(),
            }),
        }
    }

    /// The table's bytes; what is behind 65,535 functions is left out.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put(&MAGIC);
        out.put_u16(VERSION);
        out.put(&self.version.0.to_be_bytes());
        out.put(&self.md5);
        out.put(&self.source);
        out.put_u8(self.source_state.code());
        out.put_str(&self.module);
        out.put_str(&self.file);
        out.put_str(&self.application);
        let functions = u16::try_from(self.functions.len()).unwrap_or(u16::MAX);
        out.put_u16(functions);
        for function in self.functions.iter().take(usize::from(functions)) {
            out.put_str(&function.name);
            out.put_u8(function.arity);
            out.put_u8(function.kind.code());
        }
        out.put_u32(self.sites.len() as u32);
        for site in &self.sites {
            out.put_u8(site.kind.code());
            out.put_u8(site.flags);
            out.put_u16(site.function);
            out.put_u16(site.clause);
            out.put_u32(site.line);
            out.put_u32(site.column);
            out.put_str(&site.token);
        }
        out
    }
}

fn read_functions(r: &mut Reader<'_>) -> Result<Vec<Function>, DecodeError> {
    let n = usize::from(r.u16()?);
    (0..r.count(n, 4)?)
        .map(|_| {
            Ok(Function {
                name: r.string()?,
                arity: r.u8()?,
                kind: FunctionKind::try_from(r.u8()?)?,
            })
        })
        .collect()
}

fn read_sites(r: &mut Reader<'_>) -> Result<Vec<Site>, DecodeError> {
    let n = r.u32()? as usize;
    (0..r.count(n, 16)?)
        .map(|_| {
            let kind = SiteKind::try_from(r.u8()?)?;
            Ok(Site {
                kind,
                flags: r.u8()?,
                function: r.u16()?,
                clause: r.u16()?,
                line: r.u32()?,
                column: r.u32()?,
                token: r.string()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
