"""A command that looks like a survey's run, for tests of what starts it: it asks no network.

It counts pictures as fast as it is told to, writes ``progress.json`` as a run does, and starts a
child of its own, as Dask starts workers. What it does is said by the names of its pictures' folder.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from explainers.survey.table import replacing

TICK = 0.05


def main() -> None:
    _, command, folder, *rest = sys.argv
    assert command == "survey"
    out = Path(rest[rest.index("--out") + 1])
    total = len([path for path in Path(folder).rglob("*") if path.is_file()])
    before = out / "survey.json"
    done = json.loads(before.read_text())["done"] if before.exists() else 0
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (out / "workers").write_text(f"{os.getpid()} {worker.pid}")
    mood = Path(folder).name
    if mood == "broken":
        raise SystemExit("The pictures are all gone.")
    state = "looking"
    try:
        while done < total:
            time.sleep(TICK)
            done += 1
            _tell(out, state, done, total)
        state = "done"
    except KeyboardInterrupt:
        while mood == "stubborn":
            time.sleep(TICK)
        state = "stopped"
    finally:
        if mood != "stubborn":
            worker.kill()
    before.write_text(json.dumps({"done": done}))
    _tell(out, state, done, total)


def _tell(out: Path, state: str, done: int, total: int) -> None:
    told = {
        "state": state, "done": done, "total": total, "failed": 0, "rate": 1 / TICK,
        "left": (total - done) * TICK, "message": "", "updated": time.time(), "pid": os.getpid(),
    }  # fmt: skip
    with replacing(out / "progress.json") as unfinished:
        unfinished.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
