# Prints the tokens that Elixir's own parser reports with a column, one a line: file, kind, line, column, token.
# Arguments: source files.

defmodule Oracle do
  def print(path) do
    options = [columns: true, token_metadata: true, emit_warnings: false]

    case Code.string_to_quoted(File.read!(path), options) do
      {:ok, ast} ->
        {_ast, found} = Macro.prewalk(ast, [], &visit/2)
        lines = found |> Enum.uniq() |> Enum.map(fn {kind, line, column, token} ->
          [path, ?\t, kind, ?\t, to_string(line), ?\t, to_string(column), ?\t, token, ?\n]
        end)
        IO.binwrite(lines)
        IO.binwrite([path, "\tparsed\t0\t0\t\n"])

      {:error, _reason} ->
        IO.binwrite([path, "\trefused\t0\t0\t\n"])
    end
  end

  defp visit(node, found) do
    node = written(node)
    {node, tokens(node) ++ found}
  end

  # Interpolation: what the parser adds around it is not in the text.
  defp written({:"::", _meta, [{{:., _dot, [Kernel, :to_string]}, _call, [inside]}, {:binary, _binary, _context}]}),
    do: written(inside)

  defp written({{:., _dot, [Kernel, :to_string]}, _meta, [inside]}), do: written(inside)
  defp written({{:., _dot, [List, :to_charlist]}, _meta, [parts]}) when is_list(parts), do: parts

  # `x[key]` and `:"a#{b}"` become calls too.
  defp written({{:., _dot, [Access, :get]}, _meta, arguments}), do: {:{}, [], arguments}
  defp written({{:., _dot, [:erlang, name]}, _meta, [{:<<>>, _binary, _parts} = text | _encoding]})
       when name in [:binary_to_atom, :binary_to_existing_atom],
       do: text

  defp written(node), do: node

  @definitions [:def, :defp, :defmacro, :defmacrop]

  defp tokens({definition, _meta, [head | _body]} = node) when definition in @definitions,
    do: head(head) ++ call(node)

  defp tokens({:->, meta, [_left, _right]}), do: at("arrow", meta, "->")
  defp tokens({:&, meta, [target]}) when not is_integer(target), do: at("capture", meta, "&")

  defp tokens({{:., _dot, [_left, name]}, meta, arguments}) when is_atom(name) and is_list(arguments),
    do: if(plain?(name), do: at("remote", meta, Atom.to_string(name)), else: [])

  defp tokens(node), do: call(node)

  defp call({name, meta, arguments}) when is_atom(name) and is_list(arguments) do
    if plain?(name), do: at("local", meta, Atom.to_string(name)), else: []
  end

  defp call({name, meta, context}) when is_atom(name) and is_atom(context) do
    if plain?(name), do: at("variable", meta, Atom.to_string(name)), else: []
  end

  defp call(_node), do: []

  defp head({:when, _meta, [head | _guard]}), do: head(head)

  defp head({name, meta, arguments}) when is_atom(name) and name not in [:unquote, :..//, :"not in"] and is_list(arguments),
    do: at("head", meta, Atom.to_string(name))

  defp head({name, meta, context}) when is_atom(name) and is_atom(context), do: at("head", meta, Atom.to_string(name))
  defp head(_computed), do: []

  # Names that are written as they are: not sigils, operators or quoted atoms.
  defp plain?(name) do
    text = Atom.to_string(name)
    Regex.match?(~r/^[\p{L}_][\p{L}\p{N}_]*[?!]?$/u, text) and not String.starts_with?(text, "sigil_") and
      name not in [:and, :or, :not, :in, :when, :fn, :__aliases__, :__block__]
  end

  defp at(kind, meta, token) do
    case {meta[:line], meta[:column]} do
      {line, column} when is_integer(line) and is_integer(column) -> [{kind, line, column, token}]
      _none -> []
    end
  end
end

Enum.each(System.argv(), &Oracle.print/1)
