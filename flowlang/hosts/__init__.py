"""Floor 7, hosts: what carries the effects of a run out. Hosts do not know each other."""
