defmodule ElixirScope.Link do
  @moduledoc """
  The writer's connection to the agent: HELLO, WELCOME, announcements, chunks, STORED; a jittered
  back-off of 50 ms to 2 s between attempts.

  It never blocks: it sends only while less than `:window_bytes_max` waits in the socket, far below the
  socket's high watermark. A broken or silent agent costs a buffer of fixed size, nothing else.
  """
  require Logger
  alias ElixirScope.{Config, Identity, Registry, Resend, Ring, Shape, Wire}

  # sun_path of Linux is 108 bytes with its final zero.
  @path_max 107
  @backoff_min_ms 50
  @backoff_max_ms 2_000
  @connect_ms 100
  @hello_ms 5_000
  @writer 0
  @message_max 4_194_304
  @announcements_max 10_000

  defstruct [
    :identity,
    :path,
    :socket,
    :resend,
    :window,
    :retry_at,
    state: :down,
    backoff: @backoff_min_ms,
    since: 0,
    control: :queue.new(),
    shapes: 0,
    stored: 0,
    lost: 0,
    complained: false
  ]

  @type t :: %__MODULE__{state: :down | :hello | :ready}

  @doc "A link that is down."
  @spec new(Ring.runtime()) :: t
  def new({_, _, _, _, _, %Identity{} = identity}) do
    %__MODULE__{
      identity: identity,
      resend: Resend.new(Config.get(:resend_bytes_max)),
      window: Config.get(:window_bytes_max)
    }
  end

  @doc "Connects when it is time to."
  @spec tick(t, integer) :: t
  def tick(%{state: :down, retry_at: at} = link, now) when at == nil or now >= at, do: connect(link, now)

  def tick(%{state: :hello, since: since} = link, now) when now - since > @hello_ms,
    do: down(link, now)

  def tick(link, _now), do: link

  @doc "Keeps a chunk until it is stored; `:full` if there is no room."
  @spec push(t, pos_integer, pos_integer, binary) :: {:ok, t} | :full
  def push(link, first, count, chunk) do
    case Resend.push(link.resend, first, count, chunk) do
      {:ok, resend} -> {:ok, %{link | resend: resend}}
      :full -> :full
    end
  end

  @doc "Queues messages that are not kept over a reconnection."
  @spec announce(t, [binary]) :: t
  def announce(%{state: :ready} = link, messages) do
    if :queue.len(link.control) < @announcements_max,
      do: %{link | control: Enum.reduce(messages, link.control, &:queue.in/2)},
      else: link
  end

  def announce(link, _messages), do: link

  @doc "Handles a message of the socket."
  @spec handle(t, term, integer) :: {:ok, t} | :unknown
  def handle(%{socket: socket} = link, {:tcp, socket, bytes}, now),
    do: {:ok, bytes |> Wire.decode() |> said(link, now)}

  def handle(%{socket: socket} = link, {:tcp_closed, socket}, now), do: {:ok, down(link, now)}
  def handle(%{socket: socket} = link, {:tcp_error, socket, _}, now), do: {:ok, down(link, now)}
  def handle(_link, _message, _now), do: :unknown

  defp said({:welcome, writers}, %{state: :hello} = link, _now) do
    number = writers |> List.keyfind(@writer, 0, {@writer, 0}) |> elem(1)
    {stored, lost, resend} = Resend.welcome(link.resend, number)

    control =
      Registry.announcement()
      |> Enum.filter(&(byte_size(&1) <= @message_max))
      |> Enum.reduce(:queue.new(), &:queue.in/2)

    %{
      link
      | state: :ready,
        resend: resend,
        control: control,
        shapes: 0,
        backoff: @backoff_min_ms,
        stored: link.stored + stored,
        lost: link.lost + lost
    }
  end

  defp said({:stored, @writer, number}, link, _now) do
    {stored, resend} = Resend.stored(link.resend, number)
    %{link | resend: resend, stored: link.stored + stored}
  end

  defp said({:stored, _other, _number}, link, _now), do: link

  defp said({:settings, on?}, link, _now) do
    ElixirScope.remote_switch(on?)
    link
  end

  defp said({:welcome, _}, link, _now), do: link
  defp said({:error, {:unknown, _}}, link, _now), do: link

  defp said({:error, reason}, link, now) do
    Logger.error("ElixirScope: the agent does not speak this protocol: #{inspect(reason)}")
    down(link, now)
  end

  @doc "Sends what may be sent. `{newly stored, newly lost, link}`."
  @spec pump(t) :: {non_neg_integer, non_neg_integer, t}
  def pump(link) do
    link = if link.state == :ready, do: link |> shapes() |> send_some(), else: link
    {link.stored, link.lost, %{link | stored: 0, lost: 0}}
  end

  defp shapes(link) do
    {messages, last} = Shape.after_id(link.shapes)
    control = Enum.reduce(messages, link.control, fn {id, t}, q -> :queue.in(Wire.shape(id, t), q) end)
    %{link | control: control, shapes: last}
  end

  defp send_some(link) do
    if room?(link) do
      case :queue.out(link.control) do
        {{:value, message}, control} -> put(%{link | control: control}, message)
        {:empty, _} -> send_chunk(link)
      end
    else
      link
    end
  end

  defp send_chunk(link) do
    case Resend.next(link.resend) do
      {{_, _, chunk}, resend} -> put(%{link | resend: resend}, chunk)
      :none -> link
    end
  end

  defp put(link, message) do
    case :gen_tcp.send(link.socket, message) do
      :ok -> send_some(link)
      {:error, _} -> down(link, :erlang.monotonic_time(:millisecond))
    end
  end

  defp room?(link) do
    (:queue.is_empty(link.control) and not Resend.waiting?(link.resend)) or
      case :inet.getstat(link.socket, [:send_pend]) do
        {:ok, [send_pend: bytes]} -> bytes < link.window
        {:error, _} -> false
      end
  end

  @doc "Says good-bye and closes."
  @spec close(t, binary) :: :ok
  def close(%{socket: nil}, _bye), do: :ok

  def close(link, bye) do
    if link.state == :ready, do: :gen_tcp.send(link.socket, bye)
    :gen_tcp.close(link.socket)
  end

  defp connect(link, now) do
    path = Config.socket_path()

    with :ok <- check(path),
         {:ok, socket} <- open(path) do
      case :gen_tcp.send(socket, Wire.hello(link.identity)) do
        :ok -> %{link | socket: socket, state: :hello, since: now, path: path, complained: false}
        {:error, _} -> down(%{link | socket: socket}, now)
      end
    else
      {:error, {:path_too_long, _} = reason} -> down(complain(link, reason), now)
      {:error, _} -> down(link, now)
    end
  end

  defp check(path) when byte_size(path) <= @path_max, do: :ok
  defp check(path), do: {:error, {:path_too_long, path}}

  defp open(path) do
    options = [
      :binary,
      packet: 4,
      packet_size: @message_max,
      active: true,
      high_watermark: 16 * 1024 * 1024,
      low_watermark: 8 * 1024 * 1024,
      send_timeout: 50,
      send_timeout_close: true
    ]

    :gen_tcp.connect({:local, path}, 0, options, @connect_ms)
  catch
    _, reason -> {:error, reason}
  end

  defp complain(%{complained: true} = link, _reason), do: link

  defp complain(link, {:path_too_long, path}) do
    Logger.error(
      "ElixirScope: the socket path has #{byte_size(path)} bytes, the system's limit is " <>
        "#{@path_max}: #{path}; nothing is sent, events are counted as agent_absent"
    )

    %{link | complained: true}
  end

  defp down(link, now) do
    if link.socket, do: :gen_tcp.close(link.socket)
    jitter = div(link.backoff * (50 + :rand.uniform(100)), 100)

    %{
      link
      | socket: nil,
        state: :down,
        control: :queue.new(),
        retry_at: now + jitter,
        backoff: min(link.backoff * 2, @backoff_max_ms)
    }
  end
end
