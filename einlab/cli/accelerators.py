"""Which accelerators this computer has, and why JAX does not use one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

__all__ = ["Evidence", "evidence", "explain"]

CUDA_DRIVERS = {"cuda13": 580, "cuda12": 525}
"""Extra of einlab → the oldest major version of the NVIDIA driver that its CUDA runs on.

Source: NVIDIA, CUDA Toolkit release notes, "CUDA Toolkit and Minimum Required Driver Version for
CUDA Minor Version Compatibility", read 2026-11-21.
"""

PLUGINS = ("jax-cuda12-plugin", "jax-cuda13-plugin", "libtpu")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the system tells of accelerators, whether JAX uses them or not."""

    nvidia: bool = False
    driver: int | None = None
    """Major version of the NVIDIA driver, where it is known."""
    tpu: bool = False
    amd: bool = False
    plugins: tuple[str, ...] = ()
    """Packages that teach JAX an accelerator, as far as they are installed."""
    platforms: str = ""
    """What JAX_PLATFORMS in the environment says."""


def evidence(environ: Mapping[str, str], root: Path = Path("/")) -> Evidence:
    """What the device files below `root`, the packages and the environment tell."""
    driver_file = root / "proc/driver/nvidia/version"
    text = driver_file.read_text(errors="replace") if driver_file.is_file() else ""
    found = re.search(r"\b(\d{3})\.\d+", text)
    devices = root / "dev"
    return Evidence(
        nvidia=bool(text) or any(devices.glob("nvidia[0-9]*")),
        driver=int(found[1]) if found else None,
        tpu=any(devices.glob("accel[0-9]*")) or "TPU_NAME" in environ,
        amd=(devices / "kfd").exists(),
        plugins=tuple(name for name in PLUGINS if _installed(name)),
        platforms=environ.get("JAX_PLATFORMS", ""),
    )


def explain(used: Iterable[str], seen: Evidence) -> tuple[str, str]:
    """What to say of accelerators, and what to do; the second is empty where nothing is amiss.

    `used` are the platforms of JAX's devices.

    >>> explain({"cpu"}, Evidence(nvidia=True, driver=570))[1]
    "pip install 'einlab[cuda12]' (driver 570)"
    """
    used = set(used)
    if used & {"gpu", "cuda", "rocm", "tpu"}:
        return "in use", ""
    kind = "NVIDIA GPU" if seen.nvidia else "TPU" if seen.tpu else "AMD GPU" if seen.amd else ""
    if not kind:
        return "none found", ""
    wanted = {"NVIDIA GPU": ("cuda", "gpu"), "TPU": ("tpu",), "AMD GPU": ("rocm", "gpu")}[kind]
    named = [name.strip() for name in seen.platforms.lower().split(",") if name.strip()]
    if named and not set(named) & set(wanted):
        return (
            f"{kind}, unused",
            f"JAX_PLATFORMS={seen.platforms} keeps JAX from the {kind}; unset it",
        )
    return f"{kind}, unused", _advice(kind, seen)


def _advice(kind: str, seen: Evidence) -> str:
    """What to install, or what else may be wrong if it is installed."""
    if kind == "AMD GPU":
        return "einlab has no extra for ROCm: install jax with its ROCm plugin (docs.jax.dev)"
    if kind == "TPU":
        missing = "libtpu" not in seen.plugins
        return "pip install 'einlab[tpu]'" if missing else "another process may hold the TPU"
    extra = _cuda_extra(seen.driver)
    if not extra:
        return f"driver {seen.driver} is older than CUDA 12 needs ({CUDA_DRIVERS['cuda12']})"
    if not any("cuda" in name for name in seen.plugins):
        told = f" (driver {seen.driver})" if seen.driver else ""
        return f"pip install 'einlab[{extra}]'{told}"
    return (
        f"{seen.plugins[0]} is installed, yet JAX did not start the GPU: see the messages of "
        "python -c 'import jax; jax.devices(\"cuda\")'"
    )


def _cuda_extra(driver: int | None) -> str:
    """The newest CUDA extra that a driver can run; the widest one if the driver is not known."""
    if driver is None:
        return "cuda12"
    return next((extra for extra, oldest in CUDA_DRIVERS.items() if driver >= oldest), "")


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
