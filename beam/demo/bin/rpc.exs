# The Elixir half of shop-rpc: runs in a hidden node of its own.

fail = fn status, text ->
  IO.puts(:stderr, "shop-rpc: #{text}")
  System.halt(status)
end

load = fn node, file ->
  with {:ok, binary} <- File.read(file),
       {:ok, {module, _chunks}} <- :beam_lib.chunks(binary, []) do
    if :erpc.call(node, :code, :soft_purge, [module]) do
      :erpc.call(node, :code, :load_binary, [module, String.to_charlist(file), binary])
    else
      {:error, {:old_code_in_use, module}}
    end
  else
    {:error, reason} when is_atom(reason) -> fail.(2, "#{file}: #{:file.format_error(reason)}")
    {:error, :beam_lib, reason} -> fail.(2, "#{file}: #{:beam_lib.format_error(reason)}")
  end
end

evaluate = fn node, source, file ->
  {result, _bindings} = :erpc.call(node, Code, :eval_string, [source, [], [file: file]])
  result
end

[node | arguments] = System.argv()
node = String.to_atom(node)
unless Node.connect(node), do: fail.(3, "cannot reach #{node}")

try do
  case arguments do
    ["--load", file] -> load.(node, file)
    ["--file", file] -> evaluate.(node, File.read!(file), file)
    [source] -> evaluate.(node, source, "shop-rpc")
    _other -> fail.(2, "bad options")
  end
rescue
  error -> fail.(1, Exception.message(error))
catch
  kind, reason -> fail.(1, Exception.format_banner(kind, reason))
else
  {:error, {:old_code_in_use, module}} -> fail.(1, "a process still runs old code of #{inspect(module)}")
  result -> IO.puts(inspect(result, limit: :infinity, printable_limit: :infinity))
end
