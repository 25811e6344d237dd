defmodule ElixirScope.SiteTable do
  @moduledoc """
  What each site of one module version is, and where in the source.

  Carried by the instrumented module (`Module.__elixir_scope__(:sites)` and the beam chunk `ESst`) and
  sent to the agent when the module is loaded. The bytes are normative: `docs/site-table.md`.

  Sites are numbered from 1; `sites` and `functions` are lists in the order of their numbers. Positions
  are Elixir's own: lines and columns from 1, 0 = not known, of the token that anchors the site.

      iex> {:error, :truncated} = ElixirScope.SiteTable.decode("ESST" <> <<1::16-little>>)
      iex> ElixirScope.SiteTable.decode("else")
      {:error, :not_a_site_table}
  """

  alias ElixirScope.SiteTable.{Bytes, Function, Site}

  @magic "ESST"
  @format_version 1
  @table_bytes_max 4 * 1024 * 1024
  @sources [:unknown, :hashed_by_build, :hashed_at_run_time]

  @enforce_keys [:module_version, :module_md5, :module]
  defstruct module_version: nil,
            module_md5: nil,
            source_sha256: <<0::256>>,
            source_state: :unknown,
            module: nil,
            file: "",
            application: "",
            functions: [],
            sites: []

  @type source_state :: :unknown | :hashed_by_build | :hashed_at_run_time

  @type t :: %__MODULE__{
          module_version: ElixirScope.ModuleVersion.t(),
          module_md5: <<_::128>>,
          source_sha256: <<_::256>>,
          source_state: source_state(),
          module: String.t(),
          file: String.t(),
          application: String.t(),
          functions: [Function.t()],
          sites: [Site.t()]
        }

  @type decode_error ::
          :not_a_site_table
          | {:unknown_format_version, non_neg_integer()}
          | :too_large
          | :truncated
          | :trailing_bytes
          | {:invalid, atom()}

  @doc "The largest table in bytes that a reader accepts."
  @spec bytes_max() :: pos_integer()
  def bytes_max, do: @table_bytes_max

  @doc """
  The table's bytes. A table beyond `bytes_max/0` or a text beyond 65,535 bytes is an error.
  """
  @spec encode(t()) :: {:ok, binary()} | {:error, :too_large}
  def encode(%__MODULE__{} = table) do
    bytes =
      IO.iodata_to_binary([
        @magic,
        <<@format_version::16-little>>,
        <<table.module_version::binary-size(16), table.module_md5::binary-size(16)>>,
        <<table.source_sha256::binary-size(32), source_code(table.source_state)>>,
        Bytes.put_string(table.module),
        Bytes.put_string(table.file),
        Bytes.put_string(table.application),
        <<length(table.functions)::16-little>>,
        Enum.map(table.functions, &Function.encode/1),
        <<length(table.sites)::32-little>>,
        Enum.map(table.sites, &Site.encode/1)
      ])

    if byte_size(bytes) > @table_bytes_max or length(table.functions) > 0xFFFF,
      do: {:error, :too_large},
      else: {:ok, bytes}
  end

  @doc "The table that bytes hold. Total: any bytes give a table or an error."
  @spec decode(binary()) :: {:ok, t()} | {:error, decode_error()}
  def decode(bytes) when byte_size(bytes) > @table_bytes_max, do: {:error, :too_large}

  def decode(<<@magic, @format_version::16-little, body::binary>>), do: decode_body(body)
  def decode(<<@magic, version::16-little, _::binary>>), do: {:error, {:unknown_format_version, version}}
  def decode(bytes) when is_binary(bytes), do: {:error, :not_a_site_table}

  @doc "The site of a number, which begins with 1."
  @spec site(t(), pos_integer()) :: {:ok, Site.t()} | :error
  def site(%__MODULE__{sites: sites}, number) when is_integer(number) and number > 0,
    do: Enum.fetch(sites, number - 1)

  defp decode_body(
         <<module_version::binary-size(16), md5::binary-size(16), sha256::binary-size(32), state,
           rest::binary>>
       ) do
    with {:ok, state} <- source_state(state),
         {:ok, module, rest} <- Bytes.take_string(rest),
         {:ok, file, rest} <- Bytes.take_string(rest),
         {:ok, application, rest} <- Bytes.take_string(rest),
         {:ok, count, rest} <- Bytes.take_u16(rest),
         {:ok, functions, rest} <- Bytes.take_many(rest, count, &Function.decode/1),
         {:ok, count, rest} <- Bytes.take_u32(rest),
         {:ok, sites, rest} <- Bytes.take_many(rest, count, &Site.decode/1),
         :ok <- known_functions(sites, length(functions)),
         :ok <- Bytes.at_end(rest) do
      {:ok,
       %__MODULE__{
         module_version: module_version,
         module_md5: md5,
         source_sha256: sha256,
         source_state: state,
         module: module,
         file: file,
         application: application,
         functions: functions,
         sites: sites
       }}
    end
  end

  defp decode_body(_short), do: {:error, :truncated}

  defp known_functions(sites, count) do
    if Enum.all?(sites, &(&1.function < count)), do: :ok, else: {:error, {:invalid, :function}}
  end

  for {state, code} <- Enum.with_index(@sources) do
    defp source_code(unquote(state)), do: unquote(code)
    defp source_state(unquote(code)), do: {:ok, unquote(state)}
  end

  defp source_state(_code), do: {:error, {:invalid, :source_state}}
end
