//! What others read: a module's JSON document against its published schema, and a SCIP index, read again and checked. Of
//! the shop, of a project with everything in it, and of `ELIXIR_CORPUS`, a folder, if that is set.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use repo_sync::export::{file_documents, module_document, scip};
use repo_sync::project::{Asked, CodeProject, ProjectOptions};
use serde_json::Value;

fn open(root: &Path) -> CodeProject {
    CodeProject::open(root, &ProjectOptions::default(), &|_, _| ()).unwrap()
}

fn shop() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam/demo")
}

fn module(project: &CodeProject, name: &str) -> u32 {
    let asked = project.find(name).unwrap();
    assert!(matches!(asked, Asked::Module(_)), "{name}");
    asked.nodes()[0]
}

/// The words of JSON Schema that the published schema uses; another word is a fault of the schema.
fn validate(schema: &Value, root: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let Some(words) = schema.as_object() else {
        return faults.push(format!("{at}: the schema is no object"));
    };
    for (word, said) in words {
        match word.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let name = said.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                validate(&root["$defs"][name], root, value, at, faults);
            }
            "type" => {
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_u64(),
                    "null" => value.is_null(),
                    _ => false,
                };
                let fits = said
                    .as_array()
                    .map_or_else(|| is(said), |names| names.iter().any(is));
                if !fits {
                    faults.push(format!("{at}: {value} is no {said}"));
                }
            }
            "enum" => {
                if !said.as_array().unwrap().contains(value) {
                    faults.push(format!("{at}: {value} is none of {said}"));
                }
            }
            "minimum" => {
                if value
                    .as_u64()
                    .is_some_and(|number| number < said.as_u64().unwrap())
                {
                    faults.push(format!("{at}: {value} is too small"));
                }
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    validate(said, root, item, &format!("{at}/{place}"), faults);
                }
            }
            "required" => {
                for name in said.as_array().unwrap() {
                    if value.is_object() && value.get(name.as_str().unwrap()).is_none() {
                        faults.push(format!("{at}: {name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, inner) in said.as_object().unwrap() {
                    if let Some(part) = value.get(name) {
                        validate(inner, root, part, &format!("{at}/{name}"), faults);
                    }
                }
            }
            "additionalProperties" => {
                let known = words.get("properties").and_then(Value::as_object);
                for (name, part) in value.as_object().into_iter().flatten() {
                    if known.is_some_and(|known| known.contains_key(name)) {
                        continue;
                    }
                    if said == &Value::Bool(false) {
                        faults.push(format!("{at}: {name} is not in the schema"));
                    } else {
                        validate(said, root, part, &format!("{at}/{name}"), faults);
                    }
                }
            }
            other => faults.push(format!("the schema says {other}, which this test does not know")),
        }
    }
}

fn schema() -> Value {
    let path = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
        .join("../docs/code-graph/module-document.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn all_valid(project: &CodeProject) -> usize {
    let (schema, mut count) = (schema(), 0);
    for file in 0..project.files().len() {
        for (_, document) in file_documents(project, file as u32).unwrap() {
            let mut faults = Vec::new();
            validate(&schema, &schema, &document, "", &mut faults);
            assert!(faults.is_empty(), "{}: {faults:?}", document["name"]);
            count += 1;
        }
    }
    count
}

const LIBRARY: &str = r#"
defmodule Lib.Shape do
  @moduledoc "Shapes, größer"
  @callback area(shape :: t) :: number
  @callback name(t) :: String.t()
  @optional_callbacks name: 1
  @type t :: %{required(:side) => number}
end

defprotocol Lib.Sized do
  @doc "How large"
  def size(thing)
end

defmodule Lib.Square do
  @behaviour Lib.Shape
  alias Lib.Shape, as: S
  alias Lib.{Sized, Other}
  defstruct [:id, side: 1]
  @factor 2
  @type t :: %__MODULE__{side: pos_integer}

  @doc """
  The area.
  """
  @impl true
  @spec area(t) :: number
  def area(%__MODULE__{side: side} = shape) when side > 0 do
    größe = "ä" <> inspect(shape) <> inspect(side); side = side * @factor
    {größe, side, twice(side)}
  end

  def area(_), do: Sized.size(S)

  defp twice(x, y \\ 2), do: x * y

  defimpl Lib.Sized do
    def size(square), do: square.side
  end
end

defimpl Lib.Sized, for: [Atom, List] do
  def size(_), do: Other.size()
end
"#;

fn library() -> (tempfile::TempDir, CodeProject) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("lib")).unwrap();
    fs::write(folder.path().join("lib/shape.ex"), LIBRARY).unwrap();
    let mix = "defmodule Lib.MixProject do\n  @version \"1.2.3\"\n  def project, do: [app: :lib, version: @version]\nend\n";
    fs::write(folder.path().join("mix.exs"), mix).unwrap();
    let project = open(folder.path());
    (folder, project)
}

/// Scenario: the document of each module of the shop and of a library. Guarantee: it is as the published schema says, and
/// says what the source says.
#[test]
fn documents_are_as_the_schema_says() {
    let shop = open(&shop());
    assert_eq!(all_valid(&shop), shop.modules().len());
    let warehouse = module_document(&shop, module(&shop, "Shop.Stock.Warehouse"))
        .unwrap()
        .unwrap();
    let functions = warehouse["functions"].as_array().unwrap();
    let reserve = functions
        .iter()
        .find(|function| function["name"] == "reserve")
        .unwrap();
    assert_eq!(reserve["doc"]["text"], "Sets the goods of an order aside.");
    assert!(
        reserve["specs"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("reserve(pos_integer, [Order.Line.t()]) ::")
    );
    let calls = reserve["calls"].as_array().unwrap();
    assert!(
        calls
            .iter()
            .any(|call| call["how"] == "call" && call["confidence"] == "likely")
    );
    assert!(
        warehouse["doc"]["text"]
            .as_str()
            .unwrap()
            .starts_with("How many units")
    );

    let (_folder, library) = library();
    assert_eq!(all_valid(&library), library.modules().len());
    let square = module_document(&library, module(&library, "Lib.Square"))
        .unwrap()
        .unwrap();
    assert_eq!(square["struct"]["fields"][1]["default"], "1");
    assert_eq!(square["functions"][0]["clauses"][0]["guard"], "side > 0");
    assert_eq!(square["functions"][0]["implements"], true);
    assert_eq!(square["attributes"][0]["name"], "factor");
    let mut wrong = square;
    wrong["functions"][0]["arity"] = Value::from("two");
    let (schema, mut faults) = (schema(), Vec::new());
    validate(&schema, &schema, &wrong, "", &mut faults);
    assert_eq!(faults.len(), 1, "{faults:?}");
}

/// Scenario: a library with a behaviour, a protocol, a struct, locals and letters beyond ASCII. Guarantee: the index read
/// again holds together, names packages and relationships, and its columns are bytes.
#[test]
fn a_scip_index_says_what_is_what() {
    let (folder, project) = library();
    let made = scip::index(&project, "0.0.0", &|_, _| ());
    let index = scip::decode(&made.bytes().unwrap()).unwrap();
    assert_eq!(index, made.index);
    let checked = scip::check(&index, folder.path());
    assert!(checked.faults.is_empty(), "{:#?}", checked.faults);
    let document = &index.documents[0];
    let symbols: BTreeSet<&str> = document.symbols.iter().map(|one| one.symbol.as_str()).collect();
    for symbol in [
        "scip-elixir hex lib 1.2.3 `Lib.Square`/",
        "scip-elixir hex lib 1.2.3 `Lib.Square`/area(1).",
        "scip-elixir hex lib 1.2.3 `Lib.Square`/twice(2).",
        "scip-elixir hex lib 1.2.3 `Lib.Square`/id.",
        "scip-elixir hex lib 1.2.3 `Lib.Square`/attribute:factor.",
        "scip-elixir hex lib 1.2.3 `Lib.Shape`/callback:area(1).",
        "scip-elixir hex lib 1.2.3 `Lib.Shape`/t#0:",
        "scip-elixir hex lib 1.2.3 `Lib.Sized.Lib.Square`/",
        "scip-elixir hex lib 1.2.3 `Lib.Sized.Atom`/size(1).",
    ] {
        assert!(symbols.contains(symbol), "{symbol} in {symbols:#?}");
    }
    let of = |symbol: &str| {
        document
            .symbols
            .iter()
            .find(|one| one.symbol.ends_with(symbol))
            .unwrap()
    };
    let area = of("`Lib.Square`/area(1).");
    assert_eq!(area.documentation, ["The area.\n"]);
    assert!(
        area.relationships[0].is_implementation
            && area.relationships[0].symbol.ends_with("callback:area(1).")
    );
    assert!(
        area.signature_documentation
            .text
            .starts_with("@spec area(t) :: number\ndef area(")
    );
    assert!(
        of("`Lib.Sized.Atom`/size(1).").relationships[0]
            .symbol
            .ends_with("`Lib.Sized`/size(1).")
    );
    // `side` is bound in the head and again in the body: two variables. The second stands behind two letters that take
    // two bytes each.
    let lines: Vec<&str> = LIBRARY.lines().collect();
    let row = lines.iter().position(|line| line.contains("größe = ")).unwrap();
    let column = lines[row].find("side = side").unwrap();
    let at = |start: usize| {
        let range = [row as i32, start as i32, (start + 4) as i32];
        let found = document
            .occurrences
            .iter()
            .find(|one| one.range == range)
            .unwrap();
        (found.symbol.clone(), found.symbol_roles & 1 == 1)
    };
    let (again, read) = (at(column), at(column + 7));
    assert!(again.1 && !read.1 && again.0 != read.0 && read.0.starts_with("local "));
    assert!(
        index
            .external_symbols
            .iter()
            .any(|one| one.symbol == "scip-elixir hex elixir . Kernel/inspect(1)."
                || one.symbol == "scip-elixir hex elixir . String/t#0:")
    );
}

/// Scenario: an index whose range, symbol and definition are spoilt. Guarantee: each is a fault.
#[test]
fn the_check_finds_what_is_wrong() {
    let (folder, project) = library();
    let good = scip::index(&project, "0.0.0", &|_, _| ()).index;
    let spoilt = |spoil: &dyn Fn(&mut scip::ScipIndex)| {
        let mut index = good.clone();
        spoil(&mut index);
        scip::check(&index, folder.path()).faults.len()
    };
    assert_eq!(spoilt(&|_| ()), 0);
    assert!(spoilt(&|index| index.documents[0].occurrences[0].range = vec![9999, 0, 1]) > 0);
    assert!(spoilt(&|index| index.documents[0].occurrences[0].symbol = "nonsense".to_owned()) > 0);
    assert!(spoilt(&|index| index.external_symbols.clear()) > 0);
    assert!(
        spoilt(&|index| {
            let twice = index.documents[0]
                .occurrences
                .iter()
                .find(|one| one.symbol_roles & 1 == 1)
                .cloned();
            index.documents[0].occurrences.extend(twice);
        }) > 0
    );
}

/// Scenario: the shop, and Elixir's own sources if they are here. Guarantee: their indexes hold together.
#[test]
fn indexes_of_real_projects_hold_together() {
    let mut roots = vec![shop()];
    if let Some(corpus) = std::env::var_os("ELIXIR_CORPUS") {
        let apps = fs::read_dir(Path::new(&corpus).join("lib")).unwrap();
        roots.extend(
            apps.map(|app| app.unwrap().path())
                .filter(|app| app.join("lib").is_dir()),
        );
    }
    for root in roots {
        let project = open(&root);
        let begin = std::time::Instant::now();
        let made = scip::index(&project, "0.0.0", &|_, _| ());
        let seconds = begin.elapsed().as_secs_f64();
        let bytes = made.bytes().unwrap();
        let checked = scip::check(&scip::decode(&bytes).unwrap(), &root);
        println!(
            "{}: {:?}, {} bytes, {seconds:.2} s, {} renamed, {} faults",
            root.file_name().unwrap().to_string_lossy(),
            made.counts,
            bytes.len(),
            checked.renamed,
            checked.faults.len()
        );
        assert!(checked.faults.is_empty(), "{:#?}", checked.faults);
        assert!(checked.renamed * 50 <= checked.occurrences);
        println!("{} documents valid", all_valid(&project));
    }
}
