"""The simulator: a run in virtual time, in a world that somebody else thinks up.

`world` says how agents, people and machines behave, `simulation` carries a run out in such a world, and
`simulated` is what came of it. It drives the same kernel as the durable engine and brings it back from the
same rows; so what breaks here breaks there. There is no clock here, no thread, no file and no trio."""
