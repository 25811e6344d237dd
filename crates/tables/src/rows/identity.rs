//! What is the same, across versions.

use crate::cell::Word;
use crate::describe::rows;

rows! {
    /// A state of a project's sources.
    Version "version" key ["version"] {
        /// Its id, 64 hexadecimal digits: the one under which `elixirscope sync` publishes the same sources.
        version: &'a str;
        /// The project's name.
        project: &'a str;
        /// Source files.
        files: i64, in "files";
        /// Their lines.
        lines: i64, in "lines";
        /// Their bytes.
        bytes: i64, in "bytes";
        /// Files that could not be read or have syntax errors.
        faults: i64, in "files";
        /// Where ids of entities and nodes come from: `kept` through all versions before, or `minted` for this one alone, as
        /// if all its code were new; `partly`: minted in files that are in no version as they are.
        identities: Word<'a>;
        /// Its id in the code store, 64 hexadecimal digits, if it is a version there: what `lineage.from_version` is of others.
        stored: Option<&'a str>;
        /// Its commit, if it is the version of one.
        commit: Option<&'a str>;
    }

    /// A named thing (file, module, function, clause, attribute, type, callback) under an id that outlives its name.
    Entity "entity" key ["version", "entity"] {
        /// The version that it is seen in.
        version: Word<'a>, of "version.version";
        /// Its id, 32 hexadecimal digits: the same in all versions.
        entity: &'a str;
        /// What it is: `file`, `module`, `function`, `clause`, `attribute`, `type`, `callback`.
        kind: Word<'a>;
        /// Its name in this version: `Elixir.Shop.Stock.take/2`; of a file the path. A clause has its function's.
        name: &'a str;
        /// What it is part of.
        parent: Option<&'a str>, of "entity.entity";
        /// Its file.
        file: Word<'a>;
        /// Its first line.
        line: i32, in "line, from 1";
        /// Its node; empty of files and of functions, which are their clauses.
        pre: Option<i64>, of "ast_node.pre";
        /// The number that its next new node gets; empty where it owns no nodes.
        next: Option<i64>, in "nodes";
    }

    /// What became of an entity from one version to the next (`identity.md`). Has rows only where versions are kept.
    Lineage "lineage" key ["version", "from_entity", "to_entity", "kind"] {
        /// The later version.
        version: Word<'a>, of "version.version";
        /// The earlier version, as `version.stored` has it.
        from_version: Word<'a>;
        /// The entity there.
        from_entity: &'a str;
        /// The entity here; the same unless it is a new one.
        to_entity: &'a str, of "entity.entity";
        /// What kind of thing: `file`, `module`, `function`.
        entity_kind: Word<'a>;
        /// What happened: `same`, `edited`, `renamed`, `moved`, `copied`, `extracted`, `inlined`, `split`, `merged`.
        kind: Word<'a>;
        /// Why that is believed: `name`, `content`, `alpha`, `similar`, `members`, `nodes`.
        evidence: Word<'a>;
        /// How sure: of equal names and contents 1, else the share of nodes that went along.
        confidence: f64, in "0 to 1";
    }
}
