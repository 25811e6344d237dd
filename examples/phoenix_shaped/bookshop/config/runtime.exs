import Config

# Read when a release starts, not when it is built.
if config_env() == :prod do
  config :bookshop, BookshopWeb.Endpoint,
    ip: {127, 0, 0, 1},
    port: String.to_integer(System.get_env("PORT", "4000"))
end
