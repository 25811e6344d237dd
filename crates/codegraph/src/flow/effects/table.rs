//! What functions of Elixir and Erlang do.

#![expect(
    clippy::match_same_arms,
    clippy::unnested_or_patterns,
    reason = "a table by module, which stays readable only in that order"
)]

use super::{Confidence, Effects};

const READS: Effects = Effects::READS;
const WRITES: Effects = Effects::WRITES;
const SENDS: Effects = Effects::SENDS;
const IO: Effects = Effects::IO;
const VARIES: Effects = Effects::VARIES;
const SPAWNS: Effects = Effects::SPAWNS;

/// Modules whose functions compute and do nothing else; those that take a function do what that does.
const PURE: [&str; 40] = [
    "Access",
    "Base",
    "Bitwise",
    "Date",
    "DateTime",
    "Date.Range",
    "Enum",
    "Exception",
    "Float",
    "Function",
    "Inspect.Algebra",
    "Integer",
    "Kernel",
    "Keyword",
    "List",
    "Macro",
    "Map",
    "MapSet",
    "Module",
    "NaiveDateTime",
    "OptionParser",
    "Path",
    "Range",
    "Regex",
    "Stream",
    "String",
    "String.Chars",
    "Time",
    "Tuple",
    "URI",
    "Version",
    "Calendar",
    "Calendar.ISO",
    "Inspect",
    "Collectable",
    "Enumerable",
    "List.Chars",
    "Macro.Env",
    "StringIO",
    "Atom",
];

const ERLANG_PURE: [&str; 16] = [
    "lists",
    "maps",
    "string",
    "binary",
    "math",
    "queue",
    "gb_trees",
    "gb_sets",
    "sets",
    "ordsets",
    "orddict",
    "dict",
    "array",
    "proplists",
    "unicode",
    "base64",
];

/// What a function of a module does; `None`: the module is no part of the table, perhaps one of the project.
pub(super) fn remote(module: &str, name: &str) -> Option<(Effects, Confidence)> {
    let certain = |effects| Some((effects, Confidence::Certain));
    let Some(module) = module.strip_prefix("Elixir.") else {
        return erlang(module, name);
    };
    match (module, name) {
        ("DateTime" | "NaiveDateTime" | "Time", "utc_now" | "now" | "now!" | "local_now")
        | ("Date", "utc_today") => certain(READS.join(VARIES)),
        ("Enum", "random" | "shuffle" | "take_random") => certain(VARIES),
        ("Kernel", "send") => certain(SENDS),
        ("Kernel", "spawn" | "spawn_link" | "spawn_monitor") => certain(SPAWNS),
        ("Kernel", "self" | "node" | "make_ref") => certain(VARIES),
        ("Kernel", "raise" | "throw" | "exit" | "reraise") => certain(Effects::RAISES),
        ("IO", "iodata_to_binary" | "iodata_length" | "chardata_to_string") => certain(Effects::NONE),
        ("IO", "inspect" | "puts" | "write" | "warn" | "binwrite") => certain(IO),
        ("IO" | "Mix.Shell" | "Port" | "Code" | "Mix", _) => certain(IO.join(READS)),
        ("File" | "File.Stream", _) => certain(if reads_only(name) {
            IO.join(READS)
        } else {
            IO.join(WRITES)
        }),
        ("Logger", _) => certain(IO),
        ("System", "monotonic_time" | "system_time" | "os_time" | "unique_integer") => {
            certain(READS.join(VARIES))
        }
        ("System", "get_env" | "fetch_env" | "fetch_env!" | "cwd" | "cwd!" | "argv") => certain(READS),
        ("System", "put_env" | "delete_env") => certain(WRITES),
        ("System", "version" | "otp_release" | "schedulers") => certain(Effects::NONE),
        ("System", _) => certain(IO),
        ("Application", _) => certain(if reads_only(name) { READS } else { WRITES }),
        (
            "Process",
            "send" | "send_after" | "exit" | "cancel_timer" | "demonitor" | "monitor" | "link" | "unlink",
        ) => certain(SENDS),
        ("Process", "put" | "delete" | "flag" | "register" | "unregister" | "group_leader") => {
            certain(WRITES)
        }
        ("Process", "sleep" | "hibernate") => certain(Effects::RECEIVES),
        ("Process", "spawn") => certain(SPAWNS),
        ("Process" | "Registry" | "Node", _) => certain(if writes(name) { WRITES } else { READS }),
        (
            "GenServer"
            | "Supervisor"
            | "DynamicSupervisor"
            | "Task.Supervisor"
            | "PartitionSupervisor"
            | "GenStage",
            _,
        ) => certain(
            if name.starts_with("start") || name == "async" || name == "async_nolink" {
                SPAWNS.join(SENDS)
            } else {
                SENDS
            },
        ),
        ("Agent", "get" | "get_and_update" | "update" | "cast" | "stop") => {
            certain(SENDS.join(if name == "get" { READS } else { WRITES }))
        }
        ("Agent", _) => certain(SPAWNS),
        ("Task", "await" | "await_many" | "yield" | "yield_many") => certain(Effects::RECEIVES),
        ("Task", _) => certain(SPAWNS),
        ("Phoenix.PubSub", "broadcast" | "broadcast!" | "local_broadcast" | "broadcast_from") => {
            certain(SENDS)
        }
        ("Phoenix.PubSub", _) => certain(WRITES),
        ("Jason" | "Ecto.Changeset" | "Ecto.Query" | "Plug.Conn.Query", _) => {
            Some((Effects::NONE, Confidence::Likely))
        }
        _ if PURE.contains(&module) => certain(Effects::NONE),
        // By convention the module that talks to the database.
        _ if module.ends_with("Repo") => {
            let effects = if writes(name) || name == "transaction" {
                WRITES
            } else {
                READS
            };
            Some((IO.join(effects), Confidence::Likely))
        }
        _ => None,
    }
}

fn erlang(module: &str, name: &str) -> Option<(Effects, Confidence)> {
    let effects =
        match (module, name) {
            ("ets" | "dets" | "mnesia" | "persistent_term" | "counters" | "atomics", _) => {
                if ets_reads(name) { READS } else { WRITES }
            }
            ("rand" | "random", _) | ("crypto", "strong_rand_bytes" | "rand_seed") => VARIES,
            ("crypto" | "erl_syntax" | "erl_scan" | "erl_parse" | "re" | "zlib", _) => Effects::NONE,
            ("os" | "calendar", "timestamp" | "system_time" | "local_time" | "universal_time") => {
                READS.join(VARIES)
            }
            ("erlang", "send" | "send_after" | "start_timer" | "monitor" | "link" | "!") => SENDS,
            ("erlang", "put" | "erase" | "register" | "process_flag") => WRITES,
            ("erlang", "get" | "whereis" | "process_info" | "processes" | "system_info" | "memory") => READS,
            (
                "erlang",
                "monotonic_time" | "system_time" | "now" | "timestamp" | "unique_integer" | "make_ref",
            ) => READS.join(VARIES),
            ("erlang", "spawn" | "spawn_link" | "spawn_monitor" | "spawn_opt") => SPAWNS,
            ("erlang", "error" | "exit" | "throw" | "raise") => Effects::RAISES,
            ("erlang", "halt" | "open_port" | "display") => IO,
            ("erlang", "apply") => Effects::UNKNOWN,
            ("timer", "sleep") => Effects::RECEIVES,
            ("timer", "tc") => READS.join(VARIES),
            (
                "timer" | "global" | "pg" | "rpc" | "erpc" | "gen_server" | "gen_statem" | "gen_event"
                | "net_kernel",
                _,
            ) => SENDS,
            (
                "file" | "filelib" | "gen_tcp" | "gen_udp" | "ssl" | "httpc" | "inet" | "io" | "logger"
                | "os" | "code" | "error_logger" | "prim_file" | "disk_log" | "filename" | "telemetry"
                | "application",
                _,
            ) => match module {
                "filename" => Effects::NONE,
                "application" => READS,
                "telemetry" => SENDS,
                _ => IO,
            },
            ("erlang" | "calendar", _) => Effects::NONE,
            _ if ERLANG_PURE.contains(&module) => Effects::NONE,
            _ => return None,
        };
    Some((effects, Confidence::Certain))
}

/// What a local call does that Elixir imports; `None`: it may be a function of the project.
pub(super) fn local(name: &str, arity: u32) -> Option<(Effects, Confidence)> {
    let effects = match (name, arity) {
        ("send", 2) => SENDS,
        ("spawn" | "spawn_link" | "spawn_monitor", _) => SPAWNS,
        ("self" | "node" | "make_ref", 0) => VARIES,
        // Whether they leave the function is known from control flow.
        ("raise" | "throw" | "exit" | "reraise", _) => Effects::NONE,
        ("apply", 2 | 3) => Effects::UNKNOWN,
        ("dbg", _) => IO,
        (
            "abs" | "ceil" | "floor" | "hd" | "tl" | "length" | "map_size" | "tuple_size" | "byte_size"
            | "bit_size" | "round" | "trunc" | "to_string" | "to_charlist" | "inspect" | "is_nil" | "is_atom"
            | "is_binary" | "is_bitstring" | "is_boolean" | "is_float" | "is_function" | "is_integer"
            | "is_list" | "is_map" | "is_map_key" | "is_number" | "is_pid" | "is_port" | "is_reference"
            | "is_struct" | "is_tuple" | "is_exception",
            1 | 2,
        )
        | (
            "div" | "rem" | "max" | "min" | "elem" | "binary_part" | "get_in" | "then" | "tap" | "struct"
            | "struct!",
            _,
        )
        | ("put_elem" | "put_in" | "update_in" | "pop_in" | "get_and_update_in", _) => Effects::NONE,
        _ if name.starts_with("sigil_") => Effects::NONE,
        _ => return None,
    };
    Some((effects, Confidence::Likely))
}

fn reads_only(name: &str) -> bool {
    [
        "read", "get", "fetch", "exists", "stat", "lstat", "ls", "dir", "regular", "cwd", "stream",
        "app_dir", "spec", "loaded", "started",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

fn writes(name: &str) -> bool {
    [
        "put",
        "insert",
        "update",
        "delete",
        "register",
        "unregister",
        "set",
        "connect",
        "disconnect",
        "spawn",
        "stop",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

fn ets_reads(name: &str) -> bool {
    [
        "lookup",
        "get",
        "member",
        "match",
        "select",
        "info",
        "first",
        "last",
        "next",
        "prev",
        "tab2list",
        "fold",
        "whereis",
        "read",
        "dirty_read",
    ]
    .iter()
    .any(|start| name.starts_with(start))
        && !name.ends_with("delete")
        && !name.ends_with("replace")
}
