"""Lets the reference show what Griffe does not expect in the stub of a compiled module.

Griffe keeps overloads until the implementation comes that they belong to. Here it never comes, so
the method would be missing. And a class is shown with the arguments of `__init__`; here it is
`__new__` that has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from griffe import Extension, Function, GriffeLoader, Module, Parameter, Parameters

if TYPE_CHECKING:
    from griffe import Class

__all__ = ["Stubs"]


class Stubs(Extension):
    """Completes the classes of stubs."""

    def on_package(self, *, pkg: Module, loader: GriffeLoader, **_: object) -> None:
        """Complete the classes of a package and of its modules."""
        for module in pkg.modules.values():
            if not module.is_alias:
                for cls in module.classes.values():
                    if not cls.is_alias:
                        _join_overloads(cls)
                        _show_arguments(cls)


def _join_overloads(cls: Class) -> None:
    """Give each method that has overloads alone one signature; what differs has no type there."""
    for name, overloads in cls.overloads.items():
        if name in cls.members or not overloads:
            continue
        first = overloads[0]
        returns = {str(overload.returns) for overload in overloads}
        function = Function(
            name,
            parameters=Parameters(*(_join(p.name, overloads) for p in first.parameters)),
            returns=first.returns if len(returns) == 1 else None,
            lineno=first.lineno,
            endlineno=overloads[-1].endlineno,
            docstring=first.docstring,
        )
        if function.docstring is not None:
            function.docstring.parent = function
        cls.set_member(name, function)
    # The reference shows members in the order of this dictionary.
    ordered = sorted(cls.members.items(), key=lambda member: member[1].lineno or 0)
    cls.members.clear()
    cls.members.update(ordered)


def _join(name: str, overloads: list[Function]) -> Parameter:
    parameters = [overload.parameters[name] for overload in overloads]
    annotations = {str(parameter.annotation) for parameter in parameters}
    defaults = [parameter.default for parameter in parameters if parameter.default is not None]
    return Parameter(
        name,
        annotation=parameters[0].annotation if len(annotations) == 1 else None,
        kind=parameters[0].kind,
        default=defaults[0] if defaults else None,
    )


def _show_arguments(cls: Class) -> None:
    """Show how to make an object, unless the class does not say what the arguments are."""
    new = cls.members.get("__new__")
    if not isinstance(new, Function):
        return
    described = cls.docstring is not None and "Parameters\n---" in cls.docstring.value
    if described or len(new.parameters) == 1:
        arguments = [parameter for parameter in new.parameters if parameter.name != "cls"]
        cls.set_member("__init__", Function("__init__", parameters=Parameters(*arguments)))
