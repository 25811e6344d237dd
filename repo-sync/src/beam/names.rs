//! A module's atoms, exports and imports (`AtU8` or `Atom`, `ExpT`, `ImpT`).

use super::chunks::u32_at;
use super::{Beam, BeamFault};

/// A function by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionName {
    /// Module as the VM names it.
    pub module: String,
    /// Name as the VM has it; of an Elixir macro `MACRO-name`.
    pub name: String,
    /// Arity as the VM has it; of an Elixir macro one more than its parameters.
    pub arity: u8,
}

impl FunctionName {
    /// An Elixir macro's name and number of parameters.
    #[must_use]
    pub fn as_macro(&self) -> Option<(&str, u8)> {
        Some((self.name.strip_prefix("MACRO-")?, self.arity.checked_sub(1)?))
    }
}

/// What a module calls itself, exports and imports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The module.
    pub module: String,
    /// Exported functions, sorted.
    pub exports: Vec<FunctionName>,
    /// Functions of other modules that its code calls, in the order of the chunk.
    pub imports: Vec<FunctionName>,
}

impl Beam<'_> {
    /// The module's names.
    pub fn names(&self) -> Result<Names, BeamFault> {
        let atoms = atoms(self)?;
        let module = atoms.first().ok_or(BeamFault::Chunk {
            chunk: "AtU8",
            why: "it is empty",
        })?;
        let exports = rows(self.required("ExpT")?, "ExpT")?;
        let mut exports = exports
            .map(|[name, arity, _label]| {
                Ok(FunctionName {
                    module: module.clone(),
                    name: atom(&atoms, name, "ExpT")?,
                    arity: arity.try_into().unwrap_or(u8::MAX),
                })
            })
            .collect::<Result<Vec<_>, BeamFault>>()?;
        exports.sort();
        let imports = rows(self.required("ImpT")?, "ImpT")?
            .map(|[module, name, arity]| {
                Ok(FunctionName {
                    module: atom(&atoms, module, "ImpT")?,
                    name: atom(&atoms, name, "ImpT")?,
                    arity: arity.try_into().unwrap_or(u8::MAX),
                })
            })
            .collect::<Result<Vec<_>, BeamFault>>()?;
        Ok(Names {
            module: module.clone(),
            exports,
            imports,
        })
    }
}

fn atom(atoms: &[String], number: usize, chunk: &'static str) -> Result<String, BeamFault> {
    let found = number.checked_sub(1).and_then(|index| atoms.get(index));
    found.cloned().ok_or(BeamFault::Chunk {
        chunk,
        why: "an atom's number is too large",
    })
}

/// Rows of three big-endian u32 behind their count.
fn rows<'a>(chunk: &'a [u8], name: &'static str) -> Result<impl Iterator<Item = [usize; 3]> + 'a, BeamFault> {
    let count = u32_at(chunk, 0).unwrap_or(usize::MAX);
    if count > chunk.len() / 12 {
        return Err(BeamFault::Chunk {
            chunk: name,
            why: "it ends before its last row",
        });
    }
    Ok((0..count)
        .map(move |row| [0, 4, 8].map(|field| u32_at(chunk, 4 + row * 12 + field).unwrap_or_default())))
}

/// Atoms, the module first. Each has a length before its bytes: a byte; since OTP 28, where the count is negative, in
/// the loader's compact form.
fn atoms(beam: &Beam<'_>) -> Result<Vec<String>, BeamFault> {
    let (chunk, utf8) = match (beam.chunk("AtU8"), beam.chunk("Atom")) {
        (Some(chunk), _) => (chunk, true),
        (None, Some(chunk)) => (chunk, false),
        (None, None) => return Err(BeamFault::NoChunk("AtU8")),
    };
    let short = BeamFault::Chunk {
        chunk: "AtU8",
        why: "it ends before its last atom",
    };
    let count = u32_at(chunk, 0).ok_or_else(|| short.clone())? as u32 as i32;
    let mut rest = chunk.get(4..).unwrap_or_default();
    let wanted = count.unsigned_abs() as usize;
    if wanted > rest.len() {
        return Err(short);
    }
    let mut atoms = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        let (length, after) = length(rest, count < 0).ok_or_else(|| short.clone())?;
        let (text, after) = after.split_at_checked(length).ok_or_else(|| short.clone())?;
        atoms.push(if utf8 {
            String::from_utf8_lossy(text).into_owned()
        } else {
            text.iter().map(|byte| char::from(*byte)).collect()
        });
        rest = after;
    }
    Ok(atoms)
}

/// `beam_asm:encode/2`, tag 0: 4 bits in one byte, or 11 bits in two.
fn length(rest: &[u8], compact: bool) -> Option<(usize, &[u8])> {
    let (first, rest) = rest.split_first()?;
    let first = usize::from(*first);
    if !compact {
        return Some((first, rest));
    }
    match first & 0b1_1111 {
        low if low & 0b1000 == 0 => Some((first >> 4, rest)),
        low if low & 0b1_0000 == 0 => {
            let (second, rest) = rest.split_first()?;
            Some(((first >> 5) << 8 | usize::from(*second), rest))
        }
        _ => None,
    }
}
