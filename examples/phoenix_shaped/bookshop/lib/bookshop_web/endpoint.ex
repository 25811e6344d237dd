defmodule BookshopWeb.Endpoint do
  @moduledoc "Takes requests from a socket, a process a connection, and hands them to the router."
  use Supervisor

  alias BookshopWeb.{Conn, Router}

  @read_ms 5_000
  @body_max 65_536

  def start_link(_), do: Supervisor.start_link(__MODULE__, [], name: __MODULE__)

  @impl true
  def init(_) do
    config = Application.fetch_env!(:bookshop, __MODULE__)

    options = [
      :binary,
      packet: :http_bin,
      active: false,
      reuseaddr: true,
      ip: config[:ip],
      backlog: 1024
    ]

    {:ok, listener} = :gen_tcp.listen(config[:port], options)
    :persistent_term.put({__MODULE__, :port}, elem(:inet.port(listener), 1))

    children = [
      {Task.Supervisor, name: BookshopWeb.Connections},
      Supervisor.child_spec({Task, fn -> accept(listener) end}, restart: :permanent)
    ]

    Supervisor.init(children, strategy: :one_for_one)
  end

  @doc "The port that it listens on."
  def port, do: :persistent_term.get({__MODULE__, :port})

  defp accept(listener) do
    {:ok, socket} = :gen_tcp.accept(listener)
    {:ok, pid} = Task.Supervisor.start_child(BookshopWeb.Connections, fn -> serve(socket) end)
    :gen_tcp.controlling_process(socket, pid)
    accept(listener)
  end

  defp serve(socket) do
    with {:ok, {:http_request, method, {:abs_path, target}, _}} <-
           :gen_tcp.recv(socket, 0, @read_ms),
         {:ok, length} <- headers(socket, 0),
         {:ok, body} <- body(socket, length) do
      conn = Router.call(conn(to_string(method), URI.parse(target), body), [])
      :gen_tcp.send(socket, answer(conn))
    end

    :gen_tcp.close(socket)
  end

  defp headers(socket, length) do
    case :gen_tcp.recv(socket, 0, @read_ms) do
      {:ok, {:http_header, _, :"Content-Length", _, value}} ->
        headers(socket, String.to_integer(value))

      {:ok, {:http_header, _, _, _, _}} ->
        headers(socket, length)

      {:ok, :http_eoh} when length <= @body_max ->
        {:ok, length}

      other ->
        other
    end
  end

  defp body(_socket, 0), do: {:ok, ""}

  defp body(socket, length) do
    :ok = :inet.setopts(socket, packet: :raw)
    :gen_tcp.recv(socket, length, @read_ms)
  end

  defp conn(method, uri, body) do
    params = Map.merge(URI.decode_query(uri.query || ""), URI.decode_query(body))
    %Conn{method: method, path: String.split(uri.path, "/", trim: true), params: params}
  end

  defp answer(%Conn{status: status, body: body}) do
    [
      "HTTP/1.1 #{status} \r\n",
      "content-type: application/json\r\ncontent-length: #{IO.iodata_length(body)}\r\nconnection: close\r\n\r\n",
      body
    ]
  end
end
