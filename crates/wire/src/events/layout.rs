//! The columns of event frames.

pub(super) const SECTIONS: u16 = 1;
pub(super) const NODES: u16 = 2;
pub(super) const SITES: u16 = 3;
pub(super) const SHAPES: u16 = 4;
pub(super) const SLOT_BASE: u16 = 5;
pub(super) const TRACE: u16 = 6;
pub(super) const TRACE_ROWS: u16 = 7;
pub(super) const RUNS: u16 = 8;
pub(super) const RUN_ROWS: u16 = 9;
pub(super) const RUN_SOURCE: u16 = 10;
pub(super) const RUN_SHARD: u16 = 11;
pub(super) const RUN_SEQ: u16 = 12;
pub(super) const RUN_FIRST: u16 = 13;
pub(super) const SOURCES: u16 = 14;
pub(super) const TAG: u16 = 16;
pub(super) const PARENT_BACK: u16 = 17;
pub(super) const PARENT_ID: u16 = 18;
pub(super) const NODE: u16 = 19;
pub(super) const REMOTE: u16 = 20;
pub(super) const REMOTE_TIME: u16 = 21;
pub(super) const SITE: u16 = 22;
pub(super) const PID: u16 = 23;
pub(super) const ORDINAL: u16 = 24;
pub(super) const SLOT: u16 = 25;
pub(super) const LANE: u16 = 26;
pub(super) const TIME: u16 = 27;
pub(super) const HLC: u16 = 28;
pub(super) const SHAPE: u16 = 29;
pub(super) const LINKED: u16 = 30;
pub(super) const PAYLOAD: u16 = 31;

/// What people call it.
pub(super) fn name(column: u16) -> &'static str {
    match column {
        SECTIONS => "sections",
        NODES => "nodes",
        SITES => "sites",
        SHAPES => "shapes",
        SLOT_BASE => "least slots",
        TRACE => "trace id",
        TRACE_ROWS => "rows of traces",
        RUNS => "runs of traces",
        RUN_ROWS => "rows of runs",
        RUN_SOURCE => "source of runs",
        RUN_SHARD => "shard of runs",
        RUN_SEQ => "seq of runs",
        RUN_FIRST => "first row of runs",
        SOURCES => "sources",
        TAG => "tag",
        PARENT_BACK => "parent row",
        PARENT_ID => "parent id",
        NODE => "node",
        REMOTE => "remote node",
        REMOTE_TIME => "remote time",
        SITE => "site",
        PID => "pid",
        ORDINAL => "ordinal",
        SLOT => "slot",
        LANE => "lane",
        TIME => "time",
        HLC => "hlc",
        SHAPE => "shape",
        LINKED => "linked trace",
        PAYLOAD => "payload",
        _ => "unknown",
    }
}
