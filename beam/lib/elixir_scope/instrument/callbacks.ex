defmodule ElixirScope.Instrument.Callbacks do
  @moduledoc """
  The callbacks of a `GenServer`, and which of their arguments are the message and the state.
  """

  alias ElixirScope.Instrument.Options

  @positions %{
    {:init, 1} => {0, nil},
    {:handle_call, 3} => {0, 2},
    {:handle_cast, 2} => {0, 1},
    {:handle_info, 2} => {0, 1},
    {:handle_continue, 2} => {0, 1},
    {:terminate, 2} => {0, 1}
  }

  @doc """
  The positions of message and state (from 0; `nil` where there is none), or `:none` for a function that is
  no callback of a server.

      iex> alias ElixirScope.Instrument.{Callbacks, Options}
      iex> Callbacks.positions(%Options{gen_server?: true}, :handle_call, 3)
      {0, 2}
      iex> Callbacks.positions(%Options{gen_server?: false}, :handle_call, 3)
      :none
  """
  @spec positions(Options.t(), atom(), arity()) :: {0, 1 | 2 | nil} | :none
  def positions(%Options{gen_server?: false}, _name, _arity), do: :none
  def positions(%Options{}, name, arity), do: Map.get(@positions, {name, arity}, :none)

  @doc "Whether an attribute list says that the module is a `GenServer`."
  @spec gen_server?([{atom(), term()}]) :: boolean()
  def gen_server?(attributes) do
    Enum.any?(attributes, fn
      {name, behaviours} when name in [:behaviour, :behavior] ->
        Enum.any?(List.wrap(behaviours), &(&1 in [GenServer, :gen_server]))

      _other ->
        false
    end)
  end
end
