"""A file can waste a few seconds and a piece of memory, and nobody else's."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainers.images import reading
from explainers.images.reading import MAX_BYTES, SECONDS, ImageError, read_image
from tests.images.test_reading import chunk, cornered, encoded, plain, png, refusal

ROOT = Path(__file__).parents[2]
GIGABYTE = 10**9
SLOW = "longer than"


def many_scans(count, side):
    """A progressive JPEG whose last scan, which changes nothing, comes again and again."""
    data = encoded(Image.new("L", (side, side), 90), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + b"\xff\xd9"


def with_segments(segment, count):
    data = encoded(plain(), "JPEG")
    return data[:2] + (b"\xff" + segment) * count + data[2:]


def with_chunks(name, content, count):
    return png(16, 12, 8, 0, bytes(17 * 12), chunk(name, content) * count)


def run_lengths(codes):
    """A bitmap of 6,000 x 6,000 pixels in run lengths, which Pillow unpacks in Python."""
    header = struct.pack("<IiiHHIIiiII", 40, 6000, 6000, 1, 8, 1, 0, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 1078) + header + bytes(range(256)) * 4 + codes


def with_comments(count):
    data = encoded(plain().quantize(2), "GIF")
    place = 13 + 3 * (2 << (data[10] & 7))
    return data[:place] + b"!\xfe" + b"\x01x" * count + b"\0" + data[place:]


def tiff(tags, rest):
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + rest


def many_tiles(count):
    """Single pixels, each a tile of its own."""
    size = [(256, 4, 1, 6000), (257, 4, 1, 6000), (322, 4, 1, 1), (323, 4, 1, 1)]
    kind = [(258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    return tiff([*size, *kind, (324, 4, count, 14 + 12 * 9)], struct.pack("<I", 8) * count)


def many_directories(count):
    data = encoded(plain("L", 9), "TIFF")
    start = int.from_bytes(data[4:8], "little")
    entries = data[start : start + 2 + 12 * int.from_bytes(data[start : start + 2], "little")]
    places = [start + number * (len(entries) + 4) for number in range(count)]
    chain = b"".join(entries + struct.pack("<I", place) for place in [*places[1:], 0])
    return data[:start] + chain + data[start + len(entries) + 4 :]


def many_frames(count):
    picture = encoded(plain(), "WEBP")[12:]
    frame = struct.pack("<6x3s3s4x", b"\x0f\0\0", b"\x0b\0\0") + picture
    frame = b"ANMF" + struct.pack("<I", len(frame)) + frame
    head = b"VP8X" + struct.pack("<I4B", 10, 2, 0, 0, 0) + b"\x0f\0\0\x0b\0\0"
    body = b"WEBP" + head + b"ANIM" + struct.pack("<I6x", 6) + frame * count
    return b"RIFF" + struct.pack("<I", len(body)) + body


ATTACKS = {
    "scans": lambda: many_scans(6000, 2000),
    "fill": lambda: b"\xff\xd8" + b"\xff" * (MAX_BYTES - 2),
    "exif": lambda: with_segments(b"\xe1\0\x09Exif\0\0x", 360_000),
    "comments": lambda: with_comments(12 * 2**20),
    "runs": lambda: run_lengths(b"\x01\x07" * 12 * 2**20),
    "jumps": lambda: run_lengths(b"\0\x02\0\0" * 6 * 2**20),
    "texts": lambda: with_chunks(b"tEXt", b"a\0", 1_700_000),
    "nothings": lambda: with_chunks(b"IDAT", b"", 2_000_000),
    "tiles": lambda: many_tiles(6_000_000),
}
"""Each takes seconds, and many of them far more than five, where nothing ends it."""
HARMLESS = {
    "directories": lambda: many_directories(20_000),
    "frames": lambda: many_frames(100_000),
}
"""They look like attacks, and are read at once: only the first picture is."""


def measured(folder, files, seconds):
    paths = [folder / f"{name}.png" for name in files]
    for path, make in zip(paths, files.values(), strict=True):
        path.write_bytes(make())
        assert path.stat().st_size <= MAX_BYTES
    told = subprocess.run(
        [sys.executable, "-m", "tests.images.measured", str(seconds), *map(str, paths)],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    return json.loads(told.stdout)


@pytest.fixture
def impatient(monkeypatch):
    """Pictures may take half a second."""
    monkeypatch.setattr(reading, "SECONDS", 0.5)


def test_no_file_takes_more_than_five_seconds_and_a_gigabyte(tmp_path):
    found = measured(tmp_path, {"scans": ATTACKS["scans"]}, SECONDS)["scans"]
    assert found["told"] == (
        "The picture takes longer than 4.5 s of processor time to decode: make it smaller, or "
        "save it again as an 8-bit PNG."
    )
    assert found["seconds"] < 5.3  # with the start of the process, once
    assert found["bytes"] < GIGABYTE


def test_what_makes_it_slow_makes_no_difference(tmp_path):
    for name, found in measured(tmp_path, ATTACKS, 0.8).items():
        assert SLOW in found["told"], name
        assert found["seconds"] < 1.6, name
        assert found["bytes"] < GIGABYTE, name


def test_what_is_not_looked_at_costs_nothing(tmp_path):
    for name, found in measured(tmp_path, HARMLESS, 0.8).items():
        assert found["told"] in ("(12, 16, 3)",), name


def test_memory_is_told_as_memory(monkeypatch):
    monkeypatch.setattr(reading, "MEMORY", 50_000_000)
    sentence = refusal(encoded(plain("L", 0, (6000, 6000)), "PNG"))
    assert sentence.startswith("The picture asks for more memory than the 50 MB that it may take")
    assert read_image(encoded(plain(), "PNG")).shape == (12, 16, 3)


def test_after_a_slow_one_the_next_is_read(impatient):
    slow = many_scans(3000, 2000)
    for _ in range(2):
        assert "longer than 0.5 s of processor time" in refusal(slow)
        np.testing.assert_array_equal(
            read_image(encoded(cornered(), "PNG")), np.asarray(cornered())
        )


def test_a_slow_one_holds_up_no_other(impatient):
    slow = threading.Thread(target=refusal, args=(many_scans(3000, 2000),))
    slow.start()
    for _ in range(5):
        assert read_image(encoded(plain(), "PNG")).shape == (12, 16, 3)
    assert slow.is_alive()
    slow.join()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "was ended from outside"),
        (signal.SIGSEGV, "makes its decoder break down"),
        (signal.SIGALRM, "was not decoded within 60 s"),
        (signal.SIGTERM, "that decodes pictures failed"),
    ],
)
def test_whatever_ends_it_is_said(number, words):
    decoder = reading._Decoder()
    threading.Timer(0.4, decoder._process.send_signal, [number]).start()
    with pytest.raises(ImageError, match=words):
        decoder.decode(many_scans(6000, 2000), 10**7)
    assert not decoder.ready
    decoder.end()


def test_one_that_ends_while_it_waits_is_replaced():
    read_image(encoded(plain(), "PNG"))
    for decoder in reading._idle:
        decoder._process.kill()
        decoder._process.wait()
    assert read_image(encoded(plain(), "PNG")).shape == (12, 16, 3)


def test_an_answer_that_nobody_waited_for_is_not_the_next_ones(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(reading._Decoder, "_received", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read_image(encoded(plain(), "PNG"))
    assert read_image(encoded(cornered(), "PNG")).shape == (16, 32, 3)


def test_a_machine_that_starts_no_process_is_no_fault_of_the_picture(monkeypatch):
    while reading._idle:
        reading._idle.pop().end()

    def refused(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refused)
    assert "starts no process to do it in" in refusal(encoded(plain(), "PNG"))


def test_it_ends_with_whoever_started_it(tmp_path):
    (tmp_path / "picture.png").write_bytes(encoded(plain(), "PNG"))
    script = (
        "import sys, time; from explainers.images import reading\n"
        "reading.read_image(sys.argv[1]); print(reading._idle[0]._process.pid, flush=True)\n"
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "picture.png")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as started:
        decoder = int(started.stdout.readline())
        assert going(decoder)
        started.kill()
    until = time.monotonic() + 5
    while going(decoder) and time.monotonic() < until:
        time.sleep(0.02)
    assert not going(decoder)


def going(process):
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


def test_a_fork_reads_its_own(tmp_path):
    """Two processes that wrote to the same connection would get each other's pictures."""
    for name, size in (("one", (16, 12)), ("other", (20, 30))):
        (tmp_path / f"{name}.png").write_bytes(encoded(plain(size=size), "PNG"))
    script = (
        "import os, sys; from explainers import read_image\n"
        "read_image(sys.argv[1]); child = os.fork(); mine = sys.argv[1 if child else 2]\n"
        "shapes = {read_image(mine).shape for _ in range(50)}\n"
        "assert shapes == {(12, 16, 3) if child else (30, 20, 3)}, shapes\n"
        "os._exit(0) if not child else sys.exit(os.waitpid(child, 0)[1])"
    )
    command = [sys.executable, "-c", script, tmp_path / "one.png", tmp_path / "other.png"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)


def test_a_large_picture_leaves_no_memory_behind():
    while reading._idle:
        reading._idle.pop().end()
    read_image(encoded(plain("L", 0, (6000, 6000)), "PNG"))
    (decoder,) = reading._idle
    until = time.monotonic() + 5
    while resident(decoder) > 40_000_000 and time.monotonic() < until:
        time.sleep(0.02)
    assert resident(decoder) < 40_000_000


def resident(decoder):
    pages = Path(f"/proc/{decoder._process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n(/etc/passwd) run", "an EPS drawing"),
        (b"\xc5\xd0\xd3\xc6" + bytes(99), "an EPS drawing"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b'<?xml version="1.0"?><svg/>', "an SVG drawing"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "an HEIC picture"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(99), "an HEIC picture"),
        (b"%PDF-1.7\n", "a PDF"),
        (encoded(plain(), "JPEG2000"), "a JPEG 2000 picture"),
        (encoded(plain(), "JPEG2000", no_jp2=True), "a JPEG 2000 picture"),
        (encoded(plain(), "ICO"), "an icon"),
    ],
)
def test_other_kinds_are_named_whatever_the_file_is_called(data, kind, tmp_path):
    (tmp_path / "picture.png").write_bytes(data)
    sentence = refusal(tmp_path / "picture.png")
    assert sentence.startswith(f"The file is {kind}")
    assert sentence.endswith("which is not read: use JPEG, PNG, GIF, WEBP, BMP, TIFF or AVIF.")


def test_what_could_call_a_program_is_not_there():
    script = (
        "import sys; sys.argv = ['']; from explainers.images import decoding\n"
        "from PIL import Image; print(*Image.OPEN)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"EPS", "WMF", "HDF5", "BUFR", "GRIB", "FITS"} & set(told.stdout.split())


def test_what_is_something_else_as_well_is_the_picture():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("run.js", "alert(1)")
    for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF"):
        data = encoded(cornered(), kind)
        np.testing.assert_array_equal(read_image(data + archive.getvalue()), read_image(data))
    gif = encoded(cornered().quantize(2), "GIF")
    script = gif[:13] + gif[13 : 13 + 3 * (2 << (gif[10] & 7))]
    rest = gif[len(script) :]
    both = script + b"!\xfe" + b"\x0f*/=1;alert(1)/*" + b"\0" + rest
    np.testing.assert_array_equal(read_image(both), read_image(gif))
