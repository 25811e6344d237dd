//! A definition's head: which token names the function, and with how many parameters.

use super::flat::FlatTree;

/// What a head says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) arity: u8,
    pub(super) defaults: u8,
    /// The token of the name; `None` if it is no single token.
    pub(super) token: Option<u32>,
}

/// The head of a definition, whose first argument this is; `None` if the name is computed (`unquote`).
pub(super) fn read(flat: &FlatTree<'_>, argument: u32) -> Option<Head> {
    let mut at = argument;
    loop {
        match flat.node(at).kind {
            "binary_operator" if flat.operator(at)?.1 == "when" => at = flat.field(at, "left")?,
            "block" => {
                let mut inside = flat.terms(at);
                at = inside.next()?;
                if inside.next().is_some() {
                    return None;
                }
            }
            _ => break,
        }
    }
    match flat.node(at).kind {
        "identifier" => head(flat, flat.text_of(at), Some(at), &[]),
        "call" => {
            let target = flat.field(at, "target")?;
            let name = flat.text_of(target);
            let is_name = flat.node(target).kind == "identifier" && name != "unquote";
            if is_name {
                head(flat, name, Some(target), &flat.arguments(at))
            } else {
                None
            }
        }
        "unary_operator" => {
            let (token, name) = flat.operator(at)?;
            head(flat, name, Some(token), &[flat.field(at, "operand")?])
        }
        "binary_operator" => binary(flat, at),
        _ => None,
    }
}

fn binary(flat: &FlatTree<'_>, at: u32) -> Option<Head> {
    let (token, name) = flat.operator(at)?;
    let (left, right) = (flat.field(at, "left")?, flat.field(at, "right")?);
    let inner = (flat.node(left).kind == "binary_operator")
        .then(|| flat.operator(left))
        .flatten();
    match (name, inner) {
        ("//", Some((_, ".."))) => head(
            flat,
            "..//",
            None,
            &[flat.field(left, "left")?, flat.field(left, "right")?, right],
        ),
        _ => head(flat, name, Some(token), &[left, right]),
    }
}

fn head(flat: &FlatTree<'_>, name: &str, token: Option<u32>, parameters: &[u32]) -> Option<Head> {
    let has_default = |parameter: &&u32| {
        let operator = (flat.node(**parameter).kind == "binary_operator")
            .then(|| flat.operator(**parameter))
            .flatten();
        operator.is_some_and(|(_, text)| text == "\\\\")
    };
    let defaults = parameters.iter().filter(has_default).count();
    Some(Head {
        name: name.to_owned(),
        arity: u8::try_from(parameters.len()).ok()?,
        defaults: u8::try_from(defaults).ok()?,
        token,
    })
}
