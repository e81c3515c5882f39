"""Floor 4, the plan: the compiled form of flows, and the only public format. Knows no syntax above `lower`."""
