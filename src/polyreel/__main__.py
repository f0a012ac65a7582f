"""`python -m polyreel`. The long-running processes start without the command line's libraries."""

import sys

_PROCESSES = {"prepare": "run_prepare", "web": "run_web", "worker": "run_worker"}


def main() -> int:
    """Run one of the server's own processes, or else the command line."""
    if len(sys.argv) == 2 and sys.argv[1] in (*_PROCESSES, "supervise"):
        from polyreel import serve
        from polyreel.settings import SettingsError, load_settings

        run = getattr(serve, _PROCESSES.get(sys.argv[1], "run_supervisor"))
        try:
            return int(run(load_settings()))
        except SettingsError as error:
            sys.stderr.write(f"polyreel: {error}\n")
            return 1
    from polyreel.cli import main as command_line

    command_line()
    return 0


if __name__ == "__main__":
    sys.exit(main())
