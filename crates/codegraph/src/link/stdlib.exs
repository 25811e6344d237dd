# Writes `stdlib.txt`: what Elixir's own modules export. Run: elixir stdlib.exs > stdlib.txt
# A line a module: name, functions and macros as name/arity, separated by tabs and spaces.

IO.puts("# Elixir #{System.version()}, written by stdlib.exs")

for app <- [:elixir, :eex, :ex_unit, :iex, :logger, :mix],
    file <- Enum.sort(Path.wildcard(Path.join(:code.lib_dir(app, :ebin), "Elixir.*.beam"))) do
  module = file |> Path.basename(".beam") |> String.to_atom()
  exports = module.__info__(:functions)

  unless List.keymember?(exports, :__impl__, 0) do
    list = fn names -> Enum.map_join(Enum.sort(names), " ", fn {name, arity} -> "#{name}/#{arity}" end) end
    IO.puts([Atom.to_string(module), ?\t, list.(exports), ?\t, list.(module.__info__(:macros))])
  end
end
