defmodule ElixirScope.Kinds do
  @moduledoc """
  The numbers of `docs/node-socket.md`: event kinds, flags, result classes, reasons for a drop.
  Kinds and flags are macros, so that probes use plain literals.
  """

  @kinds [
    root: 1,
    call: 2,
    return: 3,
    branch: 4,
    fn: 5,
    exception: 6,
    callback: 7,
    callback_return: 8,
    error: 9,
    spawn: 10,
    exit: 11,
    value: 12,
    link: 13,
    node_up: 14,
    node_down: 15,
    send: 16,
    log: 17,
    root_end: 18
  ]
  @flags [
    payload: 1,
    remote: 2,
    root: 4,
    inferred: 8,
    state_changed: 16,
    cut: 32,
    ahead: 64,
    untraced: 128
  ]
  @reasons [
    ring_full: 1,
    torn: 2,
    payload_full: 3,
    agent_absent: 4,
    agent_lost: 5,
    switched_off: 6,
    refused: 7,
    governor: 8
  ]

  @doc "The number of a kind."
  defmacro kind(name), do: Keyword.fetch!(@kinds, name)

  @doc "A flag, already shifted to its place in word 1."
  defmacro flag(name), do: Bitwise.bsl(Keyword.fetch!(@flags, name), 12)

  @doc "The number of a reason for a drop."
  defmacro reason(name), do: Keyword.fetch!(@reasons, name)

  @doc "All reasons, by number."
  @spec reasons() :: [{atom, 1..8}]
  def reasons, do: @reasons

  @doc "All kinds, by number."
  @spec kinds() :: [{atom, pos_integer}]
  def kinds, do: @kinds

  @doc """
  The class of a result.

      iex> Enum.map([:ok, {:ok, 1}, {:error, :nil_div}, nil, 5, %{}], &ElixirScope.Kinds.class/1)
      [1, 2, 4, 5, 8, 12]
  """
  @spec class(term) :: 0..21
  def class(:ok), do: 1
  def class(:error), do: 3
  def class(nil), do: 5
  def class(true), do: 6
  def class(false), do: 7
  def class(v) when is_atom(v), do: 14
  def class(v) when is_tuple(v), do: tuple(v)
  def class(v) when is_map(v), do: if(is_map_key(v, :__struct__), do: 15, else: 12)
  def class(v) when is_list(v), do: 11
  def class(v) when is_binary(v), do: 10
  def class(v) when is_integer(v), do: 8
  def class(v) when is_float(v), do: 9
  def class(v) when is_function(v), do: 17
  def class(v) when is_pid(v) or is_reference(v) or is_port(v), do: 16
  def class(v) when is_bitstring(v), do: 21
  def class(_), do: 0

  defp tuple(v) when tuple_size(v) == 0, do: 13
  defp tuple(v) when :erlang.element(1, v) == :ok, do: 2
  defp tuple(v) when :erlang.element(1, v) == :error, do: 4
  defp tuple(v) when :erlang.element(1, v) == :reply, do: 18
  defp tuple(v) when :erlang.element(1, v) == :noreply, do: 19
  defp tuple(v) when :erlang.element(1, v) == :stop, do: 20
  defp tuple(_), do: 13

  @doc "The class of an exception's kind."
  @spec exception_class(atom) :: 1..3
  def exception_class(:error), do: 1
  def exception_class(:exit), do: 2
  def exception_class(_throw), do: 3
end
