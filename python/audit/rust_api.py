"""The public API of a Rust crate, read from its syntax trees.

Public is what `lib.rs` makes so: what it declares `pub` and what it re-exports, with the public
functions and constants of inherent `impl` blocks, public fields, variants with their fields, and
the items of traits. Implementations of traits are left out: a trait says what they hold.
Attributes that leave an item out of some builds (features, platforms) count as on, those that leave
it to tests as off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import tree_sitter_rust
from tree_sitter import Language, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tree_sitter import Node

PARSER = Parser(Language(tree_sitter_rust.language()))

TYPES = {"struct_item", "enum_item", "union_item", "trait_item", "type_item"}
VALUES = {"function_item", "const_item", "static_item"}
# What may stand between items and names nothing.
SILENT = {
    "attribute_item",
    "inner_attribute_item",
    "line_comment",
    "block_comment",
    "extern_crate_declaration",
    "empty_statement",
}


class UnreadableError(Exception):
    """Rust that this reader does not understand; it says so rather than overlook an item."""


class Item(NamedTuple):
    """A public name, `Type::method` for what a type holds."""

    name: str
    kind: str
    """"type", "function", "constant", "field" or "variant"."""
    place: str
    """File and line."""


def text(node: Node | None) -> str:
    """Return the source of a node."""
    return node.text.decode() if node and node.text else ""


def name_of(node: Node) -> str:
    """Return what a node declares."""
    return text(node.child_by_field_name("name"))


def is_public(node: Node) -> bool:
    """Return whether a node is `pub`; `pub(crate)` and the like are not."""
    return any(c.type == "visibility_modifier" and text(c) == "pub" for c in node.children)


class Use(NamedTuple):
    """One name that a `use` brings in; "*" stands for all."""

    name: str
    path: tuple[str, ...]
    is_public: bool


def flatten(tree: Node, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each name that a tree of `use` brings in, and its path."""
    match tree.type:
        case "use_list":
            for child in tree.named_children:
                yield from flatten(child, prefix)
        case "scoped_use_list":
            head = text(tree.child_by_field_name("path"))
            branches = tree.child_by_field_name("list")
            assert branches is not None
            yield from flatten(branches, (*prefix, *split(head)))
        case "use_as_clause":
            path = (*prefix, *split(text(tree.child_by_field_name("path"))))
            yield text(tree.child_by_field_name("alias")), path
        case "use_wildcard":
            yield "*", (*prefix, *split(text(tree).removesuffix("*").removesuffix("::")))
        case "line_comment" | "block_comment":
            pass
        case "self":
            yield prefix[-1], prefix
        case _:
            path = (*prefix, *split(text(tree)))
            yield path[-1], path


def split(path: str) -> tuple[str, ...]:
    """Return the names of a path."""
    return tuple(part.strip() for part in path.split("::") if part.strip())


class Module:
    """A module: its items by name, its submodules, what it uses and the `impl` blocks in it."""

    def __init__(self, file: Path, root: Path, parent: Module | None, folder: Path) -> None:
        self.file = file.relative_to(root.parent)
        self.parent = parent
        self.is_public = True
        self.items: dict[str, list[Node]] = {}
        self.modules: dict[str, Module] = {}
        self.uses: list[Use] = []
        self.impls: list[Node] = []
        self._root = root
        self._folder = folder

    @classmethod
    def read(cls, file: Path, root: Path, parent: Module | None, folder: Path) -> Module:
        """Read a file and, through its `mod` lines, those beneath it, which are in `folder`."""
        module = cls(file, root, parent, folder)
        tree = PARSER.parse(file.read_bytes()).root_node
        if tree.has_error:
            raise UnreadableError(f"{module.file}: the parser does not understand this file")
        module._take(tree)
        return module

    def _take(self, body: Node) -> None:
        attributes = ""
        for node in body.named_children:
            if node.type == "attribute_item":
                attributes += "".join(text(node).split())
                continue
            if node.type in {"line_comment", "block_comment"}:
                continue
            if "cfg(test)" not in attributes and "cfg(doctest)" not in attributes:
                self._take_item(node, attributes)
            attributes = ""

    def _take_item(self, node: Node, attributes: str) -> None:
        if node.type in TYPES | VALUES:
            self.items.setdefault(name_of(node), []).append(node)
        elif node.type == "mod_item":
            module = self.modules[name_of(node)] = self._submodule(node, attributes)
            module.is_public = is_public(node)
        elif node.type == "use_declaration":
            tree = node.child_by_field_name("argument")
            assert tree is not None
            self.uses += [Use(*found, is_public(node)) for found in flatten(tree)]
        elif node.type == "impl_item":
            if node.child_by_field_name("trait") is None:
                self.impls.append(node)
        elif node.type == "macro_definition":
            if "macro_export" in attributes:
                self.items.setdefault(name_of(node), []).append(node)
        elif node.type not in SILENT:
            # A macro among items, for one: what it declares is not in the tree.
            raise UnreadableError(f"{self.place(node)}: cannot tell what {node.type} declares")

    def _submodule(self, node: Node, attributes: str) -> Module:
        name = name_of(node)
        folder = self._folder / name
        if body := node.child_by_field_name("body"):
            module = Module(self._root.parent / self.file, self._root, self, folder)
            module._take(body)
            return module
        if "#[path=" in attributes:
            raise UnreadableError(f"{self.place(node)}: cannot follow a path attribute")
        beside = self._folder / f"{name}.rs"
        file = beside if beside.exists() else folder / "mod.rs"
        return Module.read(file, self._root, self, folder)

    def place(self, node: Node) -> str:
        """Return file and line of a node."""
        return f"{self.file.as_posix()}:{node.start_point[0] + 1}"

    def walk(self) -> Iterator[Module]:
        """Yield this module and all beneath."""
        yield self
        for module in self.modules.values():
            yield from module.walk()


@dataclass(frozen=True)
class Found:
    """An item or a module, and where it is declared."""

    module: Module
    nodes: tuple[Node, ...]
    """Its declarations, one for each build; none for a module."""


class Crate:
    """A crate, from its `lib.rs`."""

    def __init__(self, lib: Path) -> None:
        self.root = Module.read(lib, lib.parent, None, lib.parent)

    def public(self) -> list[Item]:
        """Return every public name, in the order of the names."""
        items = {item.name: item for item in self._of_module(self.root, "", set())}
        return sorted(items.values())

    def _of_module(self, module: Module, prefix: str, seen: set[int]) -> Iterator[Item]:
        seen = seen | {id(module)}
        for name, found in self._exports(module):
            if found.nodes:
                for node in found.nodes:
                    yield from self._of_item(found.module, node, prefix + name)
            elif id(found.module) not in seen:
                yield from self._of_module(found.module, f"{prefix}{name}::", seen)

    def _exports(self, module: Module) -> Iterator[tuple[str, Found]]:
        for name, nodes in module.items.items():
            public = tuple(n for n in nodes if is_public(n) or n.type == "macro_definition")
            if public:
                yield name, Found(module, public)
        for name, child in module.modules.items():
            if child.is_public:
                yield name, Found(child, ())
        for use in module.uses:
            if not use.is_public:
                continue
            found = self._follow(module, use.path)
            if not found:
                raise UnreadableError(f"{module.file}: cannot find {'::'.join(use.path)}")
            for target in found:
                if use.name == "*":
                    yield from self._exports(target.module)
                # A function may be exported from a private module that has its name.
                elif target.nodes or target.module.is_public:
                    yield use.name, target

    def _follow(self, module: Module, path: tuple[str, ...]) -> list[Found]:
        """Return what a path names: an item, a module, or one of each."""
        if not path:
            return [Found(module, ())]
        first, rest = path[0], path[1:]
        if first == "self":
            return self._follow(module, rest)
        if first == "crate":
            return self._follow(self.root, rest)
        if first == "super" and module.parent:
            return self._follow(module.parent, rest)
        found: list[Found] = []
        if first in module.modules:
            found += self._follow(module.modules[first], rest)
        if first in module.items and not rest:
            found.append(Found(module, tuple(module.items[first])))
        if not any(target.nodes for target in found):
            for use in module.uses:
                if use.name == first and use.path != path:
                    for target in self._follow(module, use.path):
                        if not rest:
                            found.append(target)
                        elif not target.nodes:
                            found += self._follow(target.module, rest)
        return found

    def _of_item(self, module: Module, node: Node, name: str) -> Iterator[Item]:
        place = module.place(node)
        if node.type not in TYPES:
            kind = "function" if node.type == "function_item" else "constant"
            yield Item(name, kind, place)
            return
        yield Item(name, "type", place)
        body = node.child_by_field_name("body")
        if node.type == "trait_item":
            assert body is not None
            yield from self._held(module, body, name, is_trait=True)
        elif node.type == "enum_item":
            assert body is not None
            for variant in body.named_children:
                if variant.type == "enum_variant":
                    inner = f"{name}::{name_of(variant)}"
                    yield Item(inner, "variant", module.place(variant))
                    fields = variant.child_by_field_name("body")
                    yield from self._fields(module, fields, inner, in_variant=True)
        else:
            yield from self._fields(module, body, name, in_variant=False)
        for other in self.root.walk():
            for block in other.impls:
                kind = block.child_by_field_name("type")
                while kind is not None and kind.type == "generic_type":
                    kind = kind.child_by_field_name("type")
                targets = self._follow(other, split(text(kind)))
                if any(node in target.nodes for target in targets):
                    held = block.child_by_field_name("body")
                    assert held is not None
                    yield from self._held(other, held, name, is_trait=False)

    def _held(self, module: Module, body: Node, owner: str, *, is_trait: bool) -> Iterator[Item]:
        kinds = {
            "function_item": "function",
            "function_signature_item": "function",
            "const_item": "constant",
            "associated_type": "type",
        }
        for node in body.named_children:
            if node.type == "macro_invocation":
                raise UnreadableError(f"{module.place(node)}: cannot tell what a macro declares")
            if node.type in kinds and (is_trait or is_public(node)):
                yield Item(f"{owner}::{name_of(node)}", kinds[node.type], module.place(node))

    def _fields(
        self, module: Module, body: Node | None, owner: str, *, in_variant: bool
    ) -> Iterator[Item]:
        if body is None:
            return
        if body.type == "field_declaration_list":
            for node in body.named_children:
                if node.type == "field_declaration" and (in_variant or is_public(node)):
                    yield Item(f"{owner}::{name_of(node)}", "field", module.place(node))
        elif body.type == "ordered_field_declaration_list":
            # Types one after another, each with its visibility before it.
            index = 0
            is_exposed = in_variant
            for node in body.named_children:
                if node.type == "visibility_modifier":
                    is_exposed = text(node) == "pub"
                elif node.type not in SILENT:
                    if is_exposed:
                        yield Item(f"{owner}::{index}", "field", module.place(node))
                    index += 1
                    is_exposed = in_variant
