"""How Grad-CAM comes about, on screen: each step with its formula and its real numbers."""

import numpy as np
import streamlit as st

from explainers import GradCam
from explainers.images.contact_sheet import contact_sheet
from explainers.network.grad_cam_steps import GradCamSteps, grad_cam_steps
from pages.parts import cache
from pages.parts.figures import CELLS, QUIET, WHOLE, map_figure, matrix_figure
from pages.parts.frame import Selection, screen_theme
from pages.parts.network.feature_maps import TILE, choose_layer, tiles_of
from pages.parts.plots import weights_figure
from pages.parts.words import escaped, in_words, number

SHOWN = 16
HEIGHT = 230
MATRIX = 420


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
    names = ", ".join(str(channel) for channel in strongest)

    st.markdown(f"##### 1 · The layer has {count:,} channels of {rows} × {columns} cells")
    st.latex("A^k, \\quad k = 0 \\dots " + str(count - 1))
    _draw_sheet(selection, steps.activations[..., strongest], "Before weighting", names)

    st.markdown(f"##### 2 · How much the logit of {label} depends on each")
    st.latex(
        "\\alpha_k = \\frac{1}{" + f"{rows} \\cdot {columns}" + "} \\sum_{i,j} "
        "\\frac{\\partial y}{\\partial A^k_{ij}}"
    )
    _draw_weights(steps)

    st.markdown("##### 3 · Each channel times its weight")
    st.latex("\\alpha_k A^k")
    _draw_sheet(selection, steps.weighted[..., strongest], "After weighting", names)

    st.markdown("##### 4 · All channels together, and only what speaks for it")
    st.latex("L = \\mathrm{ReLU}\\Big(\\sum_k \\alpha_k A^k\\Big)")
    _draw_sum(selection, steps)

    st.markdown(f"##### 5 · The {CELLS} × {CELLS} matrix that Compare shows for this layer")
    _draw_matrix(selection, layer)


def _draw_sheet(selection: Selection, maps: np.ndarray, said: str, names: str) -> None:
    signed = bool(maps.min() < 0)
    limits = np.full(maps.shape[-1], np.abs(maps).max())
    tiles = tiles_of(maps, limits, selection.style, signed=signed)
    st.image(
        contact_sheet(tiles, SHOWN, TILE), width="stretch", alt=f"{said}: channels {names}",
        caption=f"{said}: the {maps.shape[-1]} channels that move the map most, {names}; one scale,"
        f" {number(float(maps.min()))} to {number(float(maps.max()))}.",
    )  # fmt: skip


def _draw_weights(steps: GradCamSteps) -> None:
    order = np.argsort(-steps.weights, kind="stable")
    weights = steps.weights[order]
    st.plotly_chart(
        weights_figure(weights, order, theme=screen_theme()),
        theme=None, config=QUIET, key="weights", alt="The weights of all channels, sorted",
    )  # fmt: skip
    raising, lowering = order[weights > 0], order[weights < 0][::-1]
    said = f"As they grow, {len(raising):,} channels raise it and {len(lowering):,} lower it."
    for word, some in (("raise", raising[:3]), ("lower", lowering[:3])):
        listed = ", ".join(f"{k} ({number(float(steps.weights[k]))})" for k in some)
        said += f" Those that {word} it most: {listed}." if listed else ""
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
        ("Scaled to its largest value", scaled, 1.0, False),
        ("Over the picture", rectified, float(rectified.max()), True),
    )
    for column, (title, values, top, over) in zip(st.columns(4), maps, strict=True):
        with column:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                map_figure(
                    values, selection.picture, cache.address(selection.picture), selection.style,
                    signed=signed and values is partial, over_picture=over, limit=top, window=WHOLE,
                    height=min(HEIGHT, round(HEIGHT * selection.picture.aspect)),
                    theme=screen_theme(), zoomable=False,
                ),
                theme=None, config=QUIET, key=f"steps-{title[:5]}", alt=title,
            )  # fmt: skip
            st.caption(f"{number(float(values.min()))} to {number(float(values.max()))}")


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
    st.plotly_chart(
        matrix_figure(
            grid / float(np.abs(grid).max()), selection.style, signed=explanation.signed,
            limit=1.0, width=MATRIX, theme=screen_theme(),
        ),
        theme=None, config=QUIET, key="steps-matrix",
        alt=f"Grad-CAM as a {CELLS} by {CELLS} matrix",
    )  # fmt: skip
    rows, columns = explanation.heatmap.shape
    st.caption(
        f"{rows} × {columns} cells brought to {CELLS} × {CELLS} and divided by the largest value: "
        "0 to 1."
    )
