"""`polyreel`, and `python -m polyreel`. What starts a server, and the long-running processes, come without
the libraries of all other commands.
"""

import sys

__all__ = ["main"]


def main() -> int:
    """Run one of the server's own processes, or else the command line; errors a person can act on are
    one line and exit code 1.
    """
    from polyreel.kit.errors import AppError
    from polyreel.kit.garbage import wait_with_collecting
    from polyreel.settings import SettingsError

    wait_with_collecting()
    try:
        if len(sys.argv) > 2 and sys.argv[1] == "process":
            return _process(sys.argv[2], sys.argv[3:])
        _command()
    except (AppError, SettingsError) as error:
        sys.stderr.write(f"polyreel: {error}\n")
        return 1
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
    """`supervisor`, `prepare`, `alone ROLE [LANES]`, `web [held]`, `worker [first]`; ROLE: web or worker."""
    from polyreel import serve
    from polyreel.settings import load_settings

    settings = load_settings()
    match name, given:
        case "supervisor", []:
            return serve.run_supervisor(settings)
        case "prepare", []:
            return serve.run_prepare(settings, "web")
        case "alone", ["web"]:
            return serve.run_alone(settings, "web")
        case "alone", ["worker", *lanes]:
            return serve.run_alone(settings, "worker", lanes or None)
        case "web", [] | ["held"]:
            return serve.run_web(settings, is_held=bool(given))
        case "worker", [] | ["first"]:
            return serve.run_worker(settings, prepares="web" if given else None)
        case _:
            sys.stderr.write(f"polyreel: there is no process {name} {given}\n")
            return 1


if __name__ == "__main__":
    sys.exit(main())
