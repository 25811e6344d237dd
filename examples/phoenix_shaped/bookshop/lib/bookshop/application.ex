defmodule Bookshop.Application do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _args) do
    children = [
      Bookshop.Stock,
      BookshopWeb.Endpoint
    ]

    Supervisor.start_link(children, strategy: :one_for_one, name: Bookshop.Supervisor)
  end
end
