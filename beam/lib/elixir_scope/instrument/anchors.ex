defmodule ElixirScope.Instrument.Anchors do
  @moduledoc """
  Gives each node that can become a site its anchor, as an `:anchor` in its metadata.

  A module's debug info has the line of each node, and the column if the module was compiled with columns.
  It has neither for a clause's name (only the line of `def`), no column for what a macro made (`if` is a
  `case`), and on Elixir 1.14 a macro's own column with its caller's line. So no column is believed: it has
  to be the position of that token in the source, as `ElixirScope.Instrument.Source` found it.

  What has no column is matched by order. The macros `if`, `unless`, `&&`, `||`, `!` and `match?` leave
  recognisable `case`s; the n-th of a line in the expanded code is the n-th in the source, if there are
  as many of both. If there are not, or if a macro of the project made the node, the anchor says so.
  """

  alias ElixirScope.Instrument.{Anchor, MacroCase, Source}

  @type definition :: {{atom(), arity()}, atom(), keyword(), [tuple()]}

  @doc """
  The definitions with anchors. Without a source (`nil`), columns are those of the debug info.
  """
  @spec annotate([definition()], Source.t() | nil) :: [definition()]
  def annotate(definitions, source) do
    ordered = Enum.sort_by(definitions, fn {_name, _kind, meta, _clauses} -> meta[:line] || 0 end)
    {ordered, state} = Enum.map_reduce(ordered, state(source), &definition/2)
    wrong = for {line, [_ | _]} <- state.macros, into: state.wrong, do: line
    Enum.map(ordered, &settle(&1, wrong))
  end

  defp state(source) do
    empty = source || %Source{}
    %{source: source, macros: empty.macros, heads: empty.heads, arrows: empty.arrows, wrong: MapSet.new()}
  end

  defp definition({{name, arity}, kind, meta, clauses}, state) do
    {clauses, state} = Enum.map_reduce(clauses, state, &clause(&1, &2, name, arity, meta))
    {{{name, arity}, kind, meta, clauses}, state}
  end

  defp clause({meta, arguments, guards, body}, state, name, arity, def_meta) do
    {anchor, state} = head(base_name(name), arity, meta, def_meta, state)
    {body, state} = walk(body, state)
    {{Keyword.put(meta, :anchor, anchor), arguments, guards, body}, state}
  end

  defp head(name, arity, meta, def_meta, state) do
    line = meta[:line] || 0
    {own, fragment} = {{name, arity, line}, {:unquote, arity, line}}
    made? = macro_made?(meta) or macro_made?(def_meta)

    case {made?, state.heads} do
      {_made, %{^own => heads}} -> take_head(own, heads, state)
      {false, %{^fragment => heads}} -> take_head(fragment, heads, state)
      _none -> {unwritten(name, line, made?, state.source), state}
    end
  end

  # Clauses of one line in their order; a clause in a loop around `def` serves many.
  defp take_head({name, _arity, _line}, [{line, column}], state),
    do: {Anchor.exact(Atom.to_string(name), line, column), state}

  defp take_head({name, _arity, _line} = key, [{line, column} | rest], state),
    do: {Anchor.exact(Atom.to_string(name), line, column), %{state | heads: Map.put(state.heads, key, rest)}}

  # Without a source it is not known that there is no clause.
  defp unwritten(name, line, made?, source) do
    unknown? = source == nil and not made?

    %Anchor{
      token: Atom.to_string(name),
      line: line,
      macro_made?: not unknown?,
      generated?: not unknown?,
      hidden?: made?
    }
  end

  # `defoverridable` keeps the earlier definition under a longer name.
  defp base_name(name) do
    case String.split(Atom.to_string(name), " (overridable ") do
      [base, _number] -> String.to_atom(base)
      _whole -> name
    end
  end

  defp walk({:case, meta, [subject, [do: arms]]}, state) do
    case MacroCase.shape(meta, arms) do
      :plain ->
        {subject, state} = walk(subject, state)
        {arms, state} = walk(arms, state)
        {{:case, meta, [subject, [do: arms]]}, state}

      shape ->
        {name, anchor, state} = take_macro(meta[:line] || 0, shape, state)
        {subject, state} = walk(subject, state)
        {arms, state} = macro_arms(arms, name, anchor, state)
        {{:case, meta, [subject, [do: arms]]}, state}
    end
  end

  defp walk({:fn, meta, arms}, state) do
    if Enum.any?(arms, &captured?/1) do
      {arms, state} = Enum.map_reduce(arms, state, &capture(&1, &2, meta))
      {{:fn, meta, arms}, state}
    else
      {arms, state} = walk(arms, state)
      {{:fn, meta, arms}, state}
    end
  end

  defp walk({:->, meta, [patterns, body]}, state) do
    {anchor, state} = arrow(meta, state)
    {patterns, state} = walk_condition(patterns, state)
    {body, state} = walk(body, state)
    {{:->, Keyword.put(meta, :anchor, anchor), [patterns, body]}, state}
  end

  defp walk({:with, meta, arguments}, state) when is_list(arguments) do
    anchor = call(:with, meta, state)
    {arguments, state} = walk(arguments, state)
    {{:with, Keyword.put(meta, :anchor, anchor), arguments}, state}
  end

  defp walk({{:., dot, [module, name]}, meta, arguments}, state) when is_atom(name) and is_list(arguments) do
    meta = Keyword.put(meta, :anchor, call(name, meta, state))
    {module, state} = walk(module, state)
    {arguments, state} = walk(arguments, state)
    {{{:., dot, [module, name]}, meta, arguments}, state}
  end

  defp walk({form, meta, arguments}, state) when is_list(arguments) do
    {form, state} = walk(form, state)
    {arguments, state} = walk(arguments, state)
    {{form, meta, arguments}, state}
  end

  defp walk({left, right}, state) do
    {left, state} = walk(left, state)
    {right, state} = walk(right, state)
    {{left, right}, state}
  end

  defp walk([head | tail], state) do
    {head, state} = walk(head, state)
    {tail, state} = walk(tail, state)
    {[head | tail], state}
  end

  defp walk(other, state), do: {other, state}

  # The left of `->` is a pattern, except in `cond`; patterns hold nothing that has an anchor.
  defp walk_condition([condition], state) do
    {condition, state} = walk(condition, state)
    {[condition], state}
  end

  defp walk_condition(patterns, state), do: {patterns, state}

  defp arrow(meta, %{source: nil} = state), do: {Anchor.unchecked("->", meta), state}

  defp arrow(meta, state) do
    line = meta[:line] || 0

    cond do
      macro_made?(meta) ->
        {Anchor.macro_made("->", line), state}

      meta[:column] ->
        {Anchor.among(Map.get(state.source.arrows, line, []), "->", line, meta[:column]), state}

      true ->
        take_arrow(line, state)
    end
  end

  defp take_arrow(line, state) do
    case state.arrows do
      %{^line => [{_parsed, column} | rest]} ->
        {Anchor.exact("->", line, column), %{state | arrows: Map.put(state.arrows, line, rest)}}

      _none ->
        {Anchor.macro_made("->", line), state}
    end
  end

  defp capture({:->, meta, [patterns, body]}, state, fn_meta) do
    line = meta[:line] || fn_meta[:line] || 0
    columns = if state.source, do: Map.get(state.source.captures, line, []), else: []
    places = columns |> Enum.map(fn {_parsed, column} -> column end) |> Enum.uniq()
    {body, state} = walk(body, state)

    anchor =
      case {state.source, fn_meta[:column], places} do
        {nil, _column, _places} -> Anchor.unchecked("&", fn_meta)
        {_source, nil, [column]} -> Anchor.exact("&", line, column)
        {_source, nil, _several} -> Anchor.macro_made("&", line)
        {_source, column, _places} -> Anchor.among(columns, "&", line, column)
      end

    {{:->, Keyword.put(meta, :anchor, anchor), [patterns, body]}, state}
  end

  # `&(&1 + x)` expands to a `fn` whose arguments no one wrote.
  defp captured?({:->, _meta, [[{name, meta, context} | _], _body]}),
    do: context == :elixir_fn or (name == :capture and meta[:counter] != nil)

  defp captured?(_arm), do: false

  defp call(name, meta, %{source: nil}), do: Anchor.unchecked(Atom.to_string(name), meta)

  defp call(name, meta, state) do
    line = meta[:line] || 0
    columns = Map.get(state.source.calls, {name, line}, [])

    case {meta[:column], columns} do
      {nil, [{_parsed, column}]} -> Anchor.exact(Atom.to_string(name), line, column)
      {nil, _several} -> Anchor.macro_made(Atom.to_string(name), line)
      {column, columns} -> Anchor.among(columns, Atom.to_string(name), line, column)
    end
  end

  defp take_macro(line, _shape, %{source: nil} = state),
    do: {nil, %Anchor{token: "case", line: line, macro_made?: true}, state}

  defp take_macro(line, shape, state) do
    case state.macros do
      %{^line => [{name, column} | rest]} ->
        wrong = if MacroCase.fits?(shape, name), do: state.wrong, else: MapSet.put(state.wrong, line)
        exact = Anchor.exact(Atom.to_string(name), line, column)
        anchor = %{exact | by_order?: true, hidden?: name in [:and, :or]}
        {name, anchor, %{state | macros: Map.put(state.macros, line, rest), wrong: wrong}}

      _none ->
        {nil, Anchor.macro_made("case", line), %{state | wrong: MapSet.put(state.wrong, line)}}
    end
  end

  # `if` has its branches in the other order than the source.
  defp macro_arms(arms, name, anchor, state) do
    turned = if name == :if, do: Enum.reverse(arms), else: arms

    {turned, state} =
      Enum.map_reduce(turned, state, fn {:->, meta, [patterns, body]}, state ->
        {body, state} = walk(body, state)
        {{:->, Keyword.put(meta, :anchor, anchor), [patterns, body]}, state}
      end)

    {if(name == :if, do: Enum.reverse(turned), else: turned), state}
  end

  @doc "Whether a node's metadata shows that a macro made it."
  @spec macro_made?(keyword()) :: boolean()
  def macro_made?(meta),
    do: meta[:generated] == true or meta[:context] != nil or meta[:counter] != nil or meta[:file] != nil

  # A line whose macros could not all be told apart gives no columns.
  defp settle({name, kind, meta, clauses}, wrong) do
    clauses =
      Enum.map(clauses, fn {meta, arguments, guards, body} ->
        {meta, arguments, guards, Macro.prewalk(body, &settle_node(&1, wrong))}
      end)

    {name, kind, meta, clauses}
  end

  defp settle_node({:->, meta, arguments} = node, wrong) do
    case meta[:anchor] do
      %Anchor{by_order?: true, line: line} ->
        if MapSet.member?(wrong, line),
          do: {:->, Keyword.put(meta, :anchor, Anchor.macro_made("case", line)), arguments},
          else: node

      _anchor ->
        node
    end
  end

  defp settle_node(node, _wrong), do: node
end
