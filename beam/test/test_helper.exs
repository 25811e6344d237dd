# Floods of one test shall not thin out the traces of the next.
Application.put_env(:elixir_scope, :governor, false)
ExUnit.start()
