"""Regions of a picture: how they are chosen, and what is seen where they are hidden.

A region is an ``(h, w)`` bool array. Places are told in cells of an n x n grid laid over the
picture, cell i from i - 0.5 to i + 0.5, so that a place means the same at every resolution.
"""

from collections.abc import Sequence

import numpy as np
import scipy
from skimage import draw

FILLS = ("superpixel mean", "black", "white", "grey", "blur")
PLAIN_FILLS = tuple(fill for fill in FILLS if fill != "superpixel mean")
"""Those that need no superpixels."""
REGION_FILLS = (
    "blur", "black", "white", "grey", "picture mean", "region mean", "noise", "inpainting",
)  # fmt: skip

Shape = tuple[int, int]

_FLAT = {"black": 0.0, "grey": 127.5, "white": 255.0}


def fill_picture(pixels: np.ndarray, fill: str, segments: np.ndarray | None = None) -> np.ndarray:
    """A picture to take the hidden regions from.

    Parameters
    ----------
    pixels : (h, w, 3) float32 ndarray
        RGB in 0..255.
    fill : str
        One of `FILLS`. Blur is a Gaussian of a twentieth of the longer side.
    segments : (h, w) int ndarray, optional
        The superpixel of every pixel, 0 to k - 1; only their mean needs them.

    Returns
    -------
    (h, w, 3) float32 ndarray

    Raises
    ------
    ValueError
        If there is no such fill, or no superpixels to take the mean of.
    """
    if fill in _FLAT:
        return np.full_like(pixels, _FLAT[fill])
    if fill == "superpixel mean":
        if segments is None:
            raise ValueError("Without superpixels there is no superpixel mean to fill with.")
        return _means(pixels, segments)[segments]
    if fill == "blur":
        return _blurred(pixels)
    raise ValueError(f"A region can be filled with {', '.join(FILLS)}, but not with {fill!r}.")


def hide(pixels: np.ndarray, region: np.ndarray, fill: str) -> np.ndarray:
    """The picture with a region hidden.

    Parameters
    ----------
    pixels : (h, w, 3) float32 ndarray
        RGB in 0..255.
    region : (h, w) bool ndarray
        What is hidden; to keep only a region, give its complement.
    fill : str
        One of `REGION_FILLS`. Noise is uniform and seeded; inpainting is the smoothest surface
        over the region, :math:`\\Delta u = 0`, that meets the picture at its border.

    Returns
    -------
    (h, w, 3) float32 ndarray

    Raises
    ------
    ValueError
        If there is no such fill.
    """
    if fill not in REGION_FILLS:
        known = ", ".join(REGION_FILLS)
        raise ValueError(f"A region can be filled with {known}, but not with {fill!r}.")
    if not region.any():
        return pixels.copy()
    if fill in _FLAT:
        seen: np.ndarray = np.full_like(pixels, _FLAT[fill])
    elif fill == "blur":
        seen = _blurred(pixels)
    elif fill == "noise":
        seen = np.random.default_rng(0).uniform(0, 255, pixels.shape)
    elif fill == "inpainting":
        return _inpainted(pixels, region)
    else:
        mean = pixels.mean(axis=(0, 1)) if fill == "picture mean" else pixels[region].mean(axis=0)
        seen = np.broadcast_to(mean, pixels.shape)
    return np.where(region[..., None], seen, pixels).astype(np.float32)


def seen_through(pixels: np.ndarray, filled: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """A picture through each of several masks: where a mask is 0, what it is filled with is seen.

    Parameters
    ----------
    pixels, filled : (h, w, 3) float32 ndarray
    masks : (n, h, w) ndarray
        How much of the picture is seen at each place, in 0..1.

    Returns
    -------
    (n, h, w, 3) float32 ndarray
    """
    return filled + masks.astype(np.float32)[..., None] * (pixels - filled)


def box(shape: Shape, across: Sequence[float], down: Sequence[float], n: int = 14) -> np.ndarray:
    """The pixels whose centres lie in a box.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the picture.
    across, down : two floats
        The box's sides in cells of the n x n grid, in either order.
    n : int
    """
    rows, columns = _centres(shape, n)
    inside_rows = (rows >= min(down)) & (rows <= max(down))
    inside_columns = (columns >= min(across)) & (columns <= max(across))
    return inside_rows[:, None] & inside_columns


def lasso(shape: Shape, xs: Sequence[float], ys: Sequence[float], n: int = 14) -> np.ndarray:
    """The pixels inside a polygon with corners in cells of the n x n grid."""
    corners = [
        ((y + 0.5) / n * shape[0] - 0.5, (x + 0.5) / n * shape[1] - 0.5)
        for x, y in zip(xs, ys, strict=True)
    ]
    return draw.polygon2mask(shape, corners) if len(corners) > 2 else np.zeros(shape, bool)


def cell(shape: Shape, row: int, column: int, n: int = 14) -> np.ndarray:
    """The pixels of one cell of the n x n grid."""
    return box(shape, (column - 0.5, column + 0.5), (row - 0.5, row + 0.5), n)


def cells(shape: Shape, n: int = 14) -> np.ndarray:
    """The cell of an n x n grid that every pixel lies in, ``shape`` int32.

    Where a side has fewer pixels than n, each of them is a cell.
    """
    rows, columns = (np.arange(side) * min(n, side) // side for side in shape)
    return (rows[:, None] * min(n, shape[1]) + columns).astype(np.int32)


def as_boxes(region: np.ndarray) -> list[tuple[int, int, int, int]]:
    """A region as boxes that share no pixel, as few rows of them as it has different ones.

    Parameters
    ----------
    region : (h, w) bool ndarray

    Returns
    -------
    list of tuple of int
        Of each its first row, the row after its last, its first column and the column after its
        last; sorted.
    """
    found, growing = [], dict[tuple[int, int], int]()
    for row, line in enumerate([*region, np.zeros(region.shape[1], bool)]):
        edges = np.flatnonzero(np.diff(line, prepend=False, append=False)).tolist()
        runs = list(zip(edges[::2], edges[1::2], strict=True))
        found += [(top, row, *run) for run, top in growing.items() if run not in runs]
        growing = {run: growing.get(run, row) for run in runs}
    return sorted(found)


def of_boxes(shape: Shape, boxes: Sequence[Sequence[int]]) -> np.ndarray:
    """The region that some boxes cover, ``shape`` bool; the inverse of `as_boxes`."""
    region = np.zeros(shape, bool)
    for top, end, left, right in boxes:
        region[top:end, left:right] = True
    return region


def hottest(heatmap: np.ndarray, share: float) -> np.ndarray:
    """The pixels with the largest values of a map.

    Parameters
    ----------
    heatmap : (h, w) ndarray
    share : float
        How much of the area, in 0..1. Values that are not positive, or as cold as the coldest,
        are never among them; all pixels that tie with the last are.
    """
    count = max(1, round(share * heatmap.size))
    least = np.partition(heatmap.ravel(), -count)[-count]
    return (heatmap >= least) & (heatmap > max(0, heatmap.min()))


def resized(region: np.ndarray, shape: Shape) -> np.ndarray:
    """The same region at another resolution."""
    rows, columns = (
        np.arange(size) * own // size for size, own in zip(shape, region.shape, strict=True)
    )
    return region[np.ix_(rows, columns)]


def _centres(shape: Shape, n: int) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = ((np.arange(side) + 0.5) * n / side - 0.5 for side in shape)
    return rows, columns


def _blurred(pixels: np.ndarray) -> np.ndarray:
    sigma = max(pixels.shape[:2]) / 20
    return scipy.ndimage.gaussian_filter(pixels, (sigma, sigma, 0), mode="nearest")


def _means(pixels: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The mean colour of each segment, ``(k, 3)`` float32."""
    flat = segments.ravel()
    sums = [np.bincount(flat, channel.ravel()) for channel in np.moveaxis(pixels, -1, 0)]
    return (np.stack(sums, axis=-1) / np.bincount(flat)[:, None]).astype(np.float32)


def _inpainted(pixels: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Each hidden pixel the mean of its neighbours, solved for all at once."""
    if region.all():
        return np.broadcast_to(pixels.mean(axis=(0, 1)), pixels.shape).astype(np.float32)
    count = int(region.sum())
    number = np.full(region.shape, -1)
    number[region] = np.arange(count)
    rows, columns = np.nonzero(region)
    neighbours = np.zeros(count)
    known = np.zeros((count, 3))
    links: list[tuple[np.ndarray, np.ndarray]] = []
    for down, across in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        r, c = rows + down, columns + across
        there = (r >= 0) & (r < region.shape[0]) & (c >= 0) & (c < region.shape[1])
        neighbours += there
        r, c, own = r[there], c[there], number[rows[there], columns[there]]
        hidden = region[r, c]
        links.append((own[hidden], number[r[hidden], c[hidden]]))
        np.add.at(known, own[~hidden], pixels[r[~hidden], c[~hidden]])
    at, to = (np.concatenate(side) for side in zip(*links, strict=True))
    matrix = scipy.sparse.diags(neighbours) - scipy.sparse.coo_matrix(
        (np.ones(len(at)), (at, to)), (count,) * 2
    )
    filled = pixels.copy()
    filled[region] = scipy.sparse.linalg.spsolve(matrix.tocsc(), known)
    return filled
