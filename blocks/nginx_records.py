"""What an nginx edge remembers of its sites: the record of each, and which of them are open to the public.

`declared/<slug>.json` is what was accepted; `open/<slug>` is there while the public may come in, and nginx looks it up
at every request. A file that is not there keeps the public out, so that closing needs no room on the disk, and a
directory that nginx cannot read opens nothing.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from blocks.nginx_tree import SITE_FILES, Tree, write
from domain.edge import Site
from domain.model import Frozen

DIRECTORIES = ("declared", "open")


class Carried:
    """A site whose record cannot be read: its files go along as they are."""

    def __init__(self, files: Tree) -> None:
        self.files = files


Known = Site | Carried
"""A site that was declared, whether its record can be read or not."""


class SiteRecords(Frozen):
    """The records below `home`; who writes them holds the edge's lock."""

    home: Path

    def read_all(self) -> dict[str, Known]:
        """Every declared site, by slug. One whose record is damaged is carried on as served: it harms nobody else."""
        return {path.stem: self._read(path) for path in sorted((self.home / "declared").glob("*.json"))}

    def read(self, slug: str) -> Known | None:
        """One declared site; None when there is none."""
        path = self._record(slug)
        return self._read(path) if path.exists() else None

    def is_open(self, slug: str) -> bool:
        """Whether the public may come in."""
        return self._mark(slug).exists()

    def write(self, slug: str, site: Known | None) -> None:
        """Remember a site, or forget it. One that is shut is closed at once, and before; none is opened."""
        if site is None or (isinstance(site, Site) and site.shut):
            self._mark(slug).unlink(missing_ok=True)
        if site is None:
            self._record(slug).unlink(missing_ok=True)
        elif isinstance(site, Site):
            fields = site.model_dump(mode="json") | {"key_pem": site.key_pem.get_secret_value()}
            fresh = self._record(slug).with_suffix(".new")
            write(fresh, json.dumps(fields, ensure_ascii=False, indent=1).encode())
            fresh.replace(self._record(slug))

    def mark(self, sites: Mapping[str, Known | None]) -> None:
        """Let the public in where a site is not shut, and nowhere else; a damaged one stays as it is."""
        for slug, site in sites.items():
            if isinstance(site, Site) and site.shut:
                self._mark(slug).unlink(missing_ok=True)
            elif isinstance(site, Site):
                self._mark(slug).touch(mode=0o600)

    def _read(self, path: Path) -> Known:
        try:
            return Site.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError):
            return Carried(self._served_files(path.stem))

    def _served_files(self, slug: str) -> Tree:
        live = self.home / "live"
        names = [*(f"sites/{slug}{ending}" for ending in SITE_FILES), f"pages/{slug}.html"]
        return {name: (live / name).read_bytes() for name in names if (live / name).is_file()}

    def _record(self, slug: str) -> Path:
        return self.home / "declared" / f"{slug}.json"

    def _mark(self, slug: str) -> Path:
        return self.home / "open" / slug
