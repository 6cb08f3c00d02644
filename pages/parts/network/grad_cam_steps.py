"""How Grad-CAM comes about, on screen: each step with its formula and its real numbers."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import GradCam
from explainers.images.contact_sheet import contact_sheet
from explainers.network.grad_cam_steps import GradCamSteps, grad_cam_steps
from explainers.words import in_words, number
from pages.parts import cache
from pages.parts.figures import CELLS, QUIET, WHOLE, map_figure, matrix_figure
from pages.parts.frame import Selection, screen_theme
from pages.parts.network.feature_maps import TILE, choose_layer, tiles_of
from pages.parts.plots import weights_figure
from pages.parts.words import escaped

SHOWN, A_ROW = 16, 8
HEIGHT = 230
MATRIX = 360


def draw(selection: Selection) -> None:
    """From the channels of a layer to the matrix that Compare shows."""
    classifier, target = selection.classifier, selection.target
    if not classifier.convolutions:
        st.info(
            f"{escaped(classifier.title)} has no convolution, so Grad-CAM has nothing to look at.",
            icon=":material/info:",
        )
        return
    layer = choose_layer(classifier, "steps", classifier.layer().path)
    if layer is None:
        return
    steps = cache.inside(
        selection.picture, classifier, f"steps {layer} {target}",
        lambda: grad_cam_steps(classifier, selection.pixels, target, layer),
    )  # fmt: skip
    rows, columns, count = steps.activations.shape
    label = escaped(in_words(selection.prediction, target))
    strongest = steps.order[:SHOWN]

    with _step(f"1 · The layer has {count:,} channels of {rows} × {columns} cells",
               "A^k, \\quad k = 0 \\dots " + str(count - 1)):  # fmt: skip
        _draw_sheet(selection, steps.activations, strongest, "Before weighting")
    with _step(
        f"2 · How much the logit of {label} depends on each",
        "\\alpha_k = \\frac{1}{" + f"{rows} \\cdot {columns}" + "} \\sum_{i,j} "
        "\\frac{\\partial y}{\\partial A^k_{ij}}",
    ):
        _draw_weights(steps)
    with _step("3 · Each channel times its weight", "\\alpha_k A^k"):
        _draw_sheet(selection, steps.weighted, strongest, "After weighting")
    with _step(
        "4 · All channels together, and only what speaks for it",
        "L = \\mathrm{ReLU}\\Big(\\sum_k \\alpha_k A^k\\Big)",
    ):
        _draw_sum(selection, steps)
    with _step(f"5 · The {CELLS} × {CELLS} matrix that Compare shows for this layer"):
        _draw_matrix(selection, layer)


def _step(heading: str, formula: str | None = None) -> DeltaGenerator:
    """The heading of a step and its formula; and the place beside them for what comes of it."""
    left, right = st.columns([1, 2], gap="medium", vertical_alignment="center")
    with left:
        st.header(heading, anchor=False)
        if formula is not None:
            st.latex(formula)
    return right


def _draw_sheet(selection: Selection, maps: np.ndarray, shown: np.ndarray, said: str) -> None:
    """Some of the channels ``(h', w', c)``, on one scale."""
    some = maps[..., shown]
    limits = np.full(len(shown), np.abs(some).max())
    tiles = tiles_of(some, limits, selection.style, signed=bool(some.min() < 0))
    extent = f"{number(float(some.min()))} to {number(float(some.max()))}"
    st.image(
        contact_sheet(tiles, A_ROW, TILE), width="stretch",
        alt=f"{said}, the {len(shown)} channels that move the map most: {extent}, the highest in "
        f"channel {shown[some.max(axis=(0, 1)).argmax()]}",
    )  # fmt: skip
    st.caption(
        f"{said}: the {len(shown)} channels that move the map most, {', '.join(map(str, shown))}; "
        f"one scale, {extent}."
    )


def _draw_weights(steps: GradCamSteps) -> None:
    order = np.argsort(-steps.weights, kind="stable")
    weights = steps.weights[order]
    raising, lowering = order[weights > 0], order[weights < 0][::-1]
    said = f"As they grow, {len(raising):,} channels raise it and {len(lowering):,} lower it."
    for word, some in (("raise", raising[:3]), ("lower", lowering[:3])):
        listed = ", ".join(f"{k} ({number(float(steps.weights[k]))})" for k in some)
        said += f" Those that {word} it most: {listed}." if listed else ""
    st.plotly_chart(
        weights_figure(weights, order, theme=screen_theme()),
        theme=None, config=QUIET, key="weights",
        alt=f"The weights of {len(weights):,} channels, the largest first: "
        f"{number(float(weights[0]))} for channel {order[0]}, down to "
        f"{number(float(weights[-1]))} for channel {order[-1]}",
    )  # fmt: skip
    st.caption(said)


def _draw_sum(selection: Selection, steps: GradCamSteps) -> None:
    """The map as it forms, channel by channel, next to what it becomes."""
    count = len(steps.weights)
    taken = count
    if count > 1:
        taken = st.slider(
            "Channels added, those that move the map most first", 1, count, count,
            key=f"steps-count-{count}",
        )  # fmt: skip
    partial = steps.partial(taken)
    limit = max(float(np.abs(each).max()) for each in (steps.total, partial))
    signed = bool(steps.total.min() < 0)
    rectified = steps.rectified
    scaled = rectified / (float(rectified.max()) or 1.0)
    maps = (
        (f"Sum of {taken:,} of {count:,}", partial, limit, False),
        ("After the ReLU", rectified, float(rectified.max()), False),
        ("Scaled to 0 to 1", scaled, 1.0, False),
        ("Over the picture", rectified, float(rectified.max()), True),
    )
    for column, (title, values, top, over) in zip(st.columns(4), maps, strict=True):
        extent = f"{number(float(values.min()))} to {number(float(values.max()))}"
        row, place = np.unravel_index(np.abs(values).argmax(), values.shape)
        with column:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                map_figure(
                    values, selection.picture, cache.address(selection.picture), selection.style,
                    signed=signed and values is partial, over_picture=over, limit=top, window=WHOLE,
                    height=min(HEIGHT, round(HEIGHT * selection.picture.aspect)),
                    theme=screen_theme(), zoomable=False,
                ),
                theme=None, config=QUIET, key=f"steps-{title[:5]}",
                alt=f"{title}: {extent}, strongest in row {row}, column {place} of "
                f"{values.shape[0]} × {values.shape[1]} cells",
            )  # fmt: skip
            st.caption(extent)


def _draw_matrix(selection: Selection, layer: str) -> None:
    explainer = GradCam(layer=layer)
    run = cache.run(
        selection.picture, selection.classifier, selection.pixels, explainer, [selection.target]
    )
    while not run.finished:
        run.advance()
    explanation = explainer.interpret(run.latest, selection.target)
    if explanation.blank_reason:
        st.info(explanation.blank_reason, icon=":material/visibility_off:")
        return
    grid = explanation.grid(CELLS)
    row, column = np.unravel_index(np.abs(grid).argmax(), grid.shape)
    st.plotly_chart(
        matrix_figure(
            grid / float(np.abs(grid).max()), selection.style, signed=explanation.signed,
            limit=1.0, width=MATRIX, theme=screen_theme(),
        ),
        theme=None, config=QUIET, key="steps-matrix",
        alt=f"Grad-CAM as a {CELLS} by {CELLS} matrix: strongest in row {row}, column {column}; "
        f"half of that or more in {int((grid >= grid.max() / 2).sum())} of {grid.size} cells",
    )  # fmt: skip
    rows, columns = explanation.heatmap.shape
    st.caption(
        f"{rows} × {columns} cells brought to {CELLS} × {CELLS} and divided by the largest value: "
        "0 to 1."
    )
