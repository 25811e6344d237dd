defmodule ElixirScope.Instrument.Build do
  @moduledoc """
  Instruments the beams of an `ebin` folder, and remembers what it did.

  Runs after the compiler, any number of times: a beam that it wrote itself and whose settings have not
  changed is left alone, one that the compiler has written since is instrumented, and one that is no longer
  selected gets its original back. Everything is instrumented again when the settings change, or the
  modules of this library that decide what instrumented code is. Does not need Mix.
  """

  alias ElixirScope.Instrument
  alias ElixirScope.Instrument.{Origin, Selection}

  @manifest_version 1

  @type folders :: %{
          ebin: Path.t(),
          originals: Path.t(),
          manifest: Path.t(),
          application: String.t()
        }

  @typedoc "`changed` are the modules whose file was written; `instrumented` all that are."
  @type report :: %{
          changed: [module()],
          instrumented: [module()],
          site_count: non_neg_integer(),
          problems: [String.t()]
        }

  @doc "Brings the folder in line with the selection."
  @spec run(folders(), Selection.t(), boolean()) :: report()
  def run(folders, selection, force? \\ false) do
    fingerprint = {Selection.fingerprint(selection), library()}
    known = if force?, do: %{}, else: read_manifest(folders.manifest, fingerprint)

    results =
      folders.ebin
      |> Path.join("*.beam")
      |> Path.wildcard()
      |> Task.async_stream(&one(&1, folders, selection, known), timeout: :infinity)
      |> Enum.map(fn {:ok, result} -> result end)

    write_manifest(folders.manifest, fingerprint, results)

    %{
      changed: for({module, _stat, {:changed, _sites}} <- results, do: module),
      instrumented: for({module, _stat, {_state, sites}} when is_integer(sites) <- results, do: module),
      site_count:
        Enum.sum(for({_module, _stat, {_state, sites}} when is_integer(sites) <- results, do: sites)),
      problems: for({_module, _stat, {:problem, text}} <- results, do: text)
    }
  end

  @doc "A hash of the modules of this library that decide what instrumented code is."
  @spec library() :: binary()
  def library do
    _ = Application.load(:elixir_scope)

    md5s =
      for module <- Application.spec(:elixir_scope, :modules) || [],
          decides?(Atom.to_string(module)),
          Code.ensure_loaded?(module),
          do: {module, module.module_info(:md5)}

    :crypto.hash(:sha256, :erlang.term_to_binary(Enum.sort(md5s)))
  end

  defp decides?("Elixir.ElixirScope.Instrument" <> _), do: true
  defp decides?("Elixir.ElixirScope.SiteTable" <> _), do: true
  defp decides?(name), do: name in ["Elixir.ElixirScope.Probe", "Elixir.ElixirScope.ModuleVersion"]

  defp one(path, folders, selection, known) do
    module = path |> Path.basename(".beam") |> String.to_atom()

    case known do
      %{^module => {stat, state}} ->
        if stat == stat(path), do: {module, stat, kept(state)}, else: fresh(module, path, folders, selection)

      _unknown ->
        fresh(module, path, folders, selection)
    end
  end

  defp kept({:problem, text}), do: {:problem, text}
  defp kept({_state, sites}), do: {:kept, sites}

  defp fresh(module, path, folders, selection) do
    binary = File.read!(path)
    selected? = Selection.selects?(selection, module)

    state =
      case {selected?, Instrument.original(binary)} do
        {true, {:ok, original}} -> write(module, path, original, folders, selection)
        {true, :error} -> write(module, path, binary, folders, selection)
        {false, {:ok, original}} -> restore(path, original, folders)
        {false, :error} -> {:kept, nil}
      end

    {module, stat(path), state}
  end

  defp write(module, path, original, folders, selection) do
    options = [application: folders.application] ++ source(original) ++ Selection.options(selection, module)

    case Instrument.rewrite(original, options) do
      {:ok, instrumented, table} ->
        File.mkdir_p!(folders.originals)
        File.write!(Path.join(folders.originals, Path.basename(path)), original)
        replace(path, instrumented)
        {:changed, length(table.sites)}

      {:error, {:protocol, _module}} ->
        # A pattern selects protocols too; they have nothing to instrument.
        {:kept, nil}

      {:error, reason} ->
        {:problem, "#{inspect(module)} is not instrumented: #{Instrument.format_error(reason)}"}
    end
  end

  defp restore(path, original, folders) do
    replace(path, original)
    File.rm(Path.join(folders.originals, Path.basename(path)))
    {:changed, nil}
  end

  # Never a half-written module under the name.
  defp replace(path, binary) do
    temporary = path <> ".elixir_scope"
    File.write!(temporary, binary)
    File.rename!(temporary, path)
  end

  # The compiler has run just now, so that the source on disk is the one it read.
  defp source(binary) do
    with path when path != nil <- Origin.source_path(binary),
         {:ok, text} <- File.read(path) do
      [source: text, source_state: :hashed_by_build]
    else
      _unknown -> []
    end
  end

  defp stat(path) do
    %File.Stat{size: size, mtime: mtime, inode: inode} = File.stat!(path, time: :posix)
    {size, mtime, inode}
  end

  defp read_manifest(path, fingerprint) do
    with {:ok, bytes} <- File.read(path),
         {@manifest_version, ^fingerprint, known} when is_map(known) <- decode(bytes) do
      known
    else
      _none -> %{}
    end
  end

  defp decode(bytes) do
    :erlang.binary_to_term(bytes)
  rescue
    ArgumentError -> :unreadable
  end

  defp write_manifest(path, fingerprint, results) do
    known = Map.new(results, fn {module, stat, state} -> {module, {stat, state}} end)
    File.mkdir_p!(Path.dirname(path))
    File.write!(path, :erlang.term_to_binary({@manifest_version, fingerprint, known}))
  end
end
