# The Elixir half of bin/shop: runs in the node that it started.
Shop.Launch.main(Path.expand("..", __DIR__), System.argv())
