"""Floor 8: what the last bits of a number depend on besides code, config and data."""

import platform
from pathlib import Path

import torch


def machine() -> dict[str, str | None]:
    """Processor, its vector instructions as torch uses them, GPU and system."""
    return {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str | None:
    listed = Path("/proc/cpuinfo")
    if listed.is_file():  # Linux; platform.processor() is empty there
        for line in listed.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or None
