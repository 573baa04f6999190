"""The code of each version of SEI that the lab's environments can be brought to, laid where their host finds it.

What a version changes is derived from the reference databases, those that were found and the project's own: an
environment may have been made of either. That takes some seconds, so the packages are kept, for all labs of this user,
under the digest of everything that they are made of.
"""

import hashlib
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from blocks.catalog import Catalog
from blocks.reference import find_references
from blocks.settings import PROJECT_ROOT
from domain.code import PACKAGES_DIRECTORY
from domain.errors import IntegrityError, InvalidInputError
from domain.reference import Reference, minor_line
from domain.upgrade.package import ReleasePackage, parse_package
from domain.upgrade.release import Release
from lab.layout import make_private_dir, write_private
from lab.lock import exclusive
from lab.sei_standin.module_code import module_packages
from lab.sei_standin.vendor_code import core_code, lay_code, way_of

CACHE = Path.home() / ".cache" / "implanta" / "pacotes"
_MADE_OF = "feito-de"
_BUILDER = ("domain/upgrade/*.py", "blocks/release_*.py", "catalog/upgrades/*.yaml")
_CODE = (*_BUILDER, "lab/sei_standin/*_code.py", "catalog/releases.yaml", "catalog/modules.yaml")
_POOL_MIB = 256


def ensure_code(code_dir: Path, reference_dir: Path | None, *, on_build: Callable[[], None] = lambda: None) -> bool:
    """Lay the code of each version and correction of a line of which there is a reference, and of each module.

    Whether anything was to do.

    `on_build` is called before the first package is built.

    Raises as `find_references` and `build_package`.
    """
    found = [find_references(reference_dir), *([find_references(None)] if reference_dir else [])]
    digests = [reference.digest for references in found for reference in references]
    made_of = _digest(_CODE, (*digests, sys.executable, str(PROJECT_ROOT)))
    stamp = code_dir / _MADE_OF
    if stamp.exists() and stamp.read_text(encoding="ascii") == made_of:
        return False
    make_private_dir(code_dir)
    make_private_dir(CACHE)
    stamp.unlink(missing_ok=True)
    releases, modules = Catalog().releases(), Catalog().modules()
    lines = {minor_line(reference.version) for references in found for reference in references}
    for release in releases.releases:
        if release.sei_version and release.sip_version and release.sei_line in lines:
            packages = [
                _package(source, target, on_build)
                for references in found
                for source, target in _pairs(release, references)
            ]
            code = core_code(
                release, releases, [way_of(made.sip) for made in packages], [way_of(made.sei) for made in packages]
            )
            lay_code(code_dir, code)
    for package in module_packages(modules):
        lay_code(code_dir / PACKAGES_DIRECTORY, package)
    write_private(stamp, made_of)
    return True


def _pairs(release: Release, references: Sequence[Reference]) -> Iterable[tuple[Reference, Reference]]:
    """The references that the release may start from, each with the one that it leads to."""
    target = next((reference for reference in references if reference.version == release.version), None)
    for upgrade in release.upgrades:
        for line in upgrade.from_lines:
            source = next((one for one in references if minor_line(one.version) == line), None)
            if source and target:
                yield source, target


def _package(source: Reference, target: Reference, on_build: Callable[[], None]) -> ReleasePackage:
    path = CACHE / f"{_digest(_BUILDER, (source.digest, target.digest))}.pacote"
    with exclusive(CACHE / "trava", lambda: None):
        kept = _kept(path)
        if kept is not None:
            return kept
        on_build()
        # Prefect, which blocks are made of, takes long to import, and most of the time there is nothing to build.
        from blocks.release_package import build_package, write_package  # noqa: PLC0415
        from blocks.scratch_server import scratch_server  # noqa: PLC0415

        with scratch_server(CACHE, buffer_pool_mib=_POOL_MIB) as scratch:
            made = build_package(scratch.server, source, target)
        write_package(made, path)
        return made


def _kept(path: Path) -> ReleasePackage | None:
    """A package that was built before; a damaged one is built anew."""
    try:
        return parse_package(path.read_bytes(), where=str(path))
    except (FileNotFoundError, InvalidInputError, IntegrityError):
        return None


def _digest(patterns: Iterable[str], texts: Iterable[str]) -> str:
    """One sha256 over the project's files of these patterns and these texts."""
    digest = hashlib.sha256("\n".join(texts).encode())
    for pattern in patterns:
        for path in sorted(PROJECT_ROOT.glob(pattern)):
            digest.update(path.name.encode() + b"\n" + path.read_bytes())
    return digest.hexdigest()
