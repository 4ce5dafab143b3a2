"""The public names of a Python package: live, in its sources, and in the tests that use them."""

from __future__ import annotations

import ast
import enum
import inspect
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mypy import build
from mypy.modulefinder import BuildSource
from mypy.nodes import Expression, IndexExpr, MemberExpr, RefExpr, StrExpr, TypeInfo
from mypy.options import Options
from mypy.server.subexpr import get_subexpressions
from mypy.types import (
    CallableType,
    Instance,
    LiteralType,
    Overloaded,
    TupleType,
    Type,
    TypedDictType,
    TypeType,
    TypeVarType,
    UnionType,
    get_proper_type,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path
    from types import ModuleType


class Entry(NamedTuple):
    """A definition in the sources."""

    nodes: list[ast.stmt]
    """Several for overloads."""
    is_documented: bool


def definitions(body: list[ast.stmt]) -> dict[str, Entry]:
    """Return what a module or class defines."""
    found: dict[str, Entry] = {}
    for statement, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                is_documented = bool(ast.get_docstring(statement))
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                # A string on the next line is how attributes are documented.
                match after:
                    case ast.Expr(value=ast.Constant(value=str(words))):
                        is_documented = bool(words.strip())
                    case _:
                        is_documented = False
            case _:
                continue
        before = found.get(name, Entry([], is_documented=False))
        found[name] = Entry([*before.nodes, statement], before.is_documented or is_documented)
    return found


def parameters(value: object) -> Collection[str]:
    """Return the names of the arguments that a value takes; a property takes none."""
    try:
        return inspect.signature(cast("Any", value)).parameters
    except (TypeError, ValueError):
        return ()


class Package:
    """A package: the live module, and the folder with its stubs and sources."""

    def __init__(self, live: ModuleType, folder: Path) -> None:
        self.live = live
        self.folder = folder

    @cached_property
    def names(self) -> list[str]:
        """Every public name: "function", "Class" or "Class.member".

        Special methods are left out: operators call them, which no test shows by name.
        """
        found: list[str] = []
        for name in self.live.__all__:
            found.append(name)
            value = getattr(self.live, name)
            if isinstance(value, type):
                found += [f"{name}.{member}" for member in self._members(value)]
        return found

    def _members(self, owner: type) -> list[str]:
        members: dict[str, None] = {}
        if issubclass(owner, enum.Enum):
            members.update(dict.fromkeys(owner.__members__))
        # The keys of a typed dictionary are annotations and nothing else.
        if issubclass(owner, dict):
            members.update(dict.fromkeys(owner.__annotations__))
        for base in owner.__mro__:
            if base.__module__.split(".")[0] == self.live.__name__:
                members.update(dict.fromkeys(vars(base)))
        return [member for member in members if not member.startswith("_")]

    def has(self, name: str) -> bool:
        """Return whether there is "function", "Class", "Class.member" or "function(argument)"."""
        name, _, argument = name.removesuffix(")").partition("(")
        top, _, member = name.partition(".")
        if top not in self.live.__all__:
            return False
        value = getattr(self.live, top)
        if member.startswith("__"):
            bases: tuple[type, ...] = value.__mro__[:-1]
            value = next((vars(base)[member] for base in bases if member in vars(base)), None)
        elif member:
            if name not in self.names:
                return False
            value = getattr(value, member, None)
        if argument:
            return argument in parameters(value)
        return bool(member) or value is not None

    def is_class(self, name: str) -> bool:
        """Return whether a name is that of a class."""
        return isinstance(getattr(self.live, name, None), type)

    def is_made(self, name: str) -> bool:
        """Return whether calling the name makes an object, or does a function's work."""
        value: Any = getattr(self.live, name)
        if not isinstance(value, type):
            return True
        return (value.__new__, value.__init__) != (object.__new__, object.__init__)

    def entry(self, name: str) -> Entry | None:
        """Return the definition of a name in the stub, or in the module that needs none."""
        top, _, member = name.partition(".")
        source = self._modules.get(top)
        entry = source.get(top) if source else None
        if entry is None or not member:
            return entry
        return definitions(cast("ast.ClassDef", entry.nodes[0]).body).get(member)

    def has_docstring(self, name: str) -> bool:
        """Return whether `help` says something of a name.

        Enum members, typed dictionaries' keys and constants are documented in the sources alone.
        """
        top, _, member = name.partition(".")
        value: Any = getattr(self.live, top)
        if member:
            value = inspect.getattr_static(value, member, None)
        if isinstance(value, enum.Enum | str | int | None):
            return True
        return bool(getattr(value, "__doc__", None))

    def literals(self, name: str) -> set[str]:
        """Return the strings in the annotation of "Class.member" or "function(argument)"."""
        name, _, argument = name.removesuffix(")").partition("(")
        entry = self.entry(name)
        found: set[str] = set()
        for node in entry.nodes if entry else []:
            annotation: ast.expr | None = None
            if isinstance(node, ast.AnnAssign):
                annotation = node.annotation
            elif isinstance(node, ast.FunctionDef) and not argument:
                annotation = node.returns
            elif isinstance(node, ast.FunctionDef):
                every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                annotation = next((a.annotation for a in every if a.arg == argument), None)
            if annotation:
                found |= self._strings(annotation, self._modules[name.partition(".")[0]])
        return found

    def _strings(self, annotation: ast.expr, module: dict[str, Entry]) -> set[str]:
        found: set[str] = set()
        for node in ast.walk(annotation):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.Name) and node.id in module:
                alias = module[node.id].nodes[0]
                if isinstance(alias, ast.AnnAssign) and alias.value:
                    found |= self._strings(alias.value, module)
        return found

    @cached_property
    def _modules(self) -> dict[str, dict[str, Entry]]:
        """The definitions of the module that each public name comes from."""
        found: dict[str, dict[str, Entry]] = {}
        init = ast.parse((self.folder / "__init__.py").read_text("utf-8"))
        for statement in init.body:
            if isinstance(statement, ast.ImportFrom) and statement.module:
                module = statement.module.removeprefix(f"{self.live.__name__}.")
                stub = self.folder / f"{module}.pyi"
                path = stub if stub.exists() else self.folder / f"{module}.py"
                inside = definitions(ast.parse(path.read_text("utf-8")).body)
                found |= {alias.asname or alias.name: inside for alias in statement.names}
        return found


def used(package: str, tests: Path, *, search: Iterable[Path] = ()) -> set[str]:
    """Return the names of a package that tests use, "Class.member" by the type of the receiver.

    mypy infers the types. A use is an expression: a call, a read, or a function that is handed on;
    imports and annotations are none.
    """
    files = sorted(tests.rglob("*.py"))
    options = Options()
    options.python_executable = sys.executable
    options.mypy_path = [str(path) for path in search]
    options.export_types = True
    options.preserve_asts = True
    options.incremental = False
    options.check_untyped_defs = True
    # Whether the tests are well typed is a question for pyright; here they are only read.
    options.ignore_errors = True
    options.ignore_missing_imports = True
    options.follow_imports = "silent"
    sources = [BuildSource(str(path), path.stem) for path in files]
    result = build.build(sources, options)
    prefix = f"{package}."
    found: set[str] = set()

    def take_member(receiver: Expression, name: str) -> None:
        for owner in _classes(result.types.get(receiver)):
            for base in owner.mro:
                if base.fullname.startswith(prefix) and (base is owner or name in base.names):
                    found.add(f"{base.name}.{name}")

    for file in files:
        for node in get_subexpressions(result.files[file.stem]):
            if isinstance(node, RefExpr) and (node.fullname or "").startswith(prefix):
                module, _, name = node.fullname.rpartition(".")
                if module in result.files:
                    found.add(name)
            if isinstance(node, MemberExpr):
                take_member(node.expr, node.name)
            elif isinstance(node, IndexExpr) and isinstance(node.index, StrExpr):
                take_member(node.base, node.index.value)
    return found


def _classes(kind: Type | None) -> Iterator[TypeInfo]:
    """Yield the classes that a value of a type may be of, or be itself."""
    match get_proper_type(kind):
        case Instance(type=info):
            yield info
        case UnionType(items=items):
            for item in items:
                yield from _classes(item)
        case TypeType(item=item):
            yield from _classes(item)
        case CallableType() as made if made.is_type_obj():
            yield from _classes(made.ret_type)
        case Overloaded(items=[made, *_]) if made.is_type_obj():
            yield from _classes(made.ret_type)
        case TupleType(partial_fallback=fallback) | TypedDictType(fallback=fallback):
            yield from _classes(fallback)
        case LiteralType(fallback=fallback):
            yield from _classes(fallback)
        case TypeVarType(upper_bound=bound):
            yield from _classes(bound)
        case _:
            pass
