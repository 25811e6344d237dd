# Writes inspect.txt: elixir inspect.exs > inspect.txt
import Bitwise
defmodule Shop.Order do defstruct [:id, :items, :note] end
terms = [
  :ok, nil, true, :"hello world", :"Elixir", Shop.Order, :"Elixir.lower", :+, :"&&&", :foo?, :foo!, :foo@bar, :"é", :"1a", :"", :"a\"b", :<<>>, :{}, :A,
  0, 255, 256, -1, 2_147_483_647, -2_147_483_648, 2_147_483_648, 123_456_789_012_345_678_901_234_567_890, -1_000_000_000_000_000_000_000, 1 <<< 3,
  1.0, -0.5, 1.0e20, 1.5e-9, 123456.789, 3.14,
  "", "text", "gr\u00f6\u00dfer \u2713", "a\"b\\c\n\t\r\e\#{x} #x", <<0, 1, 2, 255>>, <<255, "abc">>, <<5::3>>, <<1, 2, 3::4>>,
  [], [1, 2, 3], [300, 1], [1 | 2], [:a, {:b, 1} | :c], [a: 1, b: "x"], ["quoted key": 1, ok?: 2], [{:a, 1}, :b], [{Foo, 1}], [[], [[]]],
  {}, {:ok, 1}, {:error, :insufficient_stock, %{asked: 10, there: 5}},
  %{}, %{a: 1, b: %{c: [1, 2]}}, %{"a" => 1, :b => 2}, %{1 => 2}, %{Foo => 1}, %{"quoted key": 1},
  %{__struct__: Shop.Order, id: 123, items: [{"tea", 10}], note: nil}, %{__struct__: :not_alias, a: 1},
  &String.length/1, &:erlang.+/2, :erlang.list_to_pid('<0.123.4>'), {:nested, [{%{x: [%{y: {1}}]}}]}
]
for t <- terms do
  text = inspect(t, limit: :infinity, printable_limit: :infinity, charlists: :as_lists, width: :infinity) |> String.replace("\n", " ")
  IO.puts(Base.encode16(:erlang.term_to_binary(t), case: :lower) <> "\t" <> text)
  m = :erlang.term_to_binary(t, minor_version: 2)
  if m != :erlang.term_to_binary(t), do: IO.puts(Base.encode16(m, case: :lower) <> "\t" <> text)
end
