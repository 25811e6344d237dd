defmodule ElixirScope.SiteTable.Function do
  @moduledoc """
  A function that sites belong to: its name, arity and how it is defined.
  """

  alias ElixirScope.SiteTable.Bytes

  @enforce_keys [:name, :arity, :kind]
  defstruct [:name, :arity, :kind]

  @type kind :: :def | :defp | :defmacro | :defmacrop
  @type t :: %__MODULE__{name: String.t(), arity: 0..255, kind: kind()}

  @doc "The function's bytes in the table."
  @spec encode(t()) :: iodata()
  def encode(%__MODULE__{} = function),
    do: [Bytes.put_string(function.name), <<function.arity, code(function.kind)>>]

  @doc "Takes a function from the table's bytes."
  @spec decode(binary()) :: Bytes.taken(t())
  def decode(bytes) do
    with {:ok, name, rest} <- Bytes.take_string(bytes),
         {:ok, arity, code, rest} <- take_arity_and_kind(rest),
         {:ok, kind} <- kind(code) do
      {:ok, %__MODULE__{name: name, arity: arity, kind: kind}, rest}
    end
  end

  defp take_arity_and_kind(<<arity, code, rest::binary>>), do: {:ok, arity, code, rest}
  defp take_arity_and_kind(_bytes), do: {:error, :truncated}

  for {kind, code} <- [def: 1, defp: 2, defmacro: 3, defmacrop: 4] do
    defp code(unquote(kind)), do: unquote(code)
    defp kind(unquote(code)), do: {:ok, unquote(kind)}
  end

  defp kind(_code), do: {:error, {:invalid, :function_kind}}
end
