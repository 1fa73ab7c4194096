"""What must never happen in any journey: script errors, refused content, strangers, broken answers."""

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response

#: The browser's own notes: on a status that a page gives on purpose, such as 422 with what to correct, and
#: on a line that a test has cut.
NOTES = (
    "Failed to load resource: the server responded with a status of 4",
    "Failed to load resource: net::ERR_FAILED",
)
#: What a page is told while a media node is away, and asks again: how tests that kill one excuse it.
AWAY = "/video/", "/desk/video/"


class Watch:
    """Notes what goes wrong in all pages of one browser."""

    def __init__(self, context: BrowserContext, address: str, *, media_dies: bool = False) -> None:
        self.wrong: list[str] = []
        self._media_dies = media_dies
        self._host = urlsplit(address).netloc
        context.on("console", self._console)
        context.on("weberror", lambda error: self.wrong.append(f"script: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        away = self._media_dies and "the server responded with a status of 503" in message.text
        if message.type == "error" and not message.text.startswith(NOTES) and not away:
            self.wrong.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != self._host:
            self.wrong.append(f"third party: {request.url}")

    def _response(self, response: Response) -> None:
        away = self._media_dies and response.status == 503 and any(one in response.url for one in AWAY)
        if response.status >= 500 and not away:
            self.wrong.append(f"{response.status} from {response.url}")
