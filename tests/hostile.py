"""Names that would do something where they are shown, if they were not made safe."""

from html.parser import HTMLParser

RUN = "document.title='ran'"
PAYLOADS = {
    "script": f"<script>{RUN}</script>",
    "handler": f'"><img src=x onerror="{RUN}">',
    "quote": f"'><svg/onload={RUN}>",
    "link": f"[a](javascript:{RUN})",
    "picture": "![a](http://127.0.0.1:9/x.png)",
    "address": "http://127.0.0.1:9/x www.example.com",
    "table": "a | b\n|---|---|\n",
    "block": "\n\n# a\n\n<img src=x>\n\n```\n",
    "code": "`` ` ```sh",
    "emphasis": "**a** _b_ ~~c~~ \\*d\\*",
    "mathematics": r"$\frac",
    "mathematics too": r"\$ $\notacommand{$ $$",
    "formula": "=cmd|' /C calc'!A0",
    "sum": "+1+cmd|' /C calc'!A0",
    "database": "'; DROP TABLE runs; --",
    "path": "../../x",
    "home": "~/x",
    "markup": "[red]a[/red] [link=http://127.0.0.1:9/x]b[/link] :bomb: [/]",
    "colour": "\x1b[31ma\x1b[0m \x1b]8;;http://127.0.0.1:9/\x07b\x1b]8;;\x07",
    "control": "a\x00b\x07c\x08d\re\x9b31mf",
    "direction": "a\u202eb\u2066c\u2069",
    "emoji": "\U0001f469\u200d\U0001f4bb e\u0301\u0301\u0301 \u4e16",
    "undecodable": "a\udcffb",
    "template": "{{ 7 * 7 }} {% raw %} ${x} %s",
    "long": "x" * 3000,
}


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    @property
    def active(self) -> list[str]:
        """What runs, or asks another place for something."""
        handlers = [name for _, attributes in self.elements for name in attributes if name.startswith("on")]
        links = [value for _, attributes in self.elements for name, value in attributes.items() if name in SOURCES]
        tags = [tag for tag, _ in self.elements if tag in ("script", "svg", "iframe", "object", "form", "base", "link")]
        return handlers + [link for link in links if link and ":" in link and not link.startswith("data:")] + tags


SOURCES = ("href", "src", "action", "srcset", "data", "style")
