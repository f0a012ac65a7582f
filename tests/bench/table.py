"""A table of measured values beside their goals, printed as it grows."""


class Table:
    """One benchmark's rows: what, measured, compared with, and whether its goal was met."""

    def __init__(self, title: str) -> None:
        self.missed: list[str] = []
        print(f"\n\n{title}")

    def row(self, what: str, value: str, beside: str = "", *, goal: str = "", met: bool = True):
        """Print one line; `goal` says in words what was wanted, empty for a figure by the way."""
        verdict = "" if not goal else f"goal {goal}: {'met' if met else 'MISSED'}"
        print(f"  {what:<46} {value:>14}  {beside:<42} {verdict}".rstrip(), flush=True)
        if not met:
            self.missed.append(f"{what} {value} (goal {goal})")

    def note(self, text: str) -> None:
        """Print a remark."""
        print(f"  {text}", flush=True)
