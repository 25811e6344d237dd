defmodule Small.Server do
  use GenServer
  use Small.Maker
  require Logger

  getter(:name)
  keeping()

  def start_link(opts \\ []), do: GenServer.start_link(__MODULE__, opts, name: __MODULE__)

  def total(order) do
    logged(Small.Price.of(order))
  end

  def tricky(m) do
    f = &Small.Helper.twice/1
    g = &local/1
    Logger.info("x #{inspect(m)}")
    if m, do: f.(1), else: g.(Map.merge(m, %{a: 1}))
    Enum.map([1], & &1 + 1)
    x = ~r/abc/
    for i <- 1..3, into: %{}, do: {i, x}
    with {:ok, y} <- Map.fetch(m, :a), do: raise ArgumentError, "no #{y}"
    apply(__MODULE__, :local, [m])
    unless made_plain(m) > 1 do
      m |> local() |> hd()
    end
  end

  def local(x), do: x

  @impl true
  def init(opts), do: {:ok, opts}
  @impl true
  def handle_call(:go, _from, state), do: {:reply, self(), state}
end
