"""A visitor without a browser: speaks to the app over its own protocol.

What a browser would show is what was sent: elements by their place on the page. A visitor presses,
chooses and drops files as a person does, and reads what there is.
"""

import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

ROOT = Path(__file__).parents[1]
PATIENCE = 600.0
START = 60.0
COMPLETE = "All maps are complete"


@contextmanager
def serving(
    script: str = "app.py", folder: Path = ROOT, environment: dict[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """A page that runs: its address, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}"]
    process = subprocess.Popen(
        [*command, "--server.headless=true"], cwd=folder, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + START
    try:
        while not _answers(port):
            assert process.poll() is None, "The server ended before it answered."
            assert time.monotonic() < deadline, f"The server did not answer within {START:.0f} s."
            time.sleep(0.05)
        yield f"localhost:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Visitor:
    """One session of the app.

    Parameters
    ----------
    address : str
        Of the server: host and port.
    query : str
        What follows the question mark of the link.

    Attributes
    ----------
    session : str
        What Streamlit knows it by.
    runs, finished : int
        How many times the page began to be drawn, and how many times it was drawn to its end.
    """

    def __init__(self, address: str, query: str = "") -> None:
        self._address, self._query = address, query
        self.session, self.runs, self.finished = "", 0, 0
        self._before = 0
        self._elements: dict[tuple[int, ...], Element] = {}
        self._states: dict[str, WidgetState] = {}
        self._replies: dict[str, Any] = {}
        self._news = threading.Condition()
        self._connect()
        self.ask()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def _connect(self) -> None:
        protocols = ["streamlit", *(["unused", self.session] if self.session else [])]
        self._held = ExitStack()
        self._line = self._held.enter_context(
            connect(
                f"ws://{self._address}/_stcore/stream",
                subprotocols=[Subprotocol(each) for each in protocols], max_size=None,
            )
        )  # fmt: skip
        threading.Thread(target=self._listen, args=(self._line,), daemon=True).start()

    def drop(self) -> None:
        """Close the connection, as a closed tab or a lost network does."""
        self._held.close()

    def come_back(self) -> None:
        """Connect again to the same session, if the server still has it."""
        self._connect()

    def ask(self, pressed: str = "") -> None:
        """Have the page drawn again, by pressing the button of that id or without."""
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string = self._query
        rerun.widget_states.widgets.extend(self._states.values())
        if pressed:
            rerun.widget_states.widgets.add(id=pressed, trigger_value=True)
        self._before = self.runs
        self._line.send(message.SerializeToString())

    def press(self, label: str) -> None:
        """Press the button that says so."""
        (found,) = [each for each in self.labelled("button", label) if not each.disabled]
        self.ask(found.id)

    def choose(self, label: str, *options: int) -> None:
        """Choose among the pills, or the segments, under a label, by their places."""
        (found,) = self.labelled("button_group", label)
        state = WidgetState(id=found.id)
        state.string_array_value.data.extend(found.options[place].content for place in options)
        self._set(state)

    def type(self, label: str, number: float) -> None:
        """Write a number into the last field under a label."""
        *_, found = self.labelled("number_input", label)
        state = WidgetState(id=found.id)
        state.double_value = number
        self._set(state)

    def _set(self, state: WidgetState) -> None:
        self._states[state.id] = state
        self.ask()

    def bring(self, label: str, files: Sequence[tuple[str, bytes]]) -> None:
        """Drop files, by name and content, into the uploader under a label."""
        (found,) = self.labelled("file_uploader", label)
        message = BackMsg()
        request = message.file_urls_request
        request.request_id, request.session_id = str(uuid.uuid4()), self.session
        request.file_names.extend(name for name, _ in files)
        self._line.send(message.SerializeToString())
        self.until(lambda: request.request_id in self._replies)
        state = WidgetState(id=found.id)
        places = self._replies[request.request_id].file_urls
        for place, (name, content) in zip(places, files, strict=True):
            _put(f"http://{self._address}", place.upload_url, name, content)
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.file_id, info.name, info.size = place.file_id, name, len(content)
            info.file_urls.CopyFrom(place)
        self._set(state)

    def shown(self, kind: str) -> list[Element]:
        """What stands on the page of a kind, as Streamlit's protocol calls it, from the top."""
        with self._news:
            return [
                element
                for _, element in sorted(self._elements.items())
                if element.WhichOneof("type") == kind
            ]

    @property
    def text(self) -> str:
        """All that can be read on the page, but for charts and controls."""
        said = [each.markdown.body for each in self.shown("markdown")]
        said += [each.heading.body for each in self.shown("heading")]
        return "\n".join(said + [each.alert.body for each in self.shown("alert")])

    @property
    def charts(self) -> list[str]:
        """What the charts say of themselves."""
        return [each.plotly_chart.alt for each in self.shown("plotly_chart")]

    def labelled(self, kind: str, label: str) -> list[Any]:
        """The controls of a kind under a label, from the top."""
        return [
            control
            for element in self.shown(kind)
            if (control := getattr(element, kind)).label == label
        ]

    def offers(self, label: str) -> bool:
        """Whether there is a button that says so and can be pressed."""
        return any(not each.disabled for each in self.labelled("button", label))

    def until(self, seen: Callable[[], bool], patience: float = PATIENCE) -> float:
        """Wait until something is there; the seconds that it took.

        Raises
        ------
        TimeoutError
            If it does not come.
        """
        started = time.monotonic()
        with self._news:
            while not seen():
                left = started + patience - time.monotonic()
                if left <= 0 or not self._news.wait(left):
                    raise TimeoutError(f"Not within {patience:.0f} s: {self.text[-400:]}")
        return time.monotonic() - started

    def settled(self, patience: float = PATIENCE) -> float:
        """Wait until the page that was asked for last is drawn to its end; the seconds."""
        return self.until(lambda: self.runs > self._before and self.finished == self.runs, patience)

    def _listen(self, line: ClientConnection) -> None:
        try:
            for sent in line:
                message = ForwardMsg()
                message.ParseFromString(sent)
                with self._news:
                    self._take(message)
                    self._news.notify_all()
        except ConnectionClosed:
            pass

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id
            self.runs += 1
            self._elements = {}
        elif kind == "script_finished":
            self.finished = self.runs
        elif kind == "file_urls_response":
            self._replies[message.file_urls_response.response_id] = message.file_urls_response
        elif kind == "delta":
            self._put(tuple(message.metadata.delta_path), message.delta)

    def _put(self, place: tuple[int, ...], delta: Any) -> None:
        if delta.WhichOneof("type") == "add_block":
            self._elements.pop(place, None)
        elif delta.WhichOneof("type") == "new_element":
            below = [each for each in self._elements if each[: len(place)] == place]
            for each in below:
                del self._elements[each]
            self._elements[place] = delta.new_element


def _put(server: str, path: str, name: str, content: bytes) -> None:
    """Send a file as a browser does: with the token that the server gave it."""
    with urllib.request.urlopen(f"{server}/_stcore/health", timeout=START) as answer:
        cookie = answer.headers["Set-Cookie"].split(";")[0]
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Cookie": cookie,
        "X-Xsrftoken": cookie.partition("=")[2],
    }
    sent = urllib.request.Request(f"{server}{path}", body, headers, method="PUT")
    with urllib.request.urlopen(sent, timeout=START):
        pass
