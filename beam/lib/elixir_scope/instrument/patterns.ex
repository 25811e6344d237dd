defmodule ElixirScope.Instrument.Patterns do
  @moduledoc """
  The variables that patterns bind.
  """

  @type named :: {atom(), Macro.t()}

  @doc """
  The variables that a human named in the patterns, in order, without those that begin with `_`, and
  without pinned ones and sizes.
  """
  @spec variables([Macro.t()]) :: [named()]
  def variables(patterns) do
    patterns
    |> Enum.reduce([], &collect/2)
    |> Enum.reverse()
    |> Enum.uniq_by(fn {_name, {_, meta, _}} -> meta[:version] end)
  end

  @doc """
  The patterns and the guard of an arm, whose left side may be `[{:when, meta, patterns ++ [guard]}]`.
  """
  @spec split([Macro.t()]) :: {[Macro.t()], ([Macro.t()] -> [Macro.t()])}
  def split([{:when, meta, parts}]) do
    {patterns, [guard]} = Enum.split(parts, -1)
    {patterns, fn patterns -> [{:when, meta, patterns ++ [guard]}] end}
  end

  def split(patterns), do: {patterns, & &1}

  @doc "The largest variable version in a piece of syntax; -1 if it has none."
  @spec max_version(Macro.t()) :: integer()
  def max_version(syntax) do
    {_syntax, max} =
      Macro.prewalk(syntax, -1, fn
        {_name, meta, context} = node, max when is_list(meta) and is_atom(context) ->
          version = meta[:version]
          {node, if(is_integer(version) and version > max, do: version, else: max)}

        node, max ->
          {node, max}
      end)

    max
  end

  defp collect({:^, _meta, _pinned}, found), do: found
  defp collect({:"::", _meta, [left, _specifier]}, found), do: collect(left, found)

  defp collect({name, meta, context} = variable, found) when is_atom(name) and is_atom(context) do
    written? = meta[:version] != nil and meta[:counter] == nil and context == nil and not hidden?(name)
    if written?, do: [{name, variable} | found], else: found
  end

  defp collect({_form, _meta, arguments}, found) when is_list(arguments),
    do: Enum.reduce(arguments, found, &collect/2)

  defp collect({left, right}, found), do: collect(right, collect(left, found))
  defp collect([head | tail], found), do: collect(tail, collect(head, found))
  defp collect(_literal, found), do: found

  defp hidden?(name), do: match?("_" <> _, Atom.to_string(name))
end
