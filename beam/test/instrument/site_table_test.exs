defmodule ElixirScope.SiteTableTest do
  @moduledoc """
  The site table's bytes: as `docs/site-table.md` says, to the byte, in both directions.
  """
  use ExUnit.Case, async: true

  alias ElixirScope.{ModuleVersion, SiteTable}
  alias ElixirScope.SiteTable.{Function, Site}

  doctest ElixirScope.SiteTable
  doctest ElixirScope.SiteTable.Bytes
  doctest ElixirScope.SiteTable.Site
  doctest ElixirScope.ModuleVersion

  @golden Path.expand("../../../docs/examples/site-table-1.bin", __DIR__)

  @table %SiteTable{
    module_version: <<0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 0, 1, 2, 3, 4, 5, 6, 7>>,
    module_md5:
      <<0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF>>,
    source_sha256: for(byte <- 0x20..0x3F, into: <<>>, do: <<byte>>),
    source_state: :hashed_by_build,
    module: "Elixir.Shop.Stock",
    file: "lib/shop/stock.ex",
    application: "shop",
    functions: [
      %Function{name: "handle_call", arity: 3, kind: :def},
      %Function{name: "größer?", arity: 1, kind: :defp}
    ],
    sites: [
      %Site{kind: :callback, function: 0, clause: 0, line: 12, column: 7, token: "handle_call"},
      %Site{kind: :callback_return, function: 0, clause: 0, line: 12, column: 7, token: "handle_call"},
      %Site{kind: :case, function: 0, clause: 0, line: 14, column: 31, token: "->"},
      %Site{kind: :case, function: 0, clause: 0, line: 15, column: 0, token: "case", macro_made?: true},
      %Site{
        kind: :clause,
        function: 1,
        clause: 1,
        line: 70_000,
        column: 8,
        token: "größer?",
        generated?: true
      },
      %Site{
        kind: :entry,
        function: 1,
        clause: nil,
        line: 0,
        column: 0,
        token: "größer?",
        macro_made?: true,
        generated?: true
      }
    ]
  }

  test "the golden file is this table, in both directions" do
    golden = File.read!(@golden)
    assert SiteTable.encode(@table) == {:ok, golden}
    assert SiteTable.decode(golden) == {:ok, @table}
  end

  test "the bytes are those of the format" do
    table = %{
      @table
      | functions: [%Function{name: "f", arity: 2, kind: :defmacro}],
        sites: [
          %Site{kind: :send, function: 0, clause: 3, line: 258, column: 5, token: "send", macro_made?: true}
        ]
    }

    assert SiteTable.encode(table) ==
             {:ok,
              "ESST" <>
                <<1, 0>> <>
                table.module_version <>
                table.module_md5 <>
                table.source_sha256 <>
                <<1>> <>
                <<17, 0, "Elixir.Shop.Stock", 17, 0, "lib/shop/stock.ex", 4, 0, "shop">> <>
                <<1, 0, 1, 0, "f", 2, 3>> <>
                <<1, 0, 0, 0, 15, 1, 0, 0, 3, 0, 2, 1, 0, 0, 5, 0, 0, 0, 4, 0, "send">>}
  end

  test "every kind and every flag goes and comes back" do
    sites =
      for {kind, _code} <- Site.kinds(), macro_made? <- [true, false], generated? <- [true, false] do
        %Site{
          kind: kind,
          function: 1,
          token: "t",
          macro_made?: macro_made?,
          generated?: generated?,
          line: 1,
          column: 2
        }
      end

    {:ok, bytes} = SiteTable.encode(%{@table | sites: sites})
    assert {:ok, %SiteTable{sites: ^sites}} = SiteTable.decode(bytes)
    {:ok, table} = SiteTable.decode(bytes)
    assert SiteTable.site(table, 1) == {:ok, hd(sites)}
    assert SiteTable.site(table, length(sites) + 1) == :error
  end

  test "any cut, any trailing byte and any changed byte is an error or a table, never an exception" do
    golden = File.read!(@golden)

    for size <- 0..(byte_size(golden) - 1) do
      assert {:error, _} = SiteTable.decode(binary_part(golden, 0, size))
    end

    assert SiteTable.decode(golden <> "x") == {:error, :trailing_bytes}

    for at <- 0..(byte_size(golden) - 1), value <- [0, 1, 0x7F, 0x80, 0xFF] do
      <<before::binary-size(at), _, rest::binary>> = golden

      case SiteTable.decode(before <> <<value>> <> rest) do
        {:ok, table} -> assert {:ok, _} = SiteTable.encode(table)
        {:error, _reason} -> :ok
      end
    end

    :rand.seed(:exsss, {1, 2, 3})
    for _ <- 1..500, do: SiteTable.decode("ESST" <> <<1, 0>> <> :rand.bytes(:rand.uniform(300)))
  end

  test "a count beyond the bytes allocates nothing" do
    {:ok, bytes} = SiteTable.encode(%{@table | sites: []})
    without_count = binary_part(bytes, 0, byte_size(bytes) - 4)
    assert SiteTable.decode(without_count <> <<0xFFFFFFFF::32>>) == {:error, :truncated}
  end

  test "a version depends on code, lines and debug info, and the key on its first 59 bits" do
    beam = fn text ->
      %{Versioned => beam} = ElixirScope.Test.Fixture.compile(text)
      beam
    end

    base = beam.("defmodule Versioned do\n  def f, do: 1\nend")
    same = beam.("defmodule Versioned do\n  def f, do: 1\nend")
    moved = beam.("defmodule Versioned do\n\n  def f, do: 1\nend")
    changed = beam.("defmodule Versioned do\n  def f, do: 2\nend")
    versions = for bytes <- [base, moved, changed], {:ok, version} = ModuleVersion.of(bytes), do: version
    assert length(Enum.uniq(versions)) == 3
    assert ModuleVersion.of(base) == ModuleVersion.of(same)
    [version | _] = versions
    assert ModuleVersion.key(version) == version |> :binary.decode_unsigned() |> Bitwise.bsr(69)

    {:ok, {_, md5}} = :beam_lib.md5(base)
    {:ok, {_, [{_, line}, {_, debug_info}]}} = :beam_lib.chunks(base, [~c"Line", ~c"Dbgi"])
    parts = [md5, <<byte_size(line)::32>>, line, <<byte_size(debug_info)::32>>, debug_info]
    assert version == binary_part(:crypto.hash(:sha256, ["elixirscope module version 1\n" | parts]), 0, 16)
  end
end
