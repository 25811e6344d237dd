defmodule ElixirScope.SiteTable.Site do
  @moduledoc """
  One instrumented point: its kind, the clause it is in, and the token that anchors it in the source.

  `column: 0` says that the column is not known; `macro_made?` that a macro made the point, whose call is
  on `line`; `generated?` that the function has no clause in the source. A reader shows a position only
  if the source has `token` there.
  """

  alias ElixirScope.SiteTable.Bytes

  @enforce_keys [:kind, :function, :token]
  defstruct kind: nil,
            macro_made?: false,
            generated?: false,
            function: 0,
            clause: nil,
            line: 0,
            column: 0,
            token: ""

  @kinds [
    clause: 1,
    return: 2,
    case: 3,
    cond: 4,
    with: 5,
    fn: 6,
    receive: 7,
    receive_after: 8,
    rescue: 9,
    catch: 10,
    try_else: 11,
    with_else: 12,
    callback: 13,
    callback_return: 14,
    send: 15,
    variable: 16,
    entry: 17
  ]
  @no_clause 0xFFFF

  @type kind ::
          :clause
          | :return
          | :case
          | :cond
          | :with
          | :fn
          | :receive
          | :receive_after
          | :rescue
          | :catch
          | :try_else
          | :with_else
          | :callback
          | :callback_return
          | :send
          | :variable
          | :entry

  @type t :: %__MODULE__{
          kind: kind(),
          macro_made?: boolean(),
          generated?: boolean(),
          function: 0..0xFFFE,
          clause: 0..0xFFFE | nil,
          line: non_neg_integer(),
          column: non_neg_integer(),
          token: String.t()
        }

  @doc """
  The kinds with their codes.

      iex> ElixirScope.SiteTable.Site.kinds()[:entry]
      17
  """
  @spec kinds() :: [{kind(), 1..255}]
  def kinds, do: @kinds

  @doc "The site's bytes in the table."
  @spec encode(t()) :: iodata()
  def encode(%__MODULE__{} = site) do
    [
      <<code(site.kind), flags(site), site.function::16-little, site.clause || @no_clause::16-little,
        site.line::32-little, site.column::32-little>>,
      Bytes.put_string(site.token)
    ]
  end

  @doc "Takes a site from the table's bytes."
  @spec decode(binary()) :: Bytes.taken(t())
  def decode(
        <<code, flags, function::16-little, clause::16-little, line::32-little, column::32-little,
          rest::binary>>
      ) do
    with {:ok, kind} <- kind(code),
         {:ok, macro_made?, generated?} <- unflag(flags),
         {:ok, token, rest} <- Bytes.take_string(rest) do
      {:ok,
       %__MODULE__{
         kind: kind,
         macro_made?: macro_made?,
         generated?: generated?,
         function: function,
         clause: if(clause == @no_clause, do: nil, else: clause),
         line: line,
         column: column,
         token: token
       }, rest}
    end
  end

  def decode(_bytes), do: {:error, :truncated}

  defp flags(site), do: if(site.macro_made?, do: 1, else: 0) + if(site.generated?, do: 2, else: 0)

  defp unflag(flags) when flags <= 3, do: {:ok, rem(flags, 2) == 1, flags >= 2}
  defp unflag(_flags), do: {:error, {:invalid, :flags}}

  for {kind, code} <- @kinds do
    defp code(unquote(kind)), do: unquote(code)
    defp kind(unquote(code)), do: {:ok, unquote(kind)}
  end

  defp kind(_code), do: {:error, {:invalid, :site_kind}}
end
