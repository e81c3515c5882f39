"""Floor 5, values: JSON values, their codec, and the evaluator of expressions. Knows the plan, not its makers."""
