"""`flow lsp`: the language server, a thin shell over the functions of `flowlang.ide`.

    texts      open documents, their versions, and the way between offsets and a client's positions
    analysis   the workspace on a thread of its own; what is asked of an outdated text is dropped there
    convert    results of `ide` <-> the protocol's types; the only place that makes these
    answers    what each request is answered with
    publish    diagnostics, pushed and pulled
    protocol   pygls, hardened: whatever a client sends is answered as the protocol says
    server     the server: its capabilities, its life, stdio and TCP

pygls and lsprotocol are the extra `lsp`, imported here and nowhere else."""
