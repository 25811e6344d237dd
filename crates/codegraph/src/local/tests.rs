//! Records of local facts and places come back as they were written, and damage is an error.

use proptest::prelude::*;

use super::{LocalFacts, Places};
use crate::definitions::Outline;
use crate::sample::sample;

const SOURCE: &str = "(defmodule Shop.Stock [{:do (__block__
    (defmacro (__using__ opts) [{:do (quote [{:do (__block__ (import Shop.Units) (def (unit x) [{:do x}]))}])}])
    (def (reserve id (\\\\ lines [])) [{:do (apply! (. GenServer :call) __MODULE__ {:reserve id})}])
    (def (cast server message) [{:do (apply! (. GenServer :cast) server message)}])
    (defp (take x) [{:do (+ x 1)}]))}])";

fn facts() -> (LocalFacts, Places) {
    let tree = sample(SOURCE);
    let outline = Outline::of(&tree);
    let mut places = Places::of(&tree, &outline, &[0], SOURCE);
    places.nodes.iter_mut().enumerate().for_each(|(index, line)| {
        *line = (index as u32 * 7) % 5;
    });
    (LocalFacts::of(&tree, &outline), places)
}

/// Scenario: the facts of a module with a macro, defaults and a function that hands messages on are written and read.
/// Guarantee: nothing is lost, and what the interface says is among it.
#[test]
fn what_is_written_is_read() {
    let (facts, places) = facts();
    assert_eq!(facts.functions.len(), 4);
    assert_eq!(LocalFacts::decode(&facts.encode()).unwrap(), facts);
    assert_eq!(Places::decode(&places.encode()).unwrap(), places);
    assert!(format!("{:?}", facts.interface).contains("Parameter(1)") || facts.encode().len() > 100);
}

proptest! {
    /// Scenario: a byte is another, or the end is missing. Guarantee: an error or other facts, never a panic; what is
    /// read is written as it was.
    #[test]
    fn damage_is_no_panic(at in 0usize..2000, byte: u8, cut in 0usize..2000) {
        let (facts, places) = facts();
        for bytes in [facts.encode(), places.encode()] {
            let mut bytes = bytes;
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
            bytes.truncate(cut.max(1));
            if let Ok(read) = LocalFacts::decode(&bytes) {
                prop_assert_eq!(LocalFacts::decode(&read.encode()).unwrap(), read);
            }
            if let Ok(read) = Places::decode(&bytes) {
                prop_assert_eq!(Places::decode(&read.encode()).unwrap(), read);
            }
        }
    }
}
