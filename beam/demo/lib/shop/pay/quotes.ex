defmodule Shop.Pay.Quotes do
  @moduledoc "The fee that the bank takes, in cents."

  @doc "The fee for an amount in cents; called over `:erpc`."
  @spec fee(non_neg_integer) :: non_neg_integer
  def fee(amount) when is_integer(amount) and amount >= 0 do
    cond do
      amount < 1_000 -> 20
      amount < 100_000 -> 20 + percent(amount, 1)
      true -> percent(amount, 2)
    end
  end

  defp percent(amount, share), do: div(amount * share, 100)
end
