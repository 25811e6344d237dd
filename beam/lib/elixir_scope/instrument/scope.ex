defmodule ElixirScope.Instrument.Scope do
  @moduledoc """
  What surrounds an expression: the frame variable that its sites use, and whether it is in tail position.
  """

  @enforce_keys [:function, :clause, :anchor]
  defstruct id: 0,
            function: 0,
            clause: 0,
            anchor: nil,
            frame: nil,
            tail?: false,
            values?: false,
            entry?: false,
            generated?: false

  @typedoc """
  `id` names the clause or `fn` that a return belongs to; `anchor` is where that return is shown.
  """
  @type t :: %__MODULE__{
          id: non_neg_integer(),
          function: non_neg_integer(),
          clause: non_neg_integer() | nil,
          anchor: ElixirScope.Instrument.Anchor.t(),
          frame: Macro.t(),
          tail?: boolean(),
          values?: boolean(),
          entry?: boolean(),
          generated?: boolean()
        }

  @doc "The same surroundings for an expression whose value is used."
  @spec inner(t()) :: t()
  def inner(%__MODULE__{} = scope), do: %{scope | tail?: false}
end
