defmodule ElixirScope.Instrument.Calls do
  @moduledoc """
  What is known about a call from its name.

  - *built in*: implemented by the VM and never running other Elixir code, so that code may follow it
    without losing a tail call that matters;
  - *quiet*: neither runs code that may be instrumented nor sends a message, so that the process's
    context before and after it does not matter.
  """

  @built_in [:math, :ets, :atomics, :counters, :persistent_term, :binary, :os, :unicode]
  @maps [:find, :get, :put, :remove, :is_key, :keys, :values, :merge, :take, :update, :from_list, :to_list]
  @lists [:member, :reverse, :keyfind, :keymember, :keysearch]

  @never_returns [
    error: 1,
    error: 2,
    error: 3,
    exit: 1,
    throw: 1,
    raise: 3,
    nif_error: 1,
    nif_error: 2,
    halt: 0
  ]
  @runs_code [apply: 2, apply: 3, hibernate: 3]
  @sends [:send, :send_nosuspend, :spawn, :spawn_link, :spawn_monitor, :spawn_opt, :spawn_request, :exit]

  @map_reads [get: 2, get: 3, fetch: 2, fetch!: 2, put: 3, delete: 2, has_key?: 2, keys: 1, values: 1] ++
               [merge: 2, new: 0, take: 2, drop: 2, pop: 2, pop: 3, put_new: 3, pop!: 2, to_list: 1]

  @doc """
  Whether code may follow the call where it is the last of a function.

      iex> ElixirScope.Instrument.Calls.built_in?(:erlang, :+, 2)
      true
      iex> ElixirScope.Instrument.Calls.built_in?(:erlang, :apply, 3)
      false
  """
  @spec built_in?(module(), atom(), arity()) :: boolean()
  def built_in?(:erlang, name, arity), do: {name, arity} not in @runs_code
  def built_in?(:maps, name, _arity), do: name in @maps
  def built_in?(:lists, name, _arity), do: name in @lists
  def built_in?(module, _name, _arity), do: module in @built_in

  @doc "Whether the call ends in an exception or an exit, always."
  @spec never_returns?(module(), atom(), arity()) :: boolean()
  def never_returns?(:erlang, name, arity), do: {name, arity} in @never_returns
  def never_returns?(_module, _name, _arity), do: false

  @doc "Whether the process's context does not matter to the call."
  @spec quiet?(module(), atom(), arity()) :: boolean()
  def quiet?(:erlang, name, arity), do: name not in @sends and {name, arity} not in @runs_code
  def quiet?(module, name, arity) when module in [Map, Keyword], do: {name, arity} in @map_reads
  def quiet?(module, name, arity), do: built_in?(module, name, arity)

  @doc "Whether the call may leave the process in the context of another call."
  @spec leaves_context?(module(), atom(), arity()) :: boolean()
  def leaves_context?(:erlang, name, arity), do: {name, arity} in @runs_code
  def leaves_context?(module, name, arity), do: not quiet?(module, name, arity)

  @doc """
  Whether the call sends its second argument to its first.

      iex> ElixirScope.Instrument.Calls.send?(:erlang, :send, 2)
      true
  """
  @spec send?(module(), atom(), arity()) :: boolean()
  def send?(:erlang, :send, arity), do: arity in [2, 3]
  def send?(GenServer, :cast, 2), do: true
  def send?(_module, _name, _arity), do: false
end
