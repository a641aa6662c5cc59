"""What `einlab doctor` looks at: each check gives findings and never fails itself."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

import numpy as np

from einlab.allocator import is_glibc
from einlab.cli.accelerators import evidence, explain
from einlab.config import config, unknown_variables
from einlab.dtypes import dtype_name
from einlab.errors import EinlabError, listing
from einlab.extras import EXTRAS
from einlab.memory import host_memory
from einlab.native import keeping
from einlab.show import units

__all__ = ["Finding", "all_findings"]

State = Literal["ok", "note", "failed"]

PACKAGES = ("jax", "jaxlib", "numpy", "ml_dtypes", "opt_einsum", "numba", "jaxtyping", "click")
OLDEST_JAX = (0, 10, 2)

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float8_e4m3fn", "float8_e5m2", "float16", "bfloat16", "float32", "float64"),
    *("complex64", "complex128"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and found, and what to do about it."""

    what: str
    found: str
    state: State = "ok"
    advice: str = ""


def all_findings(version: str) -> list[Finding]:
    """Every check in turn; `version` is einlab's own."""
    python = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    return [
        Finding("einlab", version),
        Finding("Python", python),
        *packages(),
        *devices(),
        *memory(),
        native(),
        *cache(),
        *variables(os.environ),
        *extras(),
    ]


def packages() -> Iterator[Finding]:
    """The versions of the packages that einlab stands on."""
    for name in PACKAGES:
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            advice = f"einlab needs {name}: pip install {name}"
            yield Finding(name, "not installed", "failed", advice)
            continue
        old = name == "jax" and _release(found) < OLDEST_JAX
        oldest = ".".join(map(str, OLDEST_JAX))
        advice = f"einlab needs jax {oldest} or newer: pip install -U jax" if old else ""
        yield Finding(name, found, "failed" if old else "ok", advice)


def devices() -> Iterator[Finding]:
    """The devices that JAX uses, why another is not used, and the dtypes that contract right."""
    try:
        import jax  # takes a second: only the commands that run something pay it

        found = jax.devices()
    except (ImportError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        yield Finding("devices", "JAX does not start", "failed", f"JAX says: {reason}")
        return
    kinds = [device_kind(device.platform, device.device_kind) for device in found]
    told = [f"{kinds.count(kind)} × {kind}" for kind in dict.fromkeys(kinds)]
    yield Finding("devices", listing(told))
    used = {device.platform for device in found}
    reason, advice = explain(used, evidence(os.environ))
    yield Finding("accelerator", reason, "note" if advice else "ok", advice)
    precision = jax.config.jax_default_matmul_precision or "JAX's default for the device"
    yield Finding("precision", str(precision))
    yield from dtypes(bool(jax.config.jax_enable_x64))


def device_kind(platform_name: str, kind: str) -> str:
    """A device in words; a CPU's kind is only "cpu" again.

    >>> device_kind("cpu", "cpu"), device_kind("gpu", "NVIDIA H100")
    ('CPU', 'NVIDIA H100 (gpu)')
    """
    same = kind.lower() == platform_name.lower()
    return platform_name.upper() if same else f"{kind} ({platform_name})"


def dtypes(wide: bool) -> Iterator[Finding]:
    """Contract two small arrays of every dtype and compare with NumPy."""
    wrong = [name for name in DTYPES if not contracts_right(name)]
    if wrong:
        advice = "a product of two 2×2 arrays came out wrong; please report it with this table"
        yield Finding("dtypes", f"wrong: {listing(wrong)}", "failed", advice)
    else:
        yield Finding("dtypes", f"all {len(DTYPES)} contract right")
    if wide:
        yield Finding("64 bits", "on")
    else:
        advice = "set JAX_ENABLE_X64=1 to compute 64-bit operands in 64 bits"
        yield Finding("64 bits", "off: computed in 32 bits", "note", advice)


def contracts_right(name: str) -> bool:
    """Whether the product of two 2×2 arrays of a dtype is what NumPy says, exactly."""
    from einlab.contracting import contract

    left = np.array([[1, 0], [1, 1]]).astype(np.dtype(dtype_name(name)))
    right = np.array([[1, 1], [0, 1]]).astype(left.dtype)
    wanted = left.astype(np.complex128) @ right.astype(np.complex128)
    if name == "bool":
        wanted = wanted != 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of 64-bit operands, which have a line of their own
        got = np.asarray(contract("ij,jk->ik", left, right))
    return np.array_equal(got.astype(np.complex128), wanted)


def memory() -> Iterator[Finding]:
    """The memory of this computer, and how glibc hands it to XLA."""
    try:
        yield Finding("memory", units.binary(host_memory()))
    except EinlabError:
        yield Finding("memory", "unknown: the system does not tell", "note")
    if not is_glibc():
        return
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if config.host_memory == "keep":
        yield Finding("allocator", "glibc, freed memory kept")
    elif "glibc.malloc.hugetlb=1" in tunables:
        yield Finding("allocator", "glibc with huge pages")
    else:
        yield Finding(
            "allocator",
            "glibc",
            "note",
            "large results on a CPU are made faster with GLIBC_TUNABLES=glibc.malloc.hugetlb=1 in "
            "the environment when Python starts: fewer page faults; it costs up to 2 MiB for each "
            "large array. EINLAB_HOST_MEMORY=keep is faster still; it costs the memory that is "
            "freed, which the process keeps, and threads that allocate much wait for each other",
        )


def native() -> Finding:
    """Whether einlab's own code for CPUs is compiled."""
    what, now = "native code", "python -m einlab.native.building compiles it now"
    if config.native == "off":
        return Finding(what, "turned off", "note", "unset EINLAB_NATIVE to let it run where faster")
    if keeping.folder() is None:
        advice = "neither einlab's own folder nor EINLAB_CACHE_DIR can be written"
        return Finding(what, "cannot be kept", "note", advice)
    if keeping.is_built():
        return Finding(what, "compiled")
    return Finding(what, "compiled when it is first wanted", "note", now)


def cache() -> Iterator[Finding]:
    """The cache folder, and whether it can be written."""
    try:
        folder = config.cache_dir
    except EinlabError as error:
        yield Finding("cache folder", "none", "failed", str(error))
        return
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if os.access(there, os.W_OK):
        yield Finding("cache folder", f"{folder}{'' if folder.exists() else ', not made yet'}")
    else:
        advice = f"{there} cannot be written; set EINLAB_CACHE_DIR to a folder that can"
        yield Finding("cache folder", f"{folder}, read-only", "note", advice)


def variables(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Environment variables that look like settings of einlab and are none."""
    for name, likely in unknown_variables(environ).items():
        advice = f"{name} is no setting; did you mean {likely}?" if likely else f"unset {name}"
        yield Finding("environment", f"{name} is not known", "note", advice)


def extras(modules: Iterable[str] = EXTRAS) -> Iterator[Finding]:
    """Which optional packages are there, and how to get the others."""
    missing: dict[str, list[str]] = {}
    for module in modules:
        if importlib.util.find_spec(module) is None:
            missing.setdefault(EXTRAS[module], []).append(module)
    for extra in dict.fromkeys(EXTRAS[module] for module in modules):
        if extra in missing:
            found = f"{listing(missing[extra])} not installed"
            yield Finding(f"extra {extra}", found, "note", f"pip install 'einlab[{extra}]'")
        else:
            yield Finding(f"extra {extra}", "installed")


def _release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
