defmodule ElixirScope.Instrument do
  @moduledoc """
  Instruments a compiled module: a pure function from a beam to a beam.

  The Mix compiler step and `ElixirScope.instrument/2` on a running node both use it. See
  `ElixirScope.Instrument.Options` for the options, and `ElixirScope.Instrument.Body` for what is added.

      iex> ElixirScope.Instrument.rewrite("no beam")
      {:error, :not_a_beam}
      iex> ElixirScope.Instrument.format_error(:not_a_beam)
      "the file is not a BEAM module"
  """

  alias ElixirScope.Instrument.{Beam, Callbacks, Options, Rewriter}
  alias ElixirScope.{ModuleVersion, SiteTable}

  @type error :: Beam.error() | {:unknown_option, atom()} | {:invalid_option, atom(), term()} | term()

  @doc """
  The instrumented module, and its site table.

  A module that is instrumented already is returned as it is, with the table it carries.
  """
  @spec rewrite(binary(), keyword()) :: {:ok, binary(), SiteTable.t()} | {:error, error()}
  def rewrite(binary, options \\ []) do
    with {:ok, options} <- Options.new(options) do
      case Beam.site_table(binary) do
        {:ok, bytes} -> already(binary, bytes)
        :error -> instrument(binary, options)
      end
    end
  end

  @doc "Whether a beam is instrumented."
  @spec instrumented?(binary()) :: boolean()
  def instrumented?(binary), do: match?({:ok, _bytes}, Beam.site_table(binary))

  @doc "The original beam inside an instrumented one."
  @spec original(binary()) :: {:ok, binary()} | :error
  defdelegate original(binary), to: Beam

  @doc "A sentence for an error."
  @spec format_error(error()) :: String.t()
  defdelegate format_error(error), to: ElixirScope.Instrument.Problem, as: :format

  defp already(binary, bytes) do
    with {:ok, table} <- SiteTable.decode(bytes), do: {:ok, binary, table}
  end

  defp instrument(binary, options) do
    with {:ok, beam} <- Beam.read(binary),
         {:ok, version} <- ModuleVersion.of(binary),
         options = %{options | module: beam.module, gen_server?: Callbacks.gen_server?(beam.map.attributes)},
         key = ModuleVersion.key(version),
         {definitions, pass} = Rewriter.rewrite(beam.map.definitions, options, key),
         table = table(beam, version, options, pass),
         {:ok, bytes} <- SiteTable.encode(table),
         {:ok, instrumented} <- Beam.build(beam, definitions, version: version, key: key, sites: bytes) do
      {:ok, instrumented, table}
    end
  end

  defp table(beam, version, options, pass) do
    {:ok, {_module, md5}} = :beam_lib.md5(beam.binary)

    %SiteTable{
      module_version: version,
      module_md5: md5,
      source_sha256: if(options.source, do: :crypto.hash(:sha256, options.source), else: <<0::256>>),
      source_state: if(options.source, do: options.source_state, else: :unknown),
      module: Atom.to_string(beam.module),
      file: options.file || relative_file(beam.map),
      application: options.application,
      functions: Enum.reverse(pass.functions),
      sites: Enum.reverse(pass.sites)
    }
  end

  defp relative_file(map), do: Map.get(map, :relative_file) || Path.relative_to_cwd(map.file)
end
