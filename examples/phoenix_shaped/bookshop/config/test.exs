import Config

# Any free port.
config :bookshop, BookshopWeb.Endpoint, port: 0

config :logger, level: :warning
