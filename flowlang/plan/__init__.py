"""Floor 4, the plan: what flows compile to, and the only public format. Knows no syntax above `lower`.

made        lower (with lower_types, lower_expressions, lower_tasks, lower_declarations)
written     model, load, closed, canonical, schema
measured    blocks, names, walk, folding, amounts, bounds, longest, waits
shown       text, styled, show; graph, graph_text, graph_svg, layout"""
