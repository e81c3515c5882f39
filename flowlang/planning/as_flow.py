"""The tree of a plan -> the text of a `.flow` file that means the same.

All that the tree lacks is the type of the flow's result, which the checker has found. That the text means the
tree is not left to hope: it is parsed and compared before anybody sees it."""

from __future__ import annotations

from itertools import zip_longest

from flowlang.planning.agents import Agents
from flowlang.planning.declarations import aliases_in, imports
from flowlang.planning.trees import Maker
from flowlang.planning.type_trees import Unwritable, type_tree
from flowlang.semantics.facts import Callable
from flowlang.semantics.types import NULL, Type
from flowlang.syntax import ast
from flowlang.syntax.compare import first_difference
from flowlang.syntax.parser import parse
from flowlang.syntax.printer import print_declarations
from flowlang.text.source import Source


def flow_text(module: ast.Module, flow: Callable, agents: Agents) -> str:
    """The text of a plan without mistakes. `flow` is what the checker knows of its flow. Raises Unwritable
    where the result has a type that has no text, or a text is longer than a flow may hold."""
    trees = [item.declaration for item in module.items]
    own = [
        _with_result(tree, flow.result, agents) if isinstance(tree, ast.FlowDecl) else tree
        for tree in trees
        if not isinstance(tree, ast.Import | ast.Use)
    ]
    used = {alias for tree in own for alias in aliases_in(tree)}
    whole = [*imports(agents.libraries, used), *own]
    text = print_declarations(whole)
    for wanted, item in zip_longest(whole, parse(Source("", text)).items):
        assert item is not None and wanted is not None, "each declaration is one again"
        if item.parsed.diagnostics:
            raise Unwritable(f"as a flow, {item.parsed.diagnostics[0].message}")
        found = first_difference(wanted, item.declaration)
        assert not found, f"the text of this plan would not mean the same: {found}"
    return text


def _with_result(tree: ast.FlowDecl, result: Type, agents: Agents) -> ast.FlowDecl:
    """The flow with its result written out. Ids need not be unique in what is only printed."""
    make, old = Maker(), tree.signature
    written = None if result == NULL else type_tree(make, old.span, result, agents.libraries)
    signature = ast.Signature(old.id, old.span, old.params, written, old.raises)
    return ast.FlowDecl(tree.id, tree.span, tree.name, signature, tree.policies, tree.body, tree.doc)
