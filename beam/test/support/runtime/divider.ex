defmodule ElixirScope.Test.Divider do
  @moduledoc "A small GenServer with messages of their own shape."
  use GenServer

  @impl true
  def init(x), do: {:ok, x}

  @impl true
  def handle_call({:divide, by}, _from, x), do: {:reply, div(x, by), x}

  @impl true
  def handle_info({:special_shape, _, _}, x), do: {:noreply, x + 1}
end
