defmodule ElixirScope.Event do
  @moduledoc """
  Records events of the calling process: clock, ordinal, parent; then the context and the label that follow from it.

  Two sorts: an event that becomes the process's call (`enter/2`, `frame/6`), and an event of a frame (`within/4`). The
  fast way, where the token is the one that the process set last, takes about 300 ns; everything else is in
  `ElixirScope.Context.place/3`.
  """
  import Bitwise
  alias ElixirScope.{Capture, Clock, Context, Outbox, Ring}

  @context :"$elixir_scope"
  @epoch_us ElixirScope.Clock.epoch_us()

  @doc "An event that becomes the process's call; its parent is the call before, or what the token says."
  @spec enter(non_neg_integer, non_neg_integer) :: Context.frame()
  def enter(word, key) do
    case :erlang.get(@context) do
      {hlc, call, _, _} = context ->
        case :erlang.seq_trace_info(:label) do
          {:label, {:elixir_scope, _, _, _, ^hlc, ^call, _, _}} -> frame(word, key, call, 0, 0, context)
          label -> placed(context, label, :site, word, key)
        end

      :undefined ->
        open(word, key)
    end
  end

  @doc "An event of a process without a context: it is opened by the token, if that is of a trace."
  @spec open(non_neg_integer, non_neg_integer) :: Context.frame()
  def open(word, key), do: at(Context.open(), word, key)

  @doc "As `enter/2`, where the token is not the process's own. Another user's token is given back as it was found."
  @spec placed(Context.t(), term, :site | :receive, non_neg_integer, non_neg_integer) :: Context.frame()
  def placed(context, label, at, word, key) do
    frame = context |> Context.place(label, at) |> at(word, key)
    restore(label)
    frame
  end

  defp restore({:label, label}) when :erlang.element(1, label) == :elixir_scope, do: :ok
  defp restore({:label, label}), do: :erlang.seq_trace(:label, label)
  defp restore([]), do: :ok

  defp at(:none, _word, _key), do: 0

  defp at({context, parent, flags, w10, w11}, word, key),
    do: frame(word ||| flags, key, parent, w10, w11, context)

  @doc "Records an event with this parent and makes it the process's call."
  @spec frame(
          non_neg_integer,
          non_neg_integer,
          non_neg_integer,
          non_neg_integer,
          non_neg_integer,
          Context.t()
        ) ::
          Context.frame()
  def frame(word, key, parent, w10, w11, {hlc, call, ordinal, static}) do
    {runtime, t1, t2, t3, context, pid_word, _, _, _} = static
    us = :os.system_time(:microsecond) - @epoch_us
    physical = us <<< 10
    word = word ||| ahead(hlc, physical, runtime)
    hlc = max(hlc + 1, physical)
    w7 = (ordinal &&& 0x7FFFFFF) <<< 32 ||| t3

    case Ring.put(runtime, word, hlc, us, key, t1, t2, w7, pid_word, parent, w10, w11) do
      0 ->
        refused({hlc, call, ordinal + 1, static}, us)

      id ->
        :erlang.put(@context, {hlc, id, ordinal + 1, static})
        :erlang.seq_trace(:label, {:elixir_scope, t1, t2, t3, hlc, id, :erlang.element(3, runtime), us})
        # A parent on another process cannot be this process's call again.
        {id, context, if(w10 == 0, do: parent, else: id)}
    end
  end

  # A clock of the trace that is more than the allowed offset before this node's.
  @compile {:inline, ahead: 3}
  defp ahead(hlc, physical, _runtime) when hlc <= physical, do: 0

  defp ahead(hlc, physical, runtime), do: Clock.ahead(hlc, physical, :erlang.element(5, runtime))

  # The event was not recorded: when capture is off the process leaves its trace, else its frame stays.
  defp refused({_, _, _, {_, _, _, _, id, _, _, _, _}} = context, us) do
    if Ring.on?() do
      Context.store(context, us)
      {0, id, 0}
    else
      Context.drop()
    end
  end

  @doc "An event of a frame: the frame is the process's call again."
  @spec within(non_neg_integer, non_neg_integer, Context.frame()) :: :ok
  def within(word, key, {call, _, _} = frame), do: within(word, key, frame, call)
  def within(_word, _key, _untraced), do: :ok

  @doc "As `within/3`; `next` is the process's call afterwards."
  @spec within(non_neg_integer, non_neg_integer, Context.frame(), non_neg_integer) :: :ok
  def within(word, key, {call, id, _}, next) when call > 0 do
    case :erlang.get(@context) do
      {hlc, now, ordinal, static} = context when :erlang.element(5, static) == id ->
        case :erlang.seq_trace_info(:label) do
          {:label, {:elixir_scope, _, _, _, ^hlc, ^now, _, _}} ->
            inside(word, key, call, next, hlc, ordinal, static)

          label ->
            # The parent stays the frame: of the label only the clock is taken.
            {{hlc, _, ordinal, static}, _, _, _, _} = Context.place(context, label, :site)
            if :erlang.element(5, static) == id, do: inside(word, key, call, next, hlc, ordinal, static)
            restore(label)
            :ok
        end

      # The process has switched to another trace since the frame began.
      _ ->
        :ok
    end
  end

  def within(_word, _key, _untraced, _next), do: :ok

  defp inside(word, key, call, next, hlc, ordinal, {runtime, t1, t2, t3, _, pid_word, _, _, _} = static) do
    us = :os.system_time(:microsecond) - @epoch_us
    physical = us <<< 10
    word = word ||| ahead(hlc, physical, runtime)
    hlc = max(hlc + 1, physical)
    w7 = (ordinal &&& 0x7FFFFFF) <<< 32 ||| t3

    case Ring.put(runtime, word, hlc, us, key, t1, t2, w7, pid_word, call, 0, 0) do
      0 ->
        refused({hlc, next, ordinal + 1, static}, us)

      _ ->
        :erlang.put(@context, {hlc, next, ordinal + 1, static})
        :erlang.seq_trace(:label, {:elixir_scope, t1, t2, t3, hlc, next, :erlang.element(3, runtime), us})
    end

    :ok
  end

  @doc """
  As `within/4`, with a payload that `payload` makes, if there is room for it and the process may be looked at; else
  the event goes to the ring as any other.
  """
  @spec with_payload(
          non_neg_integer,
          non_neg_integer,
          Context.frame(),
          non_neg_integer,
          (() -> iodata)
        ) :: :ok
  def with_payload(word, key, {call, id, _} = frame, next, payload) when call > 0 do
    with {_, _, _, {runtime, _, _, _, ^id, _, _, _, _}} = context <- :erlang.get(@context),
         true <- Outbox.room?(runtime),
         true <- Capture.allowed?(context),
         us = Clock.now_us(),
         bytes when bytes != nil <- made(payload),
         label = :erlang.seq_trace_info(:label),
         {hlc, _, ordinal, {runtime, _, _, _, ^id, _, _, _, _} = static} <- own(:erlang.get(@context), label) do
      rich(word, key, call, next, bytes, us, {hlc, ordinal, static, runtime})
      restore(label)
    else
      _ -> within(word, key, frame, next)
    end
  end

  def with_payload(_word, _key, _untraced, _next, _payload), do: :ok

  # What raises in here concerns the payload, not the application.
  defp made(payload) do
    payload.()
  rescue
    _ -> nil
  catch
    _, _ -> nil
  end

  defp own({hlc, now, _, _} = context, {:label, {:elixir_scope, _, _, _, hlc, now, _, _}}), do: context

  defp own(context, label) do
    {context, _, _, _, _} = Context.place(context, label, :site)
    context
  end

  defp rich(word, key, call, next, payload, us, {before, ordinal, static, runtime}) do
    {_, t1, t2, t3, _, pid_word, _, _, _} = static
    hlc = max(before + 1, us <<< 10)
    w1 = word ||| ahead(before, us <<< 10, runtime)
    words = {w1, hlc, us, key, t1, t2, (ordinal &&& 0x7FFFFFF) <<< 32 ||| t3, pid_word, call, 0, 0}

    if Outbox.offer(runtime, words, payload) == 0,
      do: inside(word, key, call, next, before, ordinal, static),
      else: Context.store({hlc, next, ordinal + 1, static}, us)
  end

  @doc "What the process sends next carries this clock and this call."
  @spec relabel(non_neg_integer, non_neg_integer, Context.static()) :: term
  def relabel(hlc, call, {runtime, t1, t2, t3, _, _, _, _, _}) do
    us = :os.system_time(:microsecond) - @epoch_us
    :erlang.seq_trace(:label, {:elixir_scope, t1, t2, t3, hlc, call, :erlang.element(3, runtime), us})
  end
end
