"""The elements of an HTML page, and what holds of every page this package writes."""

from collections import Counter
from html.parser import HTMLParser
import re

VOID = {'img', 'input', 'link', 'meta'}
REFERENCES = ('src', 'href', 'action', 'data', 'poster', 'srcset')


class Page(HTMLParser):
    """
    The elements of a page.

    elements: tag and attributes of each.
    wrong: tags that were closed out of turn or not at all.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and that it is open."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content, as SVG has them."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Note the end of an element."""
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f'/{tag}')

    def of(self, tag: str, name: str = '') -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a tag, and a class if given."""
        return [attributes for each, attributes in self.elements if each == tag
                and (not name or name in (attributes.get('class') or '').split())]


def check_structure(text: str) -> Page:
    """Check what holds of every page."""
    page = Page(text)
    assert page.wrong == []
    references = [value for _, attributes in page.elements for name, value in attributes.items()
                  if name in REFERENCES or name.endswith(':href')]
    assert {value.partition(':')[0] for value in references if value[0] != '#'} == {'data'}
    assert not re.search(r'https?://|url\(|@import', re.sub('http://www.w3.org/[^"]*', '', text))
    assert all('alt' in image for image in page.of('img'))
    assert all(image['alt'] for image in page.of('img', 'photo'))
    assert all(image.get('aria-label') for image in page.of('svg'))
    ids = Counter(attributes['id'] for _, attributes in page.elements if 'id' in attributes)
    assert set(ids.values()) == {1}
    assert {value[1:] for value in references if value[0] == '#'} == set(ids)
    assert "default-src 'none'" in page.of('meta')[3]['content']
    return page
