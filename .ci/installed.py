"""Whether an installation is whole: run by its own Python, in a folder outside of the checkout."""

import sys
from pathlib import Path

from streamlit.testing.v1 import AppTest

import explainers
from explainers.command_line.app import app_file

site = Path(sys.prefix).resolve()
for path in (Path(explainers.__file__), app_file()):
    assert path.resolve().is_relative_to(site), f"{path} is not of this installation."
assert (app_file().parent / ".streamlit" / "config.toml").is_file(), "The config stayed behind."
app = AppTest.from_file(str(app_file()), default_timeout=300)
app.query_params["methods"] = "Grad-CAM"
app.run()
for page in ("", *sorted(path.name for path in (app_file().parent / "pages").glob("*.py"))):
    if page:
        app.switch_page(f"pages/{page}").run()
    assert not app.exception, f"{page or 'Compare'} fails: {app.exception}"
