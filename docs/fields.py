"""For mkdocstrings: the fields of a dataclass, and the members of an enumeration, as a table.

A field's text is the comment at the end of its line.
"""

import io
import tokenize
from typing import Any

import griffe


class Fields(griffe.Extension):
    """Adds an Attributes section to the docstring of every class that has fields but no such section."""

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """Called by griffe for every class that it has read."""
        fields = [m for m in cls.members.values() if isinstance(m, griffe.Attribute) and _is_field(m)]
        if not fields or cls.docstring is None or "\nAttributes\n" in cls.docstring.value:
            return
        rows = [f"{field.name} : {field.annotation or field.value}\n    {comment(field)}" for field in fields]
        cls.docstring.value += "\n\nAttributes\n----------\n" + "\n".join(rows)


def _is_field(attribute: griffe.Attribute) -> bool:
    return not attribute.is_private and "property" not in attribute.labels and attribute.docstring is None


def comment(attribute: griffe.Attribute) -> str:
    """The comment at the end of the attribute's line, without its mark; "" if there is none."""
    lines = io.StringIO(attribute.source).readline
    comments = [token.string for token in tokenize.generate_tokens(lines) if token.type == tokenize.COMMENT]
    return comments[-1].removeprefix("#").strip() if comments else ""
