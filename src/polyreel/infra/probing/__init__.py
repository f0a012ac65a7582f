"""The child half of `infra.probe`: libav reads a foreign file here, in a process that may crash.

Start-up is paid for every upload, so nothing is imported but the standard library, PyAV and the
constants of `infra.accepted`.
"""
