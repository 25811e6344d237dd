defmodule ElixirScope.ModuleVersion do
  @moduledoc """
  The name of one compiled version of a module.

  A version is 16 bytes: the beginning of a SHA-256 over the module's own `md5` and over its `Line` and
  `Dbgi` chunks. `md5` alone ignores lines, so that a change which only moves code would keep it; with
  these two chunks such a change is a new version, and an event resolves to the source it came from.

  Always computed over the *original* beam, never over the instrumented one. Normative text:
  `docs/site-table.md`.

  A *key* is the first 59 bits of a version as a number: the largest size that is a small integer on a
  64-bit VM, so that an injected call passes it without an allocation.

      iex> version = <<255, 255, 255, 255, 255, 255, 255, 255, 0::64>>
      iex> ElixirScope.ModuleVersion.key(version) == Bitwise.bsl(1, 59) - 1
      true
  """

  @prefix "elixirscope module version 1\n"

  @typedoc "16 bytes"
  @type t :: <<_::128>>

  @typedoc "The first 59 bits of a version, big-endian."
  @type key :: 0..0x7FF_FFFF_FFFF_FFFF

  @doc """
  The version of a compiled module, from its beam file's bytes.

      iex> ElixirScope.ModuleVersion.of("no beam")
      {:error, :not_a_beam}
  """
  @spec of(binary()) :: {:ok, t()} | {:error, :not_a_beam}
  def of(beam) when is_binary(beam) do
    with {:ok, {_module, md5}} <- :beam_lib.md5(beam),
         {:ok, {_module, chunks}} <-
           :beam_lib.chunks(beam, [~c"Line", ~c"Dbgi"], [:allow_missing_chunks]) do
      hashed = [@prefix, md5, for({_id, chunk} <- chunks, do: counted(chunk))]
      <<version::binary-size(16), _::binary>> = :crypto.hash(:sha256, hashed)
      {:ok, version}
    else
      {:error, :beam_lib, _reason} -> {:error, :not_a_beam}
    end
  end

  @doc """
  The first 59 bits of a version.

      iex> ElixirScope.ModuleVersion.key(<<0::58, 1::1, 0::69>>)
      1
  """
  @spec key(t()) :: key()
  def key(<<key::59, _::69>>), do: key

  defp counted(:missing_chunk), do: <<0::32>>
  defp counted(chunk), do: [<<byte_size(chunk)::32>>, chunk]
end
