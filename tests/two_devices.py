"""A script run on two devices of a CPU, in a process of its own.

How many devices JAX has is settled when it starts, so a test that needs two cannot have them in the
process of the others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["run_on_two_devices"]


def run_on_two_devices(script: str) -> str:
    """What the script prints, without blanks at the ends; its own errors fail the test."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).resolve().parents[1],
        env={
            **os.environ,
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
            "JAX_PLATFORMS": "cpu",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()
