# Writes the quoted form that Elixir itself gives of each source file, in the external term format.
# Arguments: the file to write, then the file that names the sources, one a line. For each source, in that order: four
# bytes of length, big-endian, then the term: the quoted form, or `:refused` where Elixir does not accept the text.

[output, list] = System.argv()

terms =
  for path <- String.split(File.read!(list), "\n", trim: true) do
    term =
      case Code.string_to_quoted(File.read!(path), columns: true, emit_warnings: false) do
        {:ok, quoted} -> quoted
        {:error, _reason} -> :refused
      end

    bytes = :erlang.term_to_binary(term)
    [<<byte_size(bytes)::32>>, bytes]
  end

File.write!(output, terms)
IO.puts(System.version())
