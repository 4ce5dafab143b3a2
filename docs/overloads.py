"""Lets the reference show methods that a stub describes by overloads alone.

Griffe keeps overloads until the implementation comes that they belong to. In the stub of a compiled
module it never comes, so the method would be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from griffe import Extension, Function, GriffeLoader, Module

if TYPE_CHECKING:
    from griffe import Class

__all__ = ["StubOverloads"]


class StubOverloads(Extension):
    """Makes a function of each method that has overloads and no implementation."""

    def on_package(self, *, pkg: Module, loader: GriffeLoader, **_: object) -> None:
        """Complete the classes of a package and of its modules."""
        for module in pkg.modules.values():
            if not module.is_alias:
                for cls in module.classes.values():
                    if not cls.is_alias:
                        _complete(cls)


def _complete(cls: Class) -> None:
    for name, overloads in cls.overloads.items():
        if name in cls.members or not overloads:
            continue
        first = overloads[0]
        function = Function(
            name,
            parameters=first.parameters,
            returns=first.returns,
            lineno=first.lineno,
            endlineno=overloads[-1].endlineno,
            docstring=first.docstring,
        )
        function.overloads = overloads
        if function.docstring is not None:
            function.docstring.parent = function
        cls.set_member(name, function)
