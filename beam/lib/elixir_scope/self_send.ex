defmodule ElixirScope.SelfSend do
  @moduledoc """
  Messages that a process sent to itself, and under which call.

  When such a message arrives, the VM's token has the process itself as its sender, exactly as after a
  timer's message; so a send to oneself is recorded where it happens, with the label (clock and call) that
  the message carries. At most 16 are remembered; the oldest is forgotten.
  """
  alias ElixirScope.Context

  @sends_max 16

  @doc "Remembers that the process sent itself `message` while its label had this clock and call."
  @spec put(non_neg_integer, non_neg_integer, term) :: :ok
  def put(hlc, call, message) do
    {pid_word, ordinal, last, sends, continue} = Context.process()
    sends = Enum.take([{hlc, call, :erlang.phash2(message)} | sends], @sends_max)
    Context.put_process({pid_word, ordinal, last, sends, continue})
  end

  @doc "Takes the remembered send with this clock and call."
  @spec take(non_neg_integer, non_neg_integer) :: :ok | :none
  def take(hlc, call), do: take_if(&match?({^hlc, ^call, _}, &1))

  @doc "Takes the remembered send of this message with this clock and call."
  @spec take(non_neg_integer, non_neg_integer, term) :: :ok | :none
  def take(hlc, call, message) do
    hash = :erlang.phash2(message)
    take_if(&match?({^hlc, ^call, ^hash}, &1))
  end

  defp take_if(match?) do
    case Context.process() do
      {_, _, _, [], _} ->
        :none

      {pid_word, ordinal, last, sends, continue} ->
        case Enum.split_with(sends, match?) do
          {[], _} ->
            :none

          {_found, rest} ->
            Context.put_process({pid_word, ordinal, last, rest, continue})
        end
    end
  end

  @doc "Whether a destination of `send` is the calling process."
  @spec self?(term) :: boolean
  def self?(pid) when is_pid(pid), do: pid == self()
  def self?(name) when is_atom(name), do: :erlang.whereis(name) == self()
  def self?({name, node}) when is_atom(name) and node == node(), do: self?(name)
  def self?(_), do: false
end
