//! The `Dbgi` chunk: `{debug_info_v1, Backend, Data}`. Elixir's backend keeps definitions after macro expansion, Erlang's
//! the abstract forms; a stripped or protected module keeps nothing, and says so.

use super::expanded::{self, Expanded};
use super::terms::{self, Terms};
use super::{Beam, BeamFault};

/// What a module's debug info says.
#[derive(Clone, Debug)]
pub enum DebugInfo {
    /// There is no `Dbgi` chunk: `mix release` with `strip_beams`, `strip` of `beam_lib`.
    Stripped,
    /// There is one, without definitions: compiled with `debug_info: false`, or encrypted, or of a backend or version
    /// that is not known.
    Withheld(String),
    /// Elixir's definitions.
    Elixir(Box<Expanded>),
    /// Erlang's forms.
    Erlang(ErlangForms),
}

/// What is kept of Erlang's abstract forms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErlangForms {
    /// The file of the first `-file` attribute; may be empty.
    pub file: String,
    /// Functions: name, arity, line.
    pub functions: Vec<(String, u8, u32)>,
}

impl Beam<'_> {
    /// Reads the module's debug info.
    pub fn debug_info(&self) -> Result<DebugInfo, BeamFault> {
        let Some(chunk) = self.chunk("Dbgi").filter(|chunk| !chunk.is_empty()) else {
            return Ok(DebugInfo::Stripped);
        };
        let data = terms::unpacked("Dbgi", chunk)?;
        let terms = Terms::read("Dbgi", &data)?;
        let wrong = |why| BeamFault::Chunk { chunk: "Dbgi", why };
        let Some([tag, backend, info]) = terms.tuple(terms.root()) else {
            return Err(wrong("it is not {debug_info_v1, backend, data}"));
        };
        if terms.atom(tag).as_deref() != Some("debug_info_v1") {
            return Err(wrong("it is not {debug_info_v1, backend, data}"));
        }
        let backend = terms.atom(backend).unwrap_or_default();
        match (backend.as_ref(), terms.tuple(info)) {
            ("elixir_erl", Some([version, map, specs]))
                if terms.atom(version).as_deref() == Some("elixir_v1") =>
            {
                let expanded = expanded::read(&terms, map, specs)?;
                Ok(DebugInfo::Elixir(Box::new(expanded)))
            }
            ("erl_abstract_code", _) => {
                let forms = terms.tuple(info).map(|[forms, _options]| forms);
                Ok(forms.filter(|forms| terms.is_list(*forms)).map_or_else(
                    || DebugInfo::Withheld("Erlang's forms are not kept".into()),
                    |forms| DebugInfo::Erlang(erlang(&terms, forms)),
                ))
            }
            ("elixir_erl", _) => Ok(DebugInfo::Withheld("Elixir's definitions are not kept".into())),
            (other, _) => Ok(DebugInfo::Withheld(format!("debug info of backend {other:?}"))),
        }
    }
}

fn erlang(terms: &Terms<'_>, forms: super::TermRef) -> ErlangForms {
    let mut found = ErlangForms::default();
    for form in terms.list(forms) {
        if let Some([kind, at, name, arity, _clauses]) = terms.tuple(form)
            && terms.atom(kind).as_deref() == Some("function")
        {
            let line = terms
                .int(at)
                .or_else(|| terms.tuple(at).and_then(|[line, _column]| terms.int(line)));
            found.functions.push((
                terms.atom(name).unwrap_or_default().into_owned(),
                terms.int(arity).unwrap_or_default().try_into().unwrap_or(u8::MAX),
                line.unwrap_or_default().try_into().unwrap_or_default(),
            ));
        } else if let Some([kind, _at, name, value]) = terms.tuple(form)
            && found.file.is_empty()
            && terms.atom(kind).as_deref() == Some("attribute")
            && terms.atom(name).as_deref() == Some("file")
            && let Some([file, _line]) = terms.tuple(value)
        {
            found.file = String::from_utf8_lossy(terms.bytes(file).unwrap_or_default()).into_owned();
        }
    }
    found
}
