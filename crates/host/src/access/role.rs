//! Roles, and what each of them may do.

use std::fmt;
use std::str::FromStr;

/// What a request needs of the one who makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// To see names, times, statuses, places in the code, numbers of the house.
    See,
    /// To see everything that was captured.
    SeeValues,
    /// To put spans, logs, versions of code in.
    Send,
    /// To change how the house works, or to make it work hard.
    Operate,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees, but no values.
    ViewerRedacted,
    /// Sees all.
    Viewer,
    /// Puts in, sees nothing.
    Writer,
    /// All of it.
    Operator,
}

/// A word that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("role '{0}' is none of viewer-redacted, viewer, writer, operator")]
pub struct UnknownRole(pub String);

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ViewerRedacted, Self::Viewer, Self::Writer, Self::Operator];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::ViewerRedacted => "viewer-redacted",
            Self::Viewer => "viewer",
            Self::Writer => "writer",
            Self::Operator => "operator",
        }
    }

    /// May it?
    pub fn may(self, needs: Needs) -> bool {
        match needs {
            Needs::See => self != Self::Writer,
            Needs::SeeValues => matches!(self, Self::Viewer | Self::Operator),
            Needs::Send => matches!(self, Self::Writer | Self::Operator),
            Needs::Operate => self == Self::Operator,
        }
    }
}

impl Needs {
    /// The least role that may.
    pub fn least(self) -> Role {
        match self {
            Self::See => Role::ViewerRedacted,
            Self::SeeValues => Role::Viewer,
            Self::Send => Role::Writer,
            Self::Operate => Role::Operator,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: every role before every need. Guarantee: exactly what `docs/operations.md` says; the least role of a need may do it.
    #[test]
    fn who_may_what() {
        let may = |role: Role| {
            let needs = [Needs::See, Needs::SeeValues, Needs::Send, Needs::Operate];
            needs.map(|need| role.may(need))
        };
        assert_eq!(may(Role::ViewerRedacted), [true, false, false, false]);
        assert_eq!(may(Role::Viewer), [true, true, false, false]);
        assert_eq!(may(Role::Writer), [false, false, true, false]);
        assert_eq!(may(Role::Operator), [true; 4]);
        for need in [Needs::See, Needs::SeeValues, Needs::Send, Needs::Operate] {
            assert!(need.least().may(need));
        }
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert!("Viewer".parse::<Role>().is_err());
    }
}
