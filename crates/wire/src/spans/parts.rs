//! The columns of span frames, and what writes them.

use super::encode::Columns;
use super::order::Order;
use crate::columns::Squeezer;

/// Columns that every span has. Attribute `i` is column `ATTRIBUTES + i`.
pub(super) mod column {
    pub(in crate::spans) const ID: u16 = 1;
    pub(in crate::spans) const PARENT_ROW: u16 = 2;
    pub(in crate::spans) const PARENT: u16 = 3;
    pub(in crate::spans) const START: u16 = 4;
    pub(in crate::spans) const DURATION: u16 = 5;
    pub(in crate::spans) const KIND: u16 = 6;
    pub(in crate::spans) const STATUS: u16 = 7;
    pub(in crate::spans) const NAME: u16 = 8;
    pub(in crate::spans) const MESSAGE: u16 = 9;
    pub(in crate::spans) const RESOURCE: u16 = 10;
    pub(in crate::spans) const SCOPE: u16 = 11;
    pub(in crate::spans) const SHAPE: u16 = 12;
    pub(in crate::spans) const REST: u16 = 13;
    pub(in crate::spans) const FLAGS: u16 = 14;
    pub(in crate::spans) const TRACE: u16 = 15;
    pub(in crate::spans) const TRACE_ROWS: u16 = 16;
    pub(in crate::spans) const ATTRIBUTES: u16 = 64;

    /// What people call it.
    pub(in crate::spans) fn name(column: u16) -> &'static str {
        match column {
            ID => "span id",
            PARENT_ROW => "parent row",
            PARENT => "parent id",
            START => "start",
            DURATION => "duration",
            KIND => "kind",
            STATUS => "status",
            NAME => "name",
            MESSAGE => "status message",
            RESOURCE => "resource",
            SCOPE => "scope",
            SHAPE => "shape",
            REST => "rest",
            FLAGS => "flags",
            TRACE => "trace id",
            TRACE_ROWS => "rows of traces",
            _ => "unknown",
        }
    }
}

/// Makes frames; keeps its memory from frame to frame.
#[derive(Debug, Default)]
pub struct Packer {
    pub(super) squeezer: Squeezer,
    pub(super) columns: Option<Columns>,
    pub(super) order: Order,
}

impl Packer {
    /// Compresses large texts alone: for frames that are merged soon. A third of the work, twice the bytes.
    pub fn quick() -> Self {
        Self {
            squeezer: Squeezer::quick(),
            ..Self::default()
        }
    }

    /// Is it such a one?
    pub fn is_quick(&self) -> bool {
        !self.squeezer.is_thorough()
    }
}
