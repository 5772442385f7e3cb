"""What MkDocs needs to make a site of files that people also read in the repository.

The pages in PAGES are at the top of the repository, and become pages of the site. The site has no
other files of the repository, so a link to such a file becomes its text. A link to a file that
does not exist stays as it is, and `mkdocs build --strict` fails because of it.
"""

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)#:\s]+)(#[^)\s]*)?\)")
FROM_ELSEWHERE = re.compile(
    r'<(?:script|link|img|source|iframe)\b[^>]*?=["\']?(?:https?:)?//[^>]*>'
)


def on_files(files: Any, config: Any) -> Any:
    """Add PAGES to the site."""
    for name in PAGES:
        files.append(File.generated(config, name, content=(ROOT / name).read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Change the links that lead out of docs/."""
    folder = ROOT if page.file.src_uri in PAGES else DOCS

    def changed(link: re.Match[str]) -> str:
        text, path, anchor = link[1], link[2], link[3] or ""
        target = Path(os.path.normpath(folder / path))
        if target.parent == ROOT and target.name in PAGES:
            return f"[{text}]({target.name}{anchor})"
        if target.is_relative_to(DOCS) and not target.is_dir():
            return f"[{text}]({target.relative_to(DOCS)}{anchor})"
        return text if target.exists() else link[0]

    return LINK.sub(changed, markdown)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Refuse a page that loads something from another site."""
    if found := FROM_ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri} loads something from elsewhere: {found[0]}")
    return output
