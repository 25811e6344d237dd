defmodule ElixirScope.Instrument.MacroCase do
  @moduledoc """
  Tells the `case`s that `Kernel`'s branching macros expand to from those that someone wrote.

  `if`, `unless`, `&&`, `||` and `!` all become a `case` of two arms: `false` and `true` where the
  condition is known to be a boolean, else `x when x in [false, nil]` and anything. Later versions of Elixir
  make such a `case` of `and` and `or` too.
  """

  @type shape :: :plain | :boolean | :falsy | :match

  @doc "What a `case` looks like, from its metadata and arms."
  @spec shape(keyword(), [tuple()]) :: shape()
  def shape(meta, arms) do
    if meta[:column] != nil, do: :plain, else: of_arms(arms, meta[:optimize_boolean] == true)
  end

  @doc "Whether a macro's expansion may look like this."
  @spec fits?(shape(), atom()) :: boolean()
  def fits?(:match, name), do: name == :match?
  def fits?(:boolean, name), do: name in [:if, :unless, :!, :&&, :||, :and, :or]
  def fits?(:falsy, name), do: name in [:if, :unless, :!, :&&, :||]
  def fits?(:plain, _name), do: false

  # `optimize_boolean` writes these two arms where it can; it marks the `case`, or the arms.
  defp of_arms([{:->, meta, [[value], _]}, {:->, _, [[other], _]}], optimized?)
       when is_boolean(value) and is_boolean(other),
       do: if(optimized? or meta[:generated] == true, do: :boolean, else: :plain)

  defp of_arms([{:->, _, [[one], _]}, {:->, _, [[two], _]}, {:->, _, [[{:other, _, Kernel}], _]}], true)
       when is_boolean(one) and is_boolean(two),
       do: :boolean

  defp of_arms([{:->, _, [[{:when, _, [{_, _, Kernel}, _guard]}], _]}, {:->, _, [[_], _]}], _), do: :falsy
  defp of_arms([{:->, _, [_, true]}, {:->, _, [[{:_, _, Kernel}], false]}], _), do: :match
  defp of_arms(_arms, _optimized?), do: :plain
end
