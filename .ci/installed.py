"""Whether an installation is whole: run by its own Python, in a folder outside of the checkout."""

import sys
from pathlib import Path

from streamlit.testing.v1 import AppTest

import explainers
from explainers.command_line.app import app_file

site = Path(sys.prefix).resolve()
for path in (Path(explainers.__file__), app_file()):
    assert path.resolve().is_relative_to(site), f"{path} is not of this installation."
home = app_file().parent
assert (home / ".streamlit" / "config.toml").is_file(), "The config stayed behind."
for page in (None, *sorted((home / "pages").glob("*.py"))):
    app = AppTest.from_file(str(app_file()), default_timeout=300)
    if page is not None:
        app.switch_page(f"pages/{page.name}")
    app.query_params["methods"] = ["Grad-CAM"]
    app.run()
    assert not app.exception, f"{page or home / 'app.py'}: {app.exception}"
    print(page or app_file())
