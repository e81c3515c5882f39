"""Floor 4, the plan: what flows compile to, and the only public format. Knows no syntax above `lower`."""
