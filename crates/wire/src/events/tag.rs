//! Tags: what is known of a row before any number of it is read. Kind, class and flags, and how each other field follows from
//! rows before it. Rows differ in few tags, so that a row has one small number for all of this; a number is written only where
//! the tag says that nothing foretells it.

/// Where the parent is.
pub(super) mod parent {
    /// No parent.
    pub(in crate::events) const NONE: u64 = 0;
    /// The row before.
    pub(in crate::events) const BEFORE: u64 = 1;
    /// The parent of the row before.
    pub(in crate::events) const OF_BEFORE: u64 = 2;
    /// The parent of that.
    pub(in crate::events) const OF_THAT: u64 = 3;
    /// So many rows back as column `PARENT_BACK` says.
    pub(in crate::events) const BACK: u64 = 4;
    /// Not in the trace before this row: column `PARENT_ID` has it.
    pub(in crate::events) const ELSEWHERE: u64 = 5;
}

/// Where `remote_node` and `remote_time` are.
pub(super) mod remote {
    /// Both 0.
    pub(in crate::events) const NONE: u64 = 0;
    /// Node and time of the parent's row.
    pub(in crate::events) const PARENT: u64 = 1;
    /// The node of the parent's row; the time is given.
    pub(in crate::events) const TIME: u64 = 2;
    /// Both are given.
    pub(in crate::events) const GIVEN: u64 = 3;
}

/// Where the site is.
pub(super) mod site {
    /// None.
    pub(in crate::events) const NONE: u64 = 0;
    /// The number after that of the parent's row.
    pub(in crate::events) const NEXT: u64 = 1;
    /// That of the parent's row.
    pub(in crate::events) const SAME: u64 = 2;
    /// Given.
    pub(in crate::events) const GIVEN: u64 = 3;
}

/// Where the id is: slot after the last one of the node in the trace, lane as there?
pub(super) mod id {
    /// The next slot, the same lane.
    pub(in crate::events) const NEXT: u64 = 0;
    /// The next slot, the other lane of a pair.
    pub(in crate::events) const PAIR: u64 = 1;
    /// The slot is given, the same lane.
    pub(in crate::events) const SLOT: u64 = 2;
    /// Both are given.
    pub(in crate::events) const GIVEN: u64 = 3;
}

/// A difference of ordinals that a tag has, and how many.
pub(super) const ORDINAL_MIN: i64 = -8;
/// The code that says that the difference is given.
pub(super) const ORDINAL_GIVEN: u64 = 31;

const CLASS_AT: u32 = 8;
const FLAGS_AT: u32 = 16;
const PARENT_AT: u32 = 24;
const NODE_AT: u32 = 27;
const REMOTE_AT: u32 = 28;
const SITE_AT: u32 = 30;
const PID_AT: u32 = 32;
const ORDINAL_AT: u32 = 33;
const ID_AT: u32 = 38;
const BACK_AT: u32 = 40;
const HLC_AT: u32 = 41;
const SHAPE_AT: u32 = 42;
const LINKED_AT: u32 = 43;
const PAYLOAD_AT: u32 = 44;
/// Bits that a tag can have.
pub(super) const BITS: u32 = 45;

/// A tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u64);

impl Tag {
    #[inline]
    pub(super) fn new(kind: u8, class: u8, flags: u8) -> Self {
        Self(u64::from(kind) | u64::from(class) << CLASS_AT | u64::from(flags) << FLAGS_AT)
    }
    pub(super) fn kind(self) -> u8 {
        self.0 as u8
    }
    pub(super) fn class(self) -> u8 {
        (self.0 >> CLASS_AT) as u8
    }
    pub(super) fn flags(self) -> u8 {
        (self.0 >> FLAGS_AT) as u8
    }
    #[inline]
    fn bits(self, at: u32, count: u32) -> u64 {
        self.0 >> at & ((1 << count) - 1)
    }
}

macro_rules! fields {
    ($($get:ident $set:ident $at:ident $count:literal;)*) => {
        impl Tag {$(
            #[inline]
            pub(super) fn $get(self) -> u64 {
                self.bits($at, $count)
            }
            #[inline]
            pub(super) fn $set(&mut self, value: u64) {
                self.0 |= value << $at;
            }
        )*}
    };
}

fields! {
    parent set_parent PARENT_AT 3;
    node_given give_node NODE_AT 1;
    remote set_remote REMOTE_AT 2;
    site set_site SITE_AT 2;
    pid_given give_pid PID_AT 1;
    ordinal set_ordinal ORDINAL_AT 5;
    id set_id ID_AT 2;
    time_back set_time_back BACK_AT 1;
    hlc_given give_hlc HLC_AT 1;
    shape set_shape SHAPE_AT 1;
    linked set_linked LINKED_AT 1;
    payload set_payload PAYLOAD_AT 1;
}
