# Compiles Elixir sources with columns on, and writes what the compiler's own tracer reports.
#
# Arguments: output folder, then groups: a name of "parallel" or "single", files, "--". "single" compiles file by file in
# this VM (Elixir's own library, whose modules exist already), "parallel" as a project.
# Written: names.tsv with a line a name in the sources (file, line, column, name), by Elixir's own parser, events.tsv with a line an event (file, visible, event, module, function, arity, line, column, called module,
# name, arity), and the compiled modules. visible: "1" if the source has the called name at that line and column, by
# Elixir's own parser; "0": a macro made the call. Calls that the compiler inlines (`Map.merge` is `:maps.merge`) are
# reported under the new name; where the source has the old name, by the compiler's own table, that is written.

[out | groups] = System.argv()
File.mkdir_p!(out)

defmodule Oracle.Visible do
  @moduledoc "The names of a source file by line and column."

  def names(path) do
    {:ok, quoted} = Code.string_to_quoted(File.read!(path), columns: true, emit_warnings: false)
    {_quoted, names} = Macro.prewalk(quoted, %{}, &{&1, add(&1, &2)})
    names
  end

  @inlined [Atom, Bitwise, Function, Integer, IO, Kernel, List, Map, Node, Port, Process, String, System, Tuple]

  @doc "The called function as the source names it, if it does so at that place."
  def at(names, place, {module, name, arity}) do
    written = Map.get(names, place, [])

    cond do
      {name, :atom} in written or (List.keymember?(written, name, 0) and not erlang?(module)) ->
        {1, {module, name, arity}}

      old = Enum.find_value(written, &old(&1, {module, name, arity})) ->
        {1, old}

      List.keymember?(written, name, 0) ->
        {1, {module, name, arity}}

      true ->
        {0, {module, name, arity}}
    end
  end

  defp old({name, left}, {module, new, arity}) when left != :atom do
    found = Enum.filter(@inlined, &(:elixir_rewrite.inline(&1, name, arity) == {module, new}))
    found = Enum.find(found, List.first(found), &(List.last(Module.split(&1)) == left))
    found && {found, name, arity}
  end

  defp old(_written, _called), do: nil

  defp erlang?(module), do: not String.starts_with?(Atom.to_string(module), "Elixir.")

  defp add({{:., _dot, [left, name]}, meta, args}, names) when is_atom(name) and is_list(args),
    do: put(names, meta, {name, left(left)})

  defp add({name, meta, args}, names) when is_atom(name) and (is_list(args) or is_atom(args)),
    do: put(names, meta, {name, :other})

  defp add(_other, names), do: names

  defp left({:__aliases__, _meta, segments}), do: to_string(List.last(segments))
  defp left(atom) when is_atom(atom), do: if(erlang?(atom), do: :atom, else: List.last(Module.split(atom)))
  defp left(_computed), do: :other

  defp put(names, meta, name), do: Map.update(names, {meta[:line], meta[:column]}, [name], &[name | &1])
end

defmodule Oracle.Tracer do
  @moduledoc "Keeps the events of calls."

  @events [:remote_function, :remote_macro, :imported_function, :imported_macro, :local_function, :local_macro]

  def trace(event, env) when elem(event, 0) in @events do
    {kind, meta, module, name, arity} =
      case event do
        {kind, meta, name, arity} -> {kind, meta, env.module, name, arity}
        whole -> whole
      end

    line = meta[:line] || env.line
    now = {kind, {module, name, arity}, line, meta[:column]}
    last = Process.put(:oracle_last, now)

    unless last != nil and repeats?(last, now),
      do: :ets.insert(:oracle, {:erlang.unique_integer([:monotonic]), row(kind, meta, module, name, arity, env)})

    :ok
  end

  def trace(_event, _env), do: :ok

  # A call of an import is reported again as a remote one, and one that the compiler inlines under its new name.
  defp repeats?({before, called, line, column}, {:remote_function, again, line, again_column}) do
    (before == :imported_function or column == again_column) and same?(called, again)
  end

  defp repeats?(_last, _now), do: false

  defp same?(same, same), do: true

  defp same?({module, name, arity}, {to_module, to_name, _arity}),
    do: :elixir_rewrite.inline(module, name, arity) == {to_module, to_name}

  defp row(kind, meta, module, name, arity, env) do
    {function, function_arity} = env.function || {nil, 0}
    {env.file, kind, env.module, function, function_arity, meta[:line] || env.line, meta[:column] || 0, module, name, arity}
  end
end

:ets.new(:oracle, [:named_table, :public, :ordered_set, write_concurrency: true])
options = [parser_options: [columns: true], ignore_module_conflict: true, tracers: [Oracle.Tracer], docs: false]
Enum.each(options, fn {name, value} -> Code.put_compiler_option(name, value) end)

save = fn modules ->
  for {module, beam} <- modules, do: File.write!(Path.join(out, "#{module}.beam"), beam)
end

groups = Enum.chunk_by(groups, &(&1 == "--")) |> Enum.reject(&(&1 == ["--"]))

for [kind | files] <- groups do
  files = Enum.map(files, &Path.expand/1)

  case kind do
    "single" ->
      for file <- files do
        try do
          save.(Code.compile_file(file))
        rescue
          error -> IO.puts(:stderr, "not compiled: #{file}: #{Exception.message(error) |> String.slice(0, 200)}")
        catch
          kind, reason -> IO.puts(:stderr, "not compiled: #{file}: #{inspect({kind, reason}) |> String.slice(0, 200)}")
        end
      end

    "parallel" ->
      beams = Path.join(out, "parallel")
      File.mkdir_p!(beams)

      case Kernel.ParallelCompiler.compile_to_path(files, beams) do
        {:ok, modules, _warnings} ->
          for module <- modules, do: File.cp!(Path.join(beams, "#{module}.beam"), Path.join(out, "#{module}.beam"))

        {:error, errors, _warnings} ->
          IO.puts(:stderr, "not compiled: #{inspect(errors) |> String.slice(0, 2000)}")
      end
  end
end

visible = for [_kind | files] <- groups, file <- files, into: %{}, do: {Path.expand(file), Oracle.Visible.names(file)}

lines =
  for {_time, {file, kind, module, function, function_arity, line, column, called, name, arity}} <- :ets.tab2list(:oracle),
      names = visible[file] do
    {seen, {called, name, arity}} = Oracle.Visible.at(names, {line, column}, {called, name, arity})
    [file, seen, kind, module, function || "", function_arity, line, column, called, name, arity]
    |> Enum.map_intersperse("\t", &to_string/1)
    |> then(&[&1, "\n"])
  end

File.write!(Path.join(out, "events.tsv"), lines)

# All names of the sources, where Elixir's parser says they are.
names =
  for {file, places} <- visible, {{line, column}, names} <- places, line != nil and column != nil, {name, _left} <- names do
    [file, ?\t, to_string(line), ?\t, to_string(column), ?\t, Atom.to_string(name), ?\n]
  end

File.write!(Path.join(out, "names.tsv"), names)
