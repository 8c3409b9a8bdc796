"""What a client sent, as the gateway sees it."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request. Header names are lower case, in the order and number they came in."""

    method: str
    raw_path: str
    raw_query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    protocol: str = "HTTP/1.1"
    scheme: str = "http"
    source_ip: str = "127.0.0.1"
    port: int = 80

    def header(self, name: str) -> str | None:
        """All values of a header joined with a comma, or None."""
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else None

    @cached_property
    def query(self) -> dict[str, str]:
        """Decoded parameters; a name that came twice has its values joined with a comma."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.raw_query, keep_blank_values=True):
            found[name] = f"{found[name]},{value}" if name in found else value
        return found

    @property
    def head_bytes(self) -> int:
        """Size of the request line and the headers on the wire."""
        target = self.raw_path + (f"?{self.raw_query}" if self.raw_query else "")
        line = len(f"{self.method} {target} {self.protocol}\r\n".encode())
        return line + sum(len(f"{name}: {value}\r\n".encode()) for name, value in self.headers)
