"""A page as a parser sees it: its elements, its text and its tables."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

SAID = {"alt", "aria-label"}
"""Attributes that may hold what people have named."""
CELLS = ("th", "td", "caption")
EMPTY = ("br", "img", "meta", "hr", "input", "link")


@dataclass
class Cell:
    """A cell of a table, or its caption: what it is, its attributes and its text."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Table:
    """A table: its caption, and its cells row by row."""

    caption: str = ""
    rows: list[list[Cell]] = field(default_factory=list)


class Parsed(HTMLParser):
    """The elements of a page with their attributes in order, all that it says, and its tables.

    Attributes
    ----------
    elements : list of (str, dict)
    others : list of str
        Comments, declarations and instructions.
    text : str
        With what pictures say instead of themselves; one space between words.
    tables : list of Table
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.others: list[str] = []
        self.tables: list[Table] = []
        self._said: list[str] = []
        self._open: list[str] = []
        self._cell: Cell | None = None
        self.feed(page)
        self.close()
        assert self._open == [], "Every element is closed."
        self.text = " ".join("".join(self._said).split())

    @property
    def outline(self) -> list[tuple[str, tuple[tuple[str, str | None], ...]]]:
        """The elements with their attributes, but for what may be said and for the record."""
        return [
            (tag, tuple((name, value) for name, value in attributes.items() if name not in said))
            for tag, attributes in self.elements
            for said in [
                SAID | ({"href", "download"} if attributes.get("id") == "record" else set())
            ]
        ]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        assert len(attributes) == len(attrs), "No attribute stands twice."
        self.elements.append((tag, attributes))
        self._said += [f" {attributes[name]} " for name in sorted(SAID & set(attributes))]
        if tag not in EMPTY:
            self._open.append(tag)
        if tag == "table":
            self.tables.append(Table())
        elif tag == "tr":
            self.tables[-1].rows.append([])
        elif tag in CELLS:
            self._cell = Cell(tag, attributes)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, "Elements are closed in the order they were opened."
        if tag in CELLS and self._cell is not None:
            if tag == "caption":
                self.tables[-1].caption = self._cell.text
            else:
                self.tables[-1].rows[-1].append(self._cell)
            self._cell = None

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self._said.append(data)
        if self._cell is not None:
            self._cell.text += data

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)
