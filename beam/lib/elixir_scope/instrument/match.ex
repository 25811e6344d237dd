defmodule ElixirScope.Instrument.Match do
  @moduledoc """
  Patterns of module names, as configuration writes them.
  """

  @doc """
  Whether a module's name matches: exactly, or with a `*` for any text.

      iex> ElixirScope.Instrument.Match.module?("Shop.*", Shop.Stock.Level)
      true
      iex> ElixirScope.Instrument.Match.module?("Shop.*", Shopping)
      false
      iex> ElixirScope.Instrument.Match.module?(Shop, Shop)
      true
  """
  @spec module?(String.t() | module(), module()) :: boolean()
  def module?(module, module) when is_atom(module), do: true
  def module?(pattern, _module) when is_atom(pattern), do: false

  def module?(pattern, module) when is_binary(pattern) do
    parts = pattern |> String.split("*") |> Enum.map(&Regex.escape/1)
    Regex.match?(Regex.compile!("\\A" <> Enum.join(parts, ".*") <> "\\z"), inspect(module))
  end

  @doc "Whether a module is matched by any of the patterns."
  @spec any?([String.t() | module()], module()) :: boolean()
  def any?(patterns, module), do: Enum.any?(patterns, &module?(&1, module))
end
