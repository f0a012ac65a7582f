"""`python -m polyreel`. The long-running processes start without the command line's libraries."""

import sys


def main() -> int:
    """Run one of the server's own processes, or else the command line."""
    if len(sys.argv) > 2 and sys.argv[1] == "process":
        return _process(sys.argv[2], sys.argv[3:])
    from polyreel.cli import main as command_line

    command_line()
    return 0


def _process(name: str, given: list[str]) -> int:
    """`supervisor`, `prepare ROLE`, `alone ROLE [LANES]`, `web`, `worker`; ROLE: web or worker."""
    from polyreel import serve
    from polyreel.settings import SettingsError, load_settings

    try:
        settings = load_settings()
        match name, given:
            case "supervisor", []:
                return serve.run_supervisor(settings)
            case "prepare", ["web" | "worker" as role]:
                return serve.run_prepare(settings, role)
            case "alone", ["web"]:
                return serve.run_alone(settings, "web")
            case "alone", ["worker", *lanes]:
                return serve.run_alone(settings, "worker", lanes or None)
            case "web", []:
                return serve.run_web(settings)
            case "worker", []:
                return serve.run_worker(settings)
            case _:
                sys.stderr.write(f"polyreel: there is no process {name} {given}\n")
    except SettingsError as error:
        sys.stderr.write(f"polyreel: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
