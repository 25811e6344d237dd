defmodule ElixirScope.Instrument.Origin do
  @moduledoc """
  Where a compiled module came from: its source file, project folder and application.

  A source text is used only if it is the one that was compiled. The build knows; on a running node it is
  believed if the file is no newer than the module's.
  """

  @doc """
  Adds `source:`, `source_state:`, `file:` and `application:` for a module of a running node, where the
  caller did not give them.
  """
  @spec options(module(), binary(), charlist(), keyword()) :: keyword()
  def options(module, binary, file, options) do
    found = [application: application(module)] ++ source(binary, List.to_string(file))
    Keyword.merge(found, options)
  end

  @doc "The path of the source that a beam was compiled from; `nil` if it does not say."
  @spec source_path(binary()) :: Path.t() | nil
  def source_path(binary) do
    with {:ok, {_module, [compile_info: info]}} <- :beam_lib.chunks(binary, [:compile_info]),
         source when is_list(source) <- info[:source] do
      List.to_string(source)
    else
      _unknown -> nil
    end
  end

  defp source(binary, beam_path) do
    with path when path != nil <- source_path(binary),
         {:ok, %File.Stat{mtime: source_time}} <- File.stat(path, time: :posix),
         {:ok, %File.Stat{mtime: beam_time}} <- File.stat(beam_path, time: :posix),
         true <- source_time <= beam_time,
         {:ok, text} <- File.read(path) do
      [source: text, source_state: :hashed_at_run_time]
    else
      _unsure -> []
    end
  end

  defp application(module) do
    case :application.get_application(module) do
      {:ok, application} -> Atom.to_string(application)
      :undefined -> ""
    end
  end
end
