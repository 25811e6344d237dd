defmodule ElixirScope.Instrument.Problem do
  @moduledoc """
  Sentences for the reasons why a module cannot be instrumented, loaded or removed.

      iex> ElixirScope.Instrument.Problem.format({:no_debug_info, Shop})
      "Shop has no debug info: compile it with debug_info, or do not strip its beams"
  """

  @doc "A sentence, without a full stop."
  @spec format(term()) :: String.t()
  def format(:not_a_beam), do: "the file is not a BEAM module"
  def format(:too_large), do: "the site table would exceed #{ElixirScope.SiteTable.bytes_max()} bytes"

  def format({:no_debug_info, module}),
    do: "#{inspect(module)} has no debug info: compile it with debug_info, or do not strip its beams"

  def format({:not_elixir, module}), do: "#{inspect(module)} is not an Elixir module"
  def format({:protocol, module}), do: "#{inspect(module)} is a protocol: only its implementations have code"
  def format({:nif, module}), do: "#{inspect(module)} loads a native library: loading it again is not safe"

  def format({:on_load, module}),
    do: "#{inspect(module)} has an on_load function: loading it again would run it"

  def format({:compile, module, reason}),
    do: "#{inspect(module)} does not compile rewritten: #{inspect(reason)}"

  def format({:unknown_option, name}), do: "unknown option #{inspect(name)}"
  def format({:invalid_option, name, value}), do: "option #{name} cannot be #{inspect(value)}"
  def format({:not_found, module}), do: "#{inspect(module)} is not loaded and is in no code path"
  def format({:cover_compiled, module}), do: "#{inspect(module)} is compiled for coverage"
  def format({:sticky, module}), do: "#{inspect(module)} is a sticky module: pass sticky: true if you mean it"

  def format({:other_version_loaded, module}),
    do: "#{inspect(module)} as loaded is not the version on disk: load that first, or pass beam:"

  def format({:no_original, module}),
    do: "the original of #{inspect(module)} is neither in memory nor on disk"

  def format({:not_loaded, module, reason}),
    do: "#{inspect(module)} was refused by the VM: #{inspect(reason)}"

  def format({:old_code_in_use, pids}),
    do: "#{length(pids)} processes still run the old code: #{inspect(pids, limit: 10)}"

  def format(other), do: inspect(other)
end
