defmodule ElixirScope.Capture do
  @moduledoc """
  `value` events: arguments, results, variables, messages and states, limited and redacted in the process
  that has them (`ElixirScope.Outbox`).

  `process_flag(:sensitive, true)` is honoured. It has no read API: it is read by flipping it, once an extent.
  """
  import Bitwise
  require ElixirScope.Kinds
  alias ElixirScope.{Clock, Kinds, Outbox, Value}

  @context :"$elixir_scope"
  @binds_max 32

  @doc """
  Records values that belong to the frame's event. `role`: 0 argument, 1 result, 2 variable, 3 message,
  4 state before, 5 state after, 6 reply. Gives the frame back.
  """
  @spec values(ElixirScope.Context.frame(), non_neg_integer, pos_integer, 0..6, [{atom, term}]) ::
          ElixirScope.Context.frame()
  def values({call, id, _} = frame, key, site, role, binds) when call > 0 do
    case :erlang.get(@context) do
      {hlc, now, ordinal, static} when :erlang.element(5, static) == id ->
        static = if :erlang.element(8, static) == :unknown, do: allowed(static), else: static
        :erlang.put(@context, {hlc, now, ordinal, static})
        if :erlang.element(8, static), do: record(call, key, site, role, binds)
        frame

      _ ->
        frame
    end
  end

  def values(frame, _key, _site, _role, _binds), do: frame

  defp allowed(static), do: put_elem(static, 7, not sensitive?())

  @doc "Whether this process, whose context this is, may be looked at; what is found out is kept in its context."
  @spec allowed?(ElixirScope.Context.t()) :: boolean
  def allowed?({hlc, call, ordinal, static}) when :erlang.element(8, static) == :unknown do
    static = allowed(static)
    :erlang.put(@context, {hlc, call, ordinal, static})
    :erlang.element(8, static)
  end

  def allowed?({_, _, _, static}), do: :erlang.element(8, static)

  @doc "Whether this process has asked not to be looked at."
  @spec sensitive?() :: boolean
  def sensitive? do
    was = :erlang.process_flag(:sensitive, true)
    :erlang.process_flag(:sensitive, was)
    was
  end

  defp record(parent, key, site, role, binds) do
    {hlc, call, ordinal, {runtime, t1, t2, t3, _, pid_word, _, _, _} = static} = :erlang.get(@context)
    us = Clock.now_us()
    binds = if match?([_], binds), do: binds, else: Enum.take(binds, @binds_max)

    {hlc, ordinal} =
      Enum.reduce(binds, {hlc, ordinal}, fn {name, value}, {hlc, ordinal} ->
        {payload, flags} = payload(role, name, value)
        flags = flags ||| Clock.ahead(hlc, us <<< 10, :erlang.element(5, runtime))
        hlc = max(hlc + 1, us <<< 10)
        w1 = Kinds.kind(:value) ||| flags ||| Kinds.class(value) <<< 6 ||| site <<< 20
        w7 = (ordinal &&& 0x7FFFFFF) <<< 32 ||| t3
        Outbox.post(runtime, {w1, hlc, us, key, t1, t2, w7, pid_word, parent, 0, 0}, payload)
        {hlc, ordinal + 1}
      end)

    # Own label or not: the token is renewed with the next event; only the clock has moved.
    move(hlc, call, ordinal, static, us)
  end

  @doc "Stores the context; the label follows its clock, unless a message has brought another label meanwhile."
  @spec move(non_neg_integer, non_neg_integer, non_neg_integer, ElixirScope.Context.static(), non_neg_integer) ::
          term
  def move(hlc, call, ordinal, static, us) do
    {old, _, _, _} = :erlang.get(@context)

    case :erlang.seq_trace_info(:label) do
      {:label, {:elixir_scope, _, _, _, ^old, ^call, _, _}} ->
        ElixirScope.Context.store({hlc, call, ordinal, static}, us)

      _ ->
        :erlang.put(@context, {hlc, call, ordinal, static})
    end
  end

  defp payload(role, name, value) do
    # By the atom: whether it is to be hidden was decided when it was met first.
    {bytes, cut, redacted} = Value.encode(value, name)
    name = Atom.to_string(name)
    flags = if(cut, do: 1, else: 0) ||| if(redacted, do: 2, else: 0)
    # An atom has at most 255 characters.
    head = <<role, flags, byte_size(name)::16-little, name::binary>>
    {[head | bytes], if(cut, do: Kinds.flag(:cut), else: 0)}
  end
end
