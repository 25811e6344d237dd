defmodule BookshopWeb.RouterTest do
  use ExUnit.Case, async: true

  alias BookshopWeb.{Conn, Router}

  defp call(method, path, params \\ %{}) do
    conn = Router.call(%Conn{method: method, path: path, params: params}, [])
    {conn.status, IO.iodata_to_binary(conn.body)}
  end

  test "a book" do
    assert {200, ~s({"price":5900,"slug":"sicp","title":"Structure and Interpretation"})} =
             call("GET", ["books", "sicp"])

    assert {404, _} = call("GET", ["books", "none"])
  end

  test "an order is placed while the stock lasts" do
    order = %{"book" => "taocp", "quantity" => "2"}

    assert {201, ~s({"book":"taocp","left":1,"quantity":2,"total":37800})} =
             call("POST", ["orders"], order)

    assert {422, ~s({"error":"sold_out"})} = call("POST", ["orders"], order)
  end
end
