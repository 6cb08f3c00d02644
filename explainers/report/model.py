"""The check-up of a model in words: what it is, and whether it is fed right."""

from explainers.classifiers.check_up import LARGEST, CheckUp, Fed
from explainers.classifiers.scaling import AS_THEY_ARE
from explainers.report.telling import Marks
from explainers.words import number


def facts_of(found: CheckUp) -> dict[str, str]:
    """What the model is, a line each; not marked up."""
    rows, columns, channels = found.input
    grids = [layer for layer in found.layers if layer.convolution]
    facts = {
        "Kind": found.kind,
        "Head": found.head,
        "Input": f"{rows} × {columns}, {'grey' if channels == 1 else 'red, green and blue'}",
        "Scaling inside": found.rescaling or "none",
        "Parameters": f"{found.parameters:,}",
        "Layers": f"{len(found.layers)}, {len(grids)} of them convolutions",
    }
    if grids:
        facts["Finest and coarsest"] = " to ".join(
            f"{layer.grid[0]} × {layer.grid[1]}" for layer in (grids[0], grids[-1])
        )
    return facts


def given_in_words(fed: Fed) -> str:
    """The least and the largest number that the network is given."""
    low, high = fed.given
    return f"{number(low)} to {number(high)}"


def judged(found: CheckUp, marks: Marks, where: str = "") -> tuple[bool, str]:
    """Whether the scaling in use is the one that there is evidence for, and in words, marked up.

    Parameters
    ----------
    found : CheckUp
    marks : Marks
    where : str
        Where another one is chosen: ``" in the sidebar"``.
    """
    fits, said = _judged(found, where)
    return fits, marks.name(said)


def _judged(found: CheckUp, where: str) -> tuple[bool, str]:
    if found.rescaling:
        return found.fed.usual, _judged_inside(found, where)
    if found.likeliest is None:
        return False, (
            "Nothing in the model tells what it was trained on: choose the scaling of your "
            f"training{where}."
        )
    fits = found.likeliest.scaling == found.fed.scaling
    said = f"The model's memory of its training speaks for {found.likeliest.scaling.name}"
    return fits, said + (", which is in use." if fits else f": choose it{where}.")


def _judged_inside(found: CheckUp, where: str) -> str:
    """What a model that scales its pixels itself makes of them."""
    name = found.fed.scaling.name
    said = (
        f"The model scales its pixels itself, in its layer {found.rescaling!r}: of "
        f"{name} it makes {given_in_words(found.fed)}"
    )
    if found.fed.usual:
        return f"{said}, numbers as networks are usually given."
    said += (
        f". Networks are usually given about −{LARGEST:.0f} to {LARGEST:.0f}, spread over 1 or more"
    )
    better = [fed for fed in found.feedings if fed.usual]
    if not better:
        return (
            f"{said}. None of the common scalings comes to that, so it may be right, as 0..255 "
            "minus a mean is for networks of caffe: compare with your training."
        )
    fed = next((fed for fed in better if fed.scaling == AS_THEY_ARE), better[0])
    return f"{said}: {fed.scaling.name} comes to {given_in_words(fed)}; choose it{where}."
