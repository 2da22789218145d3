"""A meter for tests, which keeps what it was told."""

__all__ = ["Told"]


class Told:
    """The phases, the bytes of each part one after the other, and the parts that arrived."""

    def __init__(self) -> None:
        self.parts: dict[str, list[tuple[int, int]]] = {}
        self.phases: list[str] = []
        self.gone: set[str] = set()

    def phase(self, text: str) -> None:
        self.phases.append(text)

    def advance(self, part: str, done: int, total: int) -> None:
        self.parts.setdefault(part, []).append((done, total))

    def finish(self, part: str) -> None:
        for _, total in self.parts.get(part, [])[-1:]:
            self.parts[part].append((total, total))
        self.gone.add(part)

    def report_retry(self, cause: str, seconds: float) -> None:
        raise AssertionError(cause, seconds)

    def report_request(self, request: str) -> None: ...
