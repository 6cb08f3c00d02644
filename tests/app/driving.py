"""How the tests of the app drive it."""

from pathlib import Path

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from explainers import METHODS

APP = Path(__file__).parents[2] / "app.py"
FEW = {"saliency-samples": 4, "lime-samples": 60, "kernel-shap-samples": 60, "rise-masks": 40}


def open_app(page: str | None = None, **query: str | list[str]) -> AppTest:
    """The app at an address, with few samples so that it is quick."""
    app = AppTest.from_file(APP, default_timeout=300)
    if page is not None:
        app.switch_page(page)
    for name, value in query.items():
        app.query_params[name] = value
    for name, value in FEW.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception
    return app


def class_menu(app: AppTest) -> Selectbox:
    """The choice of the class, whose key depends on the picture and the classifier."""
    (menu,) = (menu for menu in app.selectbox if menu.label == "Class to explain")
    return menu


def captions(app: AppTest) -> str:
    return "\n".join(caption.value for caption in app.caption)


def methods_named(app: AppTest) -> list[str]:
    """The headings of the cards on Compare."""
    titles = [method.title for method in METHODS]
    return [each.value for each in app.main.header if each.value in titles]
