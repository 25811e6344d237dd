# Prints what the compiled modules in folders are, as the VM and this project's library see them. Arguments: the library's
# module_version.ex, then folders of .beam files. Lines, tab-separated:
#   module, file, md5, module version, number of functions, clauses, calls, applications, variables, pieces of quoted form

[library | folders] = System.argv()
Code.require_file(library)

defmodule Counts do
  def of({name, meta, context}, acc) when is_atom(name) and is_list(meta) and is_atom(context), do: add(acc, :variable)

  def of({name, meta, args}, acc) when is_atom(name) and is_list(meta) and is_list(args),
    do: Enum.reduce(args, add(acc, :call), &of/2)

  def of({callee, meta, args}, acc) when is_tuple(callee) and is_list(meta) and is_list(args),
    do: Enum.reduce(args, of(callee, add(acc, :apply)), &of/2)

  def of({a, b}, acc), do: of(b, of(a, add(acc, :other)))
  def of(tuple, acc) when is_tuple(tuple), do: Enum.reduce(Tuple.to_list(tuple), add(acc, :call), &of/2)
  def of(list, acc) when is_list(list), do: list(list, add(acc, :other))
  def of(%{} = map, acc), do: Enum.reduce(map, add(acc, :call), &of/2)
  def of(_leaf, acc), do: add(acc, :other)

  defp list([head | tail], acc), do: list(tail, of(head, acc))
  defp list([], acc), do: acc
  defp list(improper, acc), do: of(improper, acc)
  defp add(acc, key), do: Map.update(acc, key, 1, &(&1 + 1))
end

for folder <- folders, file <- Enum.sort(Path.wildcard(Path.join(folder, "*.beam"))) do
  beam = File.read!(file)
  module = file |> Path.basename(".beam") |> String.to_atom()
  {:ok, {^module, md5}} = :beam_lib.md5(beam)
  true = md5 == module.module_info(:md5)
  {:ok, version} = ElixirScope.ModuleVersion.of(beam)
  {:ok, {_module, [debug_info: {:debug_info_v1, backend, data}]}} = :beam_lib.chunks(beam, [:debug_info])

  counts =
    case backend == :elixir_erl and data do
      {:elixir_v1, %{definitions: definitions}, _specs} ->
        clauses = for {_name, _kind, _meta, clauses} <- definitions, clause <- clauses, do: clause
        pieces = for {_meta, args, guards, body} <- clauses, part <- [args, guards, body], do: part
        found = Enum.reduce(pieces, %{}, &Counts.of/2)
        total = found |> Map.values() |> Enum.sum()
        [length(definitions), length(clauses) | Enum.map([:call, :apply, :variable], &Map.get(found, &1, 0))] ++ [total]

      _erlang ->
        ["erlang", 0, 0, 0, 0, 0]
    end

  hex = &Base.encode16(&1, case: :lower)
  IO.puts(Enum.join([module, file, hex.(md5), hex.(version) | counts], "\t"))
end
