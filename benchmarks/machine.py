"""The machine a run took place on, in words and numbers that a reader needs to judge its times."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

__all__ = ["MEMORY_SETTINGS", "available_bytes", "describe"]

PACKAGES = ("einlab", "jax", "jaxlib", "numpy", "opt_einsum", "cotengra", "torch", "numba")

MEMORY_SETTINGS: dict[str, dict[str, str]] = {
    "system": {},
    "hugepages": {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
    "ours-kept": {"EINLAB_HOST_MEMORY": "keep"},
    "all-kept": {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(2**34),
        "MALLOC_TOP_PAD_": str(2**28),
        "MALLOC_ARENA_MAX": "1",
    },
}
"""Environment that every worker is started with, by the name given to `--memory`. XLA takes fresh
pages for every large result; with huge pages that costs a third, with memory that is kept nothing:
"ours-kept" is einlab's own setting, which no peer reads, "all-kept" glibc's for every worker."""


def describe(memory: str) -> dict[str, Any]:
    """CPU, cores, memory, system, versions, and how busy the machine was when the run began."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_bytes": _meminfo("MemTotal"),
        "memory_setting": memory,
        "system": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()).strip(),
        "architecture": platform.machine(),
        "load_at_start": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def available_bytes() -> int | None:
    """Memory that can be used without swapping; None where the system does not say."""
    return _meminfo("MemAvailable")


def resident_bytes(process: int) -> int | None:
    """Memory that a process holds; None where the system does not say."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


def _meminfo(field: str) -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kib = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(kib[0]) * 1024 if kib else None
