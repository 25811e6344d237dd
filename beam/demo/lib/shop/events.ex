defmodule Shop.Events do
  @moduledoc """
  What happened to orders, told to every subscriber on every node over `:pg`.

  Events: `{:placed, order_id, total}`, `{:refused, order_id, reason}`, `{:dispatched, order_id, release}`.
  """

  @group :orders

  @type event ::
          {:placed, pos_integer, non_neg_integer}
          | {:refused, pos_integer, term}
          | {:dispatched, pos_integer, String.t()}

  @doc "The process group's scope, one on each node."
  def child_spec(_options) do
    %{id: __MODULE__, start: {:pg, :start_link, [__MODULE__]}}
  end

  @doc "Makes the calling process a subscriber: it gets `{:order_event, event}`."
  @spec subscribe() :: :ok
  def subscribe, do: :pg.join(__MODULE__, @group, self())

  @doc "The nodes with a subscriber, as far as this node knows."
  @spec nodes() :: [node]
  def nodes, do: __MODULE__ |> :pg.get_members(@group) |> Enum.map(&node/1) |> Enum.uniq()

  @doc "Sends the event to all subscribers; says how many there were."
  @spec publish(event) :: non_neg_integer
  def publish(event) do
    subscribers = :pg.get_members(__MODULE__, @group)
    Enum.each(subscribers, fn subscriber -> send(subscriber, {:order_event, event}) end)
    length(subscribers)
  end
end
