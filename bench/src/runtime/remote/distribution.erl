%% Tells and asks of 100 bytes between two nodes, as erlang.rs starts them.
-module(distribution).
-export([host/0, tells/2, asks/2, parallel_asks/2]).

-define(HOST, {adder, 'bench@127.0.0.1'}).

%% The process that is told and asked.
host() ->
    register(adder, self()),
    io:format("ready~n"),
    add(0).

add(Bytes) ->
    receive
        {tell, Note} ->
            add(Bytes + byte_size(Note));
        {ask, From, Ref, Note} ->
            Sum = Bytes + byte_size(Note),
            From ! {Ref, Sum},
            add(Sum)
    end.

note() -> binary:copy(<<7>>, 100).

tells(Count, _) ->
    measure(fun() ->
        Note = note(),
        tell(Count - 1, Note),
        ask(1, Note)
    end).

asks(Count, _) ->
    measure(fun() -> ask(Count, note()) end).

%% A process for each ask in flight.
parallel_asks(Count, InFlight) ->
    measure(fun() ->
        Ask = fun() -> ask(Count div InFlight, note()) end,
        Askers = [spawn_monitor(Ask) || _ <- lists:seq(1, InFlight)],
        [receive {'DOWN', Ref, process, Pid, normal} -> ok end || {Pid, Ref} <- Askers]
    end).

tell(0, _) -> ok;
tell(Count, Note) ->
    ?HOST ! {tell, Note},
    tell(Count - 1, Note).

ask(0, _) -> ok;
ask(Count, Note) ->
    Ref = make_ref(),
    ?HOST ! {ask, self(), Ref, Note},
    receive {Ref, _} -> ok end,
    ask(Count - 1, Note).

%% Says how many microseconds it took, once there is a connection.
measure(Work) ->
    ask(1, note()),
    Start = erlang:monotonic_time(microsecond),
    Work(),
    io:format("~b~n", [erlang:monotonic_time(microsecond) - Start]),
    halt().
