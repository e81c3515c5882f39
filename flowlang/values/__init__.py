"""Floor 5, values: JSON values, their codec, the evaluator of expressions. Knows the plan, not its makers."""
