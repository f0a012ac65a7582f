"""`polyreel`, and `python -m polyreel`. What starts a server, and the long-running processes, come without
the libraries of all other commands.
"""

import sys

__all__ = ["main"]


def main() -> int:
    """Run one of the server's own processes, or else the command line; the exit code."""
    from polyreel.kit.garbage import wait_with_collecting
    from polyreel.settings import exit_code

    wait_with_collecting()
    return exit_code(_run)


def _run() -> int:
    if len(sys.argv) > 2 and sys.argv[1] == "process":
        return _process(sys.argv[2], sys.argv[3:])
    _command()
    return 0


def _command() -> None:
    from polyreel import starting

    names = [
        command.callback.__name__
        for command in starting.app.registered_commands
        if command.callback
    ]
    if sys.argv[1:2] and sys.argv[1] in names:
        starting.app()
        return
    from polyreel.cli import app
    from polyreel.kit.garbage import begin_collecting

    begin_collecting()
    app()


def _process(name: str, given: list[str]) -> int:
    """`server`, or `alone ROLE [LANES]`, where ROLE is web or worker."""
    from polyreel import serve
    from polyreel.settings import load_settings

    settings = load_settings()
    match name, given:
        case "server", []:
            return serve.run_supervisor(settings)
        case "alone", ["web"]:
            return serve.run_alone(settings, "web")
        case "alone", ["worker", *lanes]:
            return serve.run_alone(settings, "worker", lanes or None)
        case _:
            sys.stderr.write(f"polyreel: there is no process {name} {given}\n")
            return 1


if __name__ == "__main__":
    sys.exit(main())
