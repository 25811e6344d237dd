# Fixtures of test/instrument are sources whose layout is what is tested.
[
  inputs: [
    "{mix,.formatter}.exs",
    "{config,lib}/**/*.{ex,exs}",
    "test/*.exs",
    "test/{runtime,support}/**/*.{ex,exs}",
    "test/instrument/*.exs"
  ],
  line_length: 110
]
