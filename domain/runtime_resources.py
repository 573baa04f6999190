"""How much of a machine one environment's application gets, and the PHP settings that follow from it."""

from typing import Self

from pydantic import Field, PositiveInt

from domain.code import Code
from domain.configuration import Limits
from domain.model import Frozen
from domain.reference import Version
from domain.sizing import Sizing

_POST_MARGIN_MB = 5  # the other fields of the form that carries a file (`sei.md` 1.1: 500 and 505)

PHP_SETTINGS_FILES = ("sei.ini", "sei-fpm.conf")


class RuntimeResources(Frozen):
    """Sizes of one environment; memory in MB, processor time in thousandths of a core."""

    php_workers: PositiveInt
    php_memory_mb: PositiveInt
    app_memory_mb: PositiveInt
    app_cpu_millis: PositiveInt
    database_connections: PositiveInt
    memcached_mb: PositiveInt
    solr_heap_mb: PositiveInt
    upload_mb: PositiveInt
    files_gb: PositiveInt

    @classmethod
    def of(cls, sizing: Sizing, files_gb: int) -> Self:
        """The part of an environment's limits that its application's host gives it, and room for its files."""
        return cls(
            php_workers=sizing.php_workers,
            php_memory_mb=sizing.php_memory_mb,
            app_memory_mb=sizing.application_memory_mb,
            app_cpu_millis=sizing.cpu_millicores,
            database_connections=sizing.database_connections,
            memcached_mb=sizing.memcached_mb,
            solr_heap_mb=sizing.solr_heap_mb,
            upload_mb=sizing.upload_mb,
            files_gb=files_gb,
        )

    @property
    def limits(self) -> Limits:
        """SEI's own limits, so that no level may ask for more memory than the application has."""
        published = Limits()
        return Limits(
            level1_memory_mb=self.php_memory_mb,
            level2_memory_mb=min(published.level2_memory_mb, self.app_memory_mb),
            level3_memory_mb=min(published.level3_memory_mb, self.app_memory_mb),
        )


class Workload(Frozen):
    """What one application runs, and how big it is."""

    release_version: Version
    modules: dict[str, Version] = Field(default_factory=dict, description="Version of each module, by its code.")
    resources: RuntimeResources

    @property
    def code(self) -> Code:
        """The code that it runs."""
        return Code(version=self.release_version, modules=self.modules)

    def running(self, code: Code) -> "Workload":
        """The same sizes with other code."""
        return self.model_copy(update={"release_version": code.version, "modules": code.modules})

    @property
    def is_sei5(self) -> bool:
        """From SEI 5 on: PHP 8, Solr 9, and sessions that memcached may hold (`sei.md` 1.1)."""
        return int(self.release_version.partition(".")[0]) >= 5  # noqa: PLR2004  # the version itself


def render_php_settings(resources: RuntimeResources) -> dict[str, bytes]:
    """PHP's settings by file name: `sei.ini`, and the pool of workers of PHP-FPM.

    The values that SEI's installation manual fixes (`sei.md` 1.1), and those that the plan decides.
    """
    post_mb = resources.upload_mb + _POST_MARGIN_MB
    ini = f"""; Arquivo gerado pelo Implanta.
default_charset = "ISO-8859-1"
short_open_tag = On
session.gc_maxlifetime = 28800
max_input_vars = 2000
memory_limit = {resources.php_memory_mb}M
upload_max_filesize = {resources.upload_mb}M
post_max_size = {post_mb}M
"""
    # A pool of the same name as the image's: PHP-FPM lets the later file have its way, key by key.
    pool = f"""; Arquivo gerado pelo Implanta.
[www]
pm = dynamic
pm.max_children = {resources.php_workers}
pm.start_servers = {max(1, resources.php_workers // 4)}
pm.min_spare_servers = {max(1, resources.php_workers // 4)}
pm.max_spare_servers = {max(1, resources.php_workers // 2)}
pm.max_requests = 500
"""
    return dict(zip(PHP_SETTINGS_FILES, (ini.encode("ascii"), pool.encode("ascii")), strict=True))
