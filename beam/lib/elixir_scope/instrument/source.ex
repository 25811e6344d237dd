defmodule ElixirScope.Instrument.Source do
  @moduledoc """
  Where the anchor tokens of a source file are: names of clauses, `->`, `&`, and calls by name.

  Built by parsing the file with columns, so that a position is what Elixir itself says, and then checked
  against the text: a token that is not at its position (Elixir 1.14 misplaces what follows an escaped
  interpolation) is looked for in its line, and dropped if it is not there exactly once. What this module
  returns is therefore at its place in the text.
  """

  alias ElixirScope.Instrument.SourceText

  @definitions [:def, :defp, :defmacro, :defmacrop, :defdelegate]

  # Whether `and` and `or` are a `case` depends on the version of Elixir.
  @boolean_case match?({:case, _, _}, Macro.expand_once(quote(do: left and right), __ENV__))
  @branching [:if, :unless, :&&, :||, :!, :match?] ++ if(@boolean_case, do: [:and, :or], else: [])

  defstruct heads: %{}, arrows: %{}, captures: %{}, calls: %{}, macros: %{}

  @type position :: {line :: pos_integer(), column :: pos_integer()}

  @typedoc "A column as the parser counts it, and where the token really is in the line."
  @type column :: {parsed :: pos_integer(), column :: pos_integer()}

  @type t :: %__MODULE__{
          heads: %{{atom(), arity(), pos_integer()} => [position()]},
          arrows: %{pos_integer() => [column()]},
          captures: %{pos_integer() => [column()]},
          calls: %{{atom(), pos_integer()} => [column()]},
          macros: %{pos_integer() => [{atom(), pos_integer()}]}
        }

  @doc """
  The anchors of a source text; `:error` if it does not parse.

      iex> {:ok, source} = ElixirScope.Instrument.Source.parse("defmodule A do\\n  def f(x) when x > 1, do: x\\nend")
      iex> source.heads
      %{{:f, 1, 2} => [{2, 7}]}
  """
  @spec parse(String.t()) :: {:ok, t()} | :error
  def parse(text) do
    options = [columns: true, token_metadata: true, emit_warnings: false]

    case Code.string_to_quoted(text, options) do
      {:ok, ast} -> {:ok, index(ast, SourceText.new(text))}
      {:error, _reason} -> :error
    end
  end

  @doc "The macros of `Kernel` whose expansion is a `case` without a `->` in the source."
  @spec branching_macros() :: [atom()]
  def branching_macros, do: @branching

  defp index(ast, text) do
    {_ast, found} =
      Macro.prewalk(ast, [], fn node, found ->
        {without_guard(node), anchors(node) ++ found}
      end)

    found
    |> Enum.reverse()
    |> Enum.flat_map(&checked(&1, text))
    |> Enum.reduce(%__MODULE__{}, &put/2)
    |> in_order()
  end

  # In a guard nothing branches.
  defp without_guard({:when, meta, parts}) when is_list(parts), do: {:when, meta, Enum.drop(parts, -1)}
  defp without_guard(node), do: node

  defp anchors({definition, meta, [head | _body]}) when definition in @definitions do
    case name_of(head) do
      {name, arity, head_meta} -> position({:head, name, arity, meta[:line]}, Atom.to_string(name), head_meta)
      nil -> []
    end ++ position({:call, definition}, Atom.to_string(definition), meta)
  end

  defp anchors({:->, meta, _arguments}), do: position(:arrow, "->", meta)

  # Debug info has a capture at its `&`, or at the anchor of what it captures.
  defp anchors({:&, meta, [target]}) when not is_integer(target) do
    for at <- [meta | metas(target)], found <- position({:capture, at[:column]}, "&", meta), do: found
  end

  defp anchors({{:., _dot, [_module, name]}, meta, arguments}) when is_atom(name) and is_list(arguments),
    do: position({:call, name}, Atom.to_string(name), meta)

  defp anchors({name, meta, arguments}) when is_atom(name) and is_list(arguments) do
    macro = if name in @branching, do: position({:macro, name}, Atom.to_string(name), meta), else: []
    position({:call, name}, Atom.to_string(name), meta) ++ macro
  end

  defp anchors(_node), do: []

  defp metas({{:., dot, _}, meta, _arguments}), do: [dot, meta]
  defp metas({_form, meta, _arguments}), do: [meta]
  defp metas(_literal), do: []

  defp position(key, token, meta) do
    case {meta[:line], meta[:column]} do
      {line, column} when is_integer(line) and is_integer(column) -> [{key, token, line, column}]
      _unknown -> []
    end
  end

  defp name_of({:when, _meta, [head | _guard]}), do: name_of(head)

  # `def unquote(name)(a)`: the name is not known here, the place is.
  defp name_of({{:unquote, meta, [_name]}, _meta, arguments}), do: {:unquote, length(arguments), meta}
  defp name_of({:unquote, meta, [_head]}), do: {:unquote, 0, meta}

  defp name_of({name, meta, arguments}) when is_atom(name) and is_list(arguments),
    do: {name, length(arguments), meta}

  defp name_of({name, meta, context}) when is_atom(name) and is_atom(context), do: {name, 0, meta}
  defp name_of(_fragment), do: nil

  defp checked({key, token, line, column}, text) do
    case SourceText.locate(text, line, column, token) do
      {:ok, found} -> [{key, line, {column, found}}]
      :error -> []
    end
  end

  defp put({{:head, name, arity, def_line}, line, {_parsed, column}}, source),
    do: %{source | heads: add(source.heads, {name, arity, def_line}, {line, column})}

  defp put({:arrow, line, column}, source), do: %{source | arrows: add(source.arrows, line, column)}

  defp put({{:capture, parsed}, line, {_at, column}}, source),
    do: %{source | captures: add(source.captures, line, {parsed, column})}

  defp put({{:call, name}, line, column}, source),
    do: %{source | calls: add(source.calls, {name, line}, column)}

  # Macros stay in the order of the walk, which the expanded code is walked in too.
  defp put({{:macro, name}, line, {_parsed, column}}, source),
    do: %{source | macros: Map.update(source.macros, line, [{name, column}], &(&1 ++ [{name, column}]))}

  defp add(map, key, value), do: Map.update(map, key, [value], &[value | &1])

  defp in_order(source) do
    sort = fn map -> Map.new(map, fn {key, values} -> {key, values |> Enum.uniq() |> Enum.sort()} end) end

    %{
      source
      | heads: sort.(source.heads),
        arrows: sort.(source.arrows),
        captures: sort.(source.captures),
        calls: sort.(source.calls)
    }
  end
end
