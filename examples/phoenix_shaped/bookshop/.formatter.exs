[
  inputs: ["*.{ex,exs}", "{config,lib,test}/**/*.{ex,exs}"]
]
