"""Import of files: a mapping in TOML says how the rows of a CSV become commands."""

from infra.importing.importer import Progress, Report, run
from infra.importing.problems import CannotImport

__all__ = ["CannotImport", "Progress", "Report", "run"]
