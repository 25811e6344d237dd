defmodule ShopTest.Doc do
  use ExUnit.Case, async: true

  doctest Shop.Cluster
  doctest Shop.Load.Json
  doctest Shop.Load.Plan
  doctest Shop.Load.Report
  doctest Shop.Web.Pricing
end
