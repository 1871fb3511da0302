"""An extension of griffe for the site: what a class takes that pydantic makes, told from its fields and its bases'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import griffe


class Fields(griffe.Extension):
    """Gives such a class the `__init__` that it has when it runs."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Looks at each class once the whole package is read, bases included."""
        for made in classes(pkg):
            parameters = {field.name: parameter(field) for field in fields(made)}
            if parameters and "__init__" not in made.members:
                made.set_member(
                    "__init__", griffe.Function("__init__", parameters=griffe.Parameters(*parameters.values()))
                )


def classes(module: griffe.Module) -> Iterator[griffe.Class]:
    """The classes of a package that pydantic makes."""
    for member in module.members.values():
        if member.is_alias:
            continue
        if member.is_module:
            yield from classes(member)
        elif member.is_class and is_made_by_pydantic(member):
            yield member


def is_made_by_pydantic(made: griffe.Class) -> bool:
    """Whether it, or a class that it derives from, is a dataclass or a model of pydantic's."""
    decorators = [str(getattr(each.value, "canonical_path", "")) for each in made.decorators]
    bases = [str(getattr(base, "canonical_path", base)) for each in (made, *made.mro()) for base in each.bases]
    return "pydantic.dataclasses.dataclass" in decorators or "pydantic.BaseModel" in bases


def fields(made: griffe.Class) -> Iterator[griffe.Attribute]:
    """Its fields, those of its furthest base first."""
    for each in (*reversed(made.mro()), made):
        for member in each.members.values():
            is_field = member.is_attribute and member.annotation is not None and "instance-attribute" in member.labels
            if is_field and not member.name.startswith("_"):
                yield member


def parameter(field: griffe.Attribute) -> griffe.Parameter:
    """The argument for a field; of `Field(default=...)` the default alone is told."""
    default: Any = field.value
    if isinstance(default, griffe.ExprCall) and default.canonical_path.endswith(".Field"):
        told = {getattr(each, "name", "default"): getattr(each, "value", each) for each in default.arguments}
        made = told.get("default_factory")
        default = griffe.ExprCall(made, []) if made else told.get("default")
    return griffe.Parameter(
        field.name, annotation=field.annotation, kind=griffe.ParameterKind.keyword_only, default=default
    )
