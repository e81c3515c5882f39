"""`flow lsp`: the language server, a thin shell over the functions of `flowlang.ide`.

    texts      open documents, their versions, and the way between offsets and a client's positions
    analysis   the workspace on a thread of its own; what is asked of an outdated text is dropped there
    convert    offsets <-> positions, paths <-> URIs, and what several answers share of the protocol's types
    answers    what requests are answered with that are about the text and its tree
    meanings   and those that are about names and types
    pictures   the graph of a flow, as a request of our own
    publish    diagnostics, pushed and pulled
    client     what the client can do
    disk       the files below the workspace's folders
    protocol   pygls, hardened: whatever a client sends is answered as the protocol says
    server     the server: its handlers, and what it looks after
    serving    standard streams and TCP

pygls and lsprotocol are the extra `lsp`, imported here and nowhere else."""
