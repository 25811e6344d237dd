//! Names of attributes and values of fields that this member's spans have. Not by shard: what a member still keeps of a shard that it
//! held once is in the answers of those who hold it too, and a name that comes twice is one.

use std::collections::{BTreeSet, HashSet};

use event::Value;
use query::tempo::{SourceError, SpanSource as _, TagScope};
use traceql::ast::Field;
use traceql::{Conditions, Label};

use super::answer::{Answer, Take, cost, drop_flow, time_range};
use super::codec::{End, Outcome, Part};

/// Distinct values and names that one answer holds.
const VALUES_MAX: usize = 200_000;

impl Answer<'_> {
    pub(super) fn names(
        &self,
        range: (u64, u64),
        take: &mut Take<'_>,
        end: &mut End,
    ) -> Result<(), SourceError> {
        let mut seen: HashSet<(u8, String)> = HashSet::new();
        let named = self
            .stored()
            .names(time_range(range), self.stop, &mut |scope, name| {
                let scope = code_of(scope);
                if seen.len() < VALUES_MAX && !seen.contains(&(scope, name.to_owned())) {
                    seen.insert((scope, name.to_owned()));
                }
            })?;
        let Some(inspected) = named else {
            end.outcome = Outcome::Cannot;
            return Ok(());
        };
        end.cut = seen.len() >= VALUES_MAX;
        cost(inspected, end);
        drop_flow(take(Part::Names(seen.into_iter().collect())));
        Ok(())
    }

    pub(super) fn values(
        &self,
        field: &Field,
        conditions: &Conditions,
        range: (u64, u64),
        take: &mut Take<'_>,
        end: &mut End,
    ) -> Result<(), SourceError> {
        let mut seen: BTreeSet<Label> = BTreeSet::new();
        let mut values: Vec<Value> = Vec::new();
        let range = time_range(range);
        let stored = self.stored();
        let listed = stored.values(field, conditions, range, self.stop, &mut |value| {
            if let Some(label) = Label::of_value(value)
                && values.len() < VALUES_MAX
                && seen.insert(label)
            {
                values.push(value.clone());
            }
        })?;
        let Some(inspected) = listed else {
            end.outcome = Outcome::Cannot;
            return Ok(());
        };
        end.cut = values.len() >= VALUES_MAX;
        cost(inspected, end);
        drop_flow(take(Part::Values(values)));
        Ok(())
    }
}

/// The number of a scope of names.
fn code_of(scope: TagScope) -> u8 {
    match scope {
        TagScope::Resource => 1,
        TagScope::Span => 2,
        TagScope::Event => 3,
        TagScope::Link => 4,
        TagScope::Instrumentation => 5,
        TagScope::Intrinsic => 6,
    }
}

/// The scope of a number.
pub(crate) fn scope_of(code: u8) -> Option<TagScope> {
    TagScope::ALL.into_iter().find(|scope| code_of(*scope) == code)
}
