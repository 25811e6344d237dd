import Config

config :bookshop, BookshopWeb.Endpoint, ip: {127, 0, 0, 1}, port: 4000

config :logger, :console, format: "$time $metadata[$level] $message\n"

import_config "#{config_env()}.exs"
