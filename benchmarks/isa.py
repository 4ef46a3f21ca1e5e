"""Instruction sets: ours forced, and peers limited to the same where they can be."""

from __future__ import annotations

import os

CHOICES = ("baseline", "avx2", "avx512")

# Beside baseline MKL, oneDNN and XLA may still use SSE4; PyTorch's own kernels are plain x86-64 then. XLA's
# limit is one of the code that XLA makes: YNNPACK, whose products it would call (JAX 0.10), takes AVX-512
# where there is some, and is left out.
NO_YNNPACK = "--xla_cpu_experimental_ynn_fusion_type="
LIMITS = {
    "baseline": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "MKL_CBWR": "COMPATIBLE",
        "XLA_FLAGS": f"--xla_cpu_max_isa=SSE4_2 {NO_YNNPACK}",
    },
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "MKL_CBWR": "AVX2",
        "XLA_FLAGS": f"--xla_cpu_max_isa=AVX2 {NO_YNNPACK}",
    },
    "avx512": {},
}


def environment(isa: str) -> dict[str, str]:
    """Return what to set before any library is loaded; flags that are there stay."""
    wanted = {"RECURRA_ISA": isa, **LIMITS[isa]}
    if "XLA_FLAGS" in wanted and wanted["XLA_FLAGS"] not in os.environ.get("XLA_FLAGS", ""):
        wanted["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {wanted['XLA_FLAGS']}".strip()
    elif "XLA_FLAGS" in wanted:
        wanted["XLA_FLAGS"] = os.environ["XLA_FLAGS"]
    return wanted


def limits_in_force() -> str:
    """Say what the peers are limited to, for the head of the tables."""
    names = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "XLA_FLAGS")
    found = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    return f"PyTorch and JAX limited by {', '.join(found)}; ONNX Runtime cannot be." if found else ""
