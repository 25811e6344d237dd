defmodule ElixirScope.Instrument.Pass do
  @moduledoc """
  The state of one rewriting: the sites found so far, fresh variables, and whether the process may have
  been in another call since the clause's frame was last put in force (`stale?`).
  """

  alias ElixirScope.Instrument.{Anchor, Scope}
  alias ElixirScope.SiteTable.{Function, Site}

  @enforce_keys [:key, :probe, :api]
  defstruct key: nil,
            probe: nil,
            api: nil,
            detail: :all,
            sites: [],
            site_count: 0,
            functions: [],
            function_count: 0,
            next_version: 0,
            stale?: false,
            returns: %{},
            frames: %{},
            scopes: 0

  @type t :: %__MODULE__{
          key: ElixirScope.ModuleVersion.key(),
          probe: module(),
          api: module(),
          detail: :all | :calls,
          sites: [Site.t()],
          site_count: non_neg_integer(),
          functions: [Function.t()],
          function_count: non_neg_integer(),
          next_version: non_neg_integer(),
          stale?: boolean(),
          returns: %{non_neg_integer() => pos_integer()},
          frames: %{Macro.t() => Macro.t()},
          scopes: non_neg_integer()
        }

  @doc "Adds a function; gives its index in the site table."
  @spec add_function(t(), Function.t()) :: {non_neg_integer(), t()}
  def add_function(%__MODULE__{function_count: index} = pass, function),
    do: {index, %{pass | functions: [function | pass.functions], function_count: index + 1}}

  @doc "Adds a site; gives its number."
  @spec add_site(t(), Site.kind(), Anchor.t(), Scope.t()) :: {pos_integer(), t()}
  def add_site(%__MODULE__{} = pass, kind, %Anchor{} = anchor, %Scope{} = scope) do
    site = %Site{
      kind: kind,
      function: scope.function,
      clause: scope.clause,
      line: anchor.line,
      column: anchor.column,
      token: anchor.token,
      macro_made?: anchor.macro_made?,
      generated?: scope.generated?
    }

    number = pass.site_count + 1
    {number, %{pass | sites: [site | pass.sites], site_count: number}}
  end

  @doc "The one return site of a scope, made when it is first needed."
  @spec return_site(t(), Scope.t()) :: {pos_integer(), t()}
  def return_site(%__MODULE__{} = pass, %Scope{id: id} = scope) do
    case pass.returns do
      %{^id => number} ->
        {number, pass}

      _none ->
        {number, pass} = add_site(pass, :return, scope.anchor, scope)
        {number, %{pass | returns: Map.put(pass.returns, scope.id, number)}}
    end
  end

  @doc "A variable that the clause does not have yet."
  @spec fresh(t(), atom(), non_neg_integer()) :: {Macro.t(), t()}
  def fresh(%__MODULE__{next_version: version} = pass, name, line),
    do: {{name, [version: version, line: line], __MODULE__}, %{pass | next_version: version + 1}}

  @doc """
  The frame in force in a scope: its own, or what a `receive` before this point has begun.
  """
  @spec frame(t(), Scope.t()) :: Macro.t()
  def frame(%__MODULE__{frames: frames}, %Scope{frame: frame}), do: Map.get(frames, frame, frame)

  @doc "From here on another frame is in force in a scope."
  @spec begin_frame(t(), Scope.t(), Macro.t()) :: t()
  def begin_frame(%__MODULE__{} = pass, %Scope{} = scope, frame),
    do: %{pass | frames: Map.put(pass.frames, scope.frame, frame)}

  @doc """
  Rewrites what may not run, or what runs elsewhere: a frame that begins there is not known after it.
  """
  @spec apart(t(), (t() -> {result, t()})) :: {result, t()} when result: term()
  def apart(%__MODULE__{frames: frames} = pass, rewrite) do
    {result, pass} = rewrite.(pass)
    {result, %{pass | frames: frames}}
  end

  @doc "The id of a new scope: a clause, or the body of a `fn`."
  @spec open_scope(t()) :: {non_neg_integer(), t()}
  def open_scope(%__MODULE__{scopes: id} = pass), do: {id, %{pass | scopes: id + 1}}

  @doc """
  Rewrites alternatives, of which one runs: each begins as stale as the code before, and the code after
  is stale if any of them leaves it so.
  """
  @spec alternatives([item], t(), (item, t() -> {item, t()})) :: {[item], t()} when item: term()
  def alternatives([], %__MODULE__{} = pass, _rewrite), do: {[], pass}

  def alternatives(items, %__MODULE__{stale?: before} = pass, rewrite) do
    {items, {pass, stale?}} =
      Enum.map_reduce(items, {pass, false}, fn item, {pass, stale?} ->
        {item, pass} = apart(%{pass | stale?: before}, &rewrite.(item, &1))
        {item, {pass, stale? or pass.stale?}}
      end)

    {items, %{pass | stale?: stale?}}
  end
end
