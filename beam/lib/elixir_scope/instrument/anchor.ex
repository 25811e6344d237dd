defmodule ElixirScope.Instrument.Anchor do
  @moduledoc """
  The token that a site is shown at, and how sure its position is.
  """

  @enforce_keys [:token]
  defstruct token: nil,
            line: 0,
            column: 0,
            macro_made?: false,
            generated?: false,
            hidden?: false,
            by_order?: false

  @typedoc """
  `column` is 0 where not known; `hidden?` marks what gets no site: a function that a macro generated, and
  `and` and `or`, which are a `case` only on some versions of Elixir; `by_order?` a column that rests on the order of the macros in a line.
  """
  @type t :: %__MODULE__{
          token: String.t(),
          line: non_neg_integer(),
          column: non_neg_integer(),
          macro_made?: boolean(),
          generated?: boolean(),
          hidden?: boolean(),
          by_order?: boolean()
        }

  @doc "A token that was found in the source."
  @spec exact(String.t(), pos_integer(), pos_integer()) :: t()
  def exact(token, line, column), do: %__MODULE__{token: token, line: line, column: column}

  @doc "A node that a macro made: its call's line, no column."
  @spec macro_made(String.t(), non_neg_integer()) :: t()
  def macro_made(token, line), do: %__MODULE__{token: token, line: line, macro_made?: true}

  @doc """
  Exact if the parser saw the token at the column of the metadata; else macro-made: a macro's own column
  with its caller's line points at nothing.
  """
  @spec among([ElixirScope.Instrument.Source.column()], String.t(), non_neg_integer(), pos_integer()) :: t()
  def among(columns, token, line, parsed) do
    case List.keyfind(columns, parsed, 0) do
      {^parsed, column} -> exact(token, line, column)
      nil -> macro_made(token, line)
    end
  end

  @doc "The position in a node's metadata, for a module whose source is not at hand."
  @spec unchecked(String.t(), keyword()) :: t()
  def unchecked(token, meta),
    do: %__MODULE__{token: token, line: meta[:line] || 0, column: meta[:column] || 0}
end
