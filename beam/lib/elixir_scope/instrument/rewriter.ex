defmodule ElixirScope.Instrument.Rewriter do
  @moduledoc """
  Rewrites the definitions of a module: chooses the functions, gives them anchors, rewrites their clauses.

  Left alone: macros, what a macro or `use` generated (no clause in the source), the one-line stubs of
  default arguments, and the functions that every module has.
  """

  alias ElixirScope.Instrument.{Anchors, Clause, Options, Pass, Scope, Source}
  alias ElixirScope.SiteTable.Function

  @reserved [
    :__info__,
    :__struct__,
    :__impl__,
    :__protocol__,
    :__elixir_scope__,
    :behaviour_info,
    :module_info
  ]

  @type definition :: Anchors.definition()

  @doc "The definitions with their sites, and the pass that has counted them."
  @spec rewrite([definition()], Options.t(), ElixirScope.ModuleVersion.key()) :: {[definition()], Pass.t()}
  def rewrite(definitions, %Options{} = options, key) do
    pass = %Pass{key: key, probe: options.probe, api: options.api, detail: options.sites}

    definitions
    |> Anchors.annotate(source(options.source))
    |> Enum.map_reduce(pass, &definition(&1, options, &2))
  end

  defp source(nil), do: nil

  defp source(text) do
    case Source.parse(text) do
      {:ok, source} -> source
      :error -> nil
    end
  end

  defp definition({{name, arity}, kind, meta, clauses} = definition, options, pass) do
    if kind in [:def, :defp] and name not in @reserved and written?(clauses) and
         Options.selected?(options, name, arity) do
      function = %Function{name: Atom.to_string(name), arity: arity, kind: kind}
      {index, pass} = Pass.add_function(pass, function)

      {clauses, pass} =
        clauses
        |> Enum.with_index()
        |> Enum.map_reduce(pass, fn {clause, number}, pass ->
          Clause.rewrite(
            clause,
            {name, arity},
            scope(clause, kind, {name, arity}, index, number, options),
            options,
            pass
          )
        end)

      {{{name, arity}, kind, meta, clauses}, pass}
    else
      {definition, pass}
    end
  end

  defp scope({meta, _arguments, _guards, _body}, kind, {name, arity}, index, number, options) do
    %Scope{
      function: index,
      clause: number,
      anchor: meta[:anchor],
      generated?: meta[:anchor].generated?,
      values?: Options.values?(options, name, arity),
      entry?: Options.entry?(options, kind, name, arity)
    }
  end

  defp written?([]), do: false
  defp written?(clauses), do: not Enum.any?(clauses, &(hidden?(&1) or stub?(&1)))

  defp hidden?({meta, _arguments, _guards, _body}), do: meta[:anchor].hidden?

  # `def f(a, b \\\\ 1)` also defines an `f/1`.
  defp stub?({_meta, arguments, _guards, {:super, _, _}}),
    do: Enum.any?(arguments, &match?({_, _, :elixir_def}, &1)) or arguments == []

  defp stub?(_clause), do: false
end
