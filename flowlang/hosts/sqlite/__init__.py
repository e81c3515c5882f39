"""A store of durable runs in one SQLite file.

    store       Store.open(path | None, durability, *, patience) -> Store; a context manager
                .new_owner() -> Owner                       one an engine; a context manager
                .create(NewRun, owner, rows) -> Lease       also writes the first rows
                .take(run, owner, *, force) -> Lease        Unknown, Ended, Held(by)
                .release(lease, at)
                .write_all(commits) -> [NotWritten | None]
                .find(id or prefix) -> RunRecord            Unknown, Ambiguous
                .record(run), .runs(status=, flow=, before=, limit=)
                .plan(hash), .inputs(run), .result(run)     JSON texts
                .journal(run, after=) -> [Row]              Damaged
                .waits(run | None) -> [(run, Wait)]
                .put_answer(run, path, value, at)           Ended, NotAsked, AnsweredAlready
                .put_signal(run, event, value, at), .put_cancel(run, at)
                .messages(run=, owner=) -> [Message], .changed() -> bool
    writer      Writer(store, idle=): the Keeper of an engine on trio; an async context manager
                await .write(commit)                        NotWritten, TakenOver
                await .create(NewRun, owner, rows) -> Lease together with what others write
                await .patiently(work)                      a method of the store, tried again while Busy
    records     NewRun, RunRecord, Message
    problems    StoreProblem(code, message, help) and the others above, which are all StoreProblems
    owners      Owner, Holder: who holds runs, by a lock of the operating system
    opening     files, SQLite's settings, versions; `default_path()`
    artifacts   Artifacts(folder): contents of `file` values by hash; RunFiles: those of one run, pinned
    checking    check(store, tell) -> all that is wrong, in words
    pruning     prune(store, before=, statuses=, dry_run=) -> Pruned; compact(store)
    exporting   export_run(store, record, file), exported(file) -> run, import_run(store, run) -> id
    replies     StoredReplies(path): cached replies, never in anybody's way; RepliesOf: those of one agent
    mentions    which files the texts of a store refer to
    schema      the tables, and the steps from each version to the next
    writing     commits and new runs -> one transaction; with `rows`, `statements` and `inbox`
    filesystems, locks: what Linux says of network file systems, and of who writes just now

`run` is the number of a run (`RunRecord.number`, `Lease.run`), ids are for people. Instants are microseconds
since 1970 UTC and the caller's. On an event loop: `Store.open(path, patience=0)`, commits through a Writer,
and whatever else writes (`create`, `take`, `release`, `put_…`) through `writer.patiently`."""
