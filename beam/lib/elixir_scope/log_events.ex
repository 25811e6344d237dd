defmodule ElixirScope.LogEvents do
  @moduledoc """
  Log messages of processes in a trace become `log` events of their frame.

  A `:logger` handler: it runs in the process that logs, so its context is at hand. Messages of at least `:log_level`
  (default `:warning`, `:none` for no handler); those of processes in no trace only with `:log_untraced`. The text is
  at most 1 KiB; terms in it are limited and redacted as captured values are (`ElixirScope.Value`).

  It never waits, raises or logs, and runs no code of the application (no `Inspect`, no `report_cb`); a message that is
  logged while one is made into an event is left out.
  What the VM's own libraries log (domain `[:otp]`: crash and supervisor reports, with states and last messages in
  them) is left out as well: `ElixirScope.CrashReports` makes `error` events of it.
  """
  import Bitwise
  require ElixirScope.Kinds
  alias ElixirScope.{Capture, Clock, Config, Context, Kinds, Outbox, Ring, Value}

  @id :elixir_scope
  @busy :"$elixir_scope_logging"
  @text_max 1_024
  # Of a text that may be nested lists, at most this many elements are looked at.
  @elements_max 4_096

  @doc "Adds the handler, as configured."
  @spec attach() :: :ok
  def attach do
    detach()
    level = Config.get(:log_level)
    untraced? = Config.get(:log_untraced) == true

    if level != :none,
      do: :logger.add_handler(@id, __MODULE__, %{level: level, config: %{untraced: untraced?}})

    :ok
  end

  @doc "Removes the handler."
  @spec detach() :: :ok
  def detach do
    _ = :logger.remove_handler(@id)
    :ok
  end

  @doc false
  @spec log(:logger.log_event(), map) :: :ok
  def log(%{meta: %{domain: [:otp | _]}}, _config), do: :ok

  def log(%{msg: message}, config) do
    context = Context.get()
    untraced? = match?(%{config: %{untraced: true}}, config)

    if (context != :undefined or untraced?) and :erlang.get(@busy) == :undefined,
      do: guarded(context, message)

    :ok
  end

  defp guarded(context, message) do
    :erlang.put(@busy, true)
    event(Ring.runtime(), context, message)
  rescue
    _ -> :ok
  catch
    _, _ -> :ok
  after
    :erlang.erase(@busy)
  end

  defp event(nil, _context, _message), do: :ok

  defp event(runtime, :undefined, message) do
    if Outbox.room?(runtime) and not Capture.sensitive?() do
      {pid_word, ordinal, last, sends, continue} = Context.process()
      us = Clock.now_us()
      {text, flags} = text(message)
      w1 = Kinds.kind(:log) ||| flags ||| Kinds.flag(:untraced)
      words = {w1, us <<< 10, us, 0, 0, 0, (ordinal &&& 0x7FFFFFF) <<< 32, pid_word, 0, 0, 0}
      Outbox.post(runtime, words, text)
      Context.put_process({pid_word, ordinal + 1, last, sends, continue})
    end
  end

  defp event(runtime, context, message) do
    if Outbox.room?(runtime) and Capture.allowed?(context) do
      us = Clock.now_us()
      {text, flags} = text(message)
      {hlc, call, ordinal, {_, t1, t2, t3, _, pid_word, _, _, _} = static} = Context.get()
      w1 = Kinds.kind(:log) ||| flags ||| Clock.ahead(hlc, us <<< 10, elem(runtime, 4))
      hlc = max(hlc + 1, us <<< 10)
      words = {w1, hlc, us, 0, t1, t2, (ordinal &&& 0x7FFFFFF) <<< 32 ||| t3, pid_word, call, 0, 0}
      Outbox.post(runtime, words, text)
      Capture.move(hlc, call, ordinal + 1, static, us)
    else
      # Counted: the event was there, and there was no room for it.
      unless Outbox.room?(runtime), do: Outbox.refuse(runtime)
    end
  end

  @doc """
  The text of a log message, at most 1 KiB of UTF-8, and the flag `cut` if it was longer.

      iex> ElixirScope.LogEvents.text({:string, ["stock ", "is low"]})
      {"stock is low", 0}
      iex> ElixirScope.LogEvents.text({:report, %{order: 1}})
      {"%{order: 1}", 0}
  """
  @spec text(tuple) :: {String.t(), non_neg_integer}
  def text({:string, chardata}), do: chardata |> gather(@elements_max, []) |> valid()

  def text({:report, report}) do
    {report, cut?, _} = Value.limit(report)
    {text, cut} = report |> inspect(structs: false, limit: 40, printable_limit: 512) |> valid()
    {text, if(cut?, do: Kinds.flag(:cut), else: cut)}
  end

  def text({format, arguments}) when is_list(arguments) do
    format
    |> :io_lib.format(Enum.map(arguments, &argument/1), chars_limit: @text_max)
    |> gather(@elements_max, [])
    |> valid()
  rescue
    _ -> valid(inspect(format, printable_limit: 512))
  end

  def text(other), do: text({:report, other})

  # Texts stay texts for `~s`; anything else is limited and redacted.
  defp argument(text) when is_binary(text), do: binary_part(text, 0, min(byte_size(text), @text_max))

  defp argument(list) when is_list(list) do
    if printable?(list, @text_max), do: Enum.take(list, @text_max), else: list |> Value.limit() |> elem(0)
  end

  defp argument(term), do: term |> Value.limit() |> elem(0)

  defp printable?([], _left), do: true
  defp printable?(_rest, 0), do: true
  defp printable?([c | rest], left) when c in 9..0x10FFFF, do: printable?(rest, left - 1)
  defp printable?(_rest, _left), do: false

  # The first bytes of chardata, however much there is of it. One byte more than fits tells that it was cut.
  defp gather(data, left, acc),
    do: [data] |> take(left, @text_max + 1, acc) |> Enum.reverse() |> IO.iodata_to_binary()

  defp take([], _left, _bytes, acc), do: acc
  defp take(_stack, left, bytes, acc) when left <= 0 or bytes <= 0, do: acc
  defp take([[head | tail] | stack], left, bytes, acc), do: take([head, tail | stack], left - 1, bytes, acc)
  defp take([[] | stack], left, bytes, acc), do: take(stack, left, bytes, acc)

  defp take([text | stack], left, bytes, acc) when is_binary(text) do
    part = binary_part(text, 0, min(byte_size(text), bytes))
    take(stack, left - 1, bytes - byte_size(part), [part | acc])
  end

  defp take([char | stack], left, bytes, acc) when char in 0..0xD7FF or char in 0xE000..0x10FFFF do
    part = <<char::utf8>>
    take(stack, left - 1, bytes - byte_size(part), [part | acc])
  end

  defp take([_ | stack], left, bytes, acc), do: take(stack, left - 1, bytes, acc)

  defp valid(text) do
    cut = if byte_size(text) > @text_max, do: Kinds.flag(:cut), else: 0
    {text |> binary_part(0, min(byte_size(text), @text_max)) |> utf8(""), cut}
  end

  defp utf8("", acc), do: acc

  defp utf8(text, acc) do
    case :unicode.characters_to_binary(text) do
      good when is_binary(good) -> acc <> good
      {_, good, <<_, rest::binary>>} when byte_size(rest) < 4 -> acc <> good
      {_, good, <<_, rest::binary>>} -> utf8(rest, acc <> good <> "?")
    end
  end
end
