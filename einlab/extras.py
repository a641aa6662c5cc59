"""Packages that a plain install lacks: asked for by name when they are needed, never before."""

from __future__ import annotations

import importlib
from typing import Any

from einlab.errors import MissingPackageError, message

__all__ = ["EXTRAS", "require"]

EXTRAS = {
    "matplotlib": "plots",
    "rich": "rich",
    "safetensors": "models",
    "sklearn": "data",
    "tokenizers": "models",
}
"""Name of a module → the extra of einlab that installs it."""


def require(module: str) -> Any:
    """The module of that name: a key of `EXTRAS`, or a package that no extra installs.

    Raises MissingPackageError naming the module and the command that installs it.

    >>> require("rich").__name__
    'rich'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        extra = EXTRAS.get(module)
        wanted = f"'einlab[{extra}]' (in a clone: '.[{extra}]')" if extra else module
        raise MissingPackageError(
            message(
                f"this needs the package {module}, which is not installed",
                hint=f"install it with: pip install {wanted}",
            )
        ) from error
