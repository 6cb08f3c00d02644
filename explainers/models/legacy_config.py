"""Configs of Keras 1, 2 and 3, said in the words of today's Keras.

What a model computes does not change; what it was trained with (initializers, regularizers,
constraints, number formats) is left out.
"""

import importlib
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from explainers.classifiers.errors import ModelError
from explainers.models.vocabulary import MODELS, SHAPES

Config = dict[str, Any]

TRAINING = ("initializer", "regularizer", "constraint")

KERAS_1_NAMES = {
    "Convolution2D": "Conv2D",
}
RENAMED = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "bias": "use_bias",
    "pool_size": "pool_size",
    "p": "rate",
    "alpha": "negative_slope",
    "batch_input_shape": "batch_shape",
}
RENAMED_FOR = {
    "negative_slope": ("LeakyReLU",),
    "batch_shape": ("InputLayer",),
    "rate": ("Dropout", "SpatialDropout2D"),
}
"""Names that mean something else elsewhere, and the layers for which they are renamed."""

ARITHMETIC = {
    "math.truediv": "divide",
    "math.divide": "divide",
    "math.multiply": "multiply",
    "math.subtract": "subtract",
    "math.add": "add",
    "__operators__.add": "add",
    "nn.bias_add": "add",
}
MERGES = {"add": "Add", "multiply": "Multiply", "subtract": "Subtract"}
FUNCTIONS = {
    "nn.relu": "relu",
    "nn.relu6": "relu6",
    "nn.silu": "silu",
    "nn.sigmoid": "sigmoid",
    "math.sigmoid": "sigmoid",
    "nn.softmax": "softmax",
    "identity": "linear",
    "cast": "linear",
}

_REVERSED = {"start": None, "stop": None, "step": -1}
BACKWARDS = ([{"class_name": "__ellipsis__", "config": None}, _REVERSED], ["Ellipsis", _REVERSED])
"""How Keras 2 wrote ``x[..., ::-1]``, the channels in reverse."""


def mend(config: Config, keras_version: str) -> Config:
    """A screened config as today's Keras reads it.

    Parameters
    ----------
    config : dict
        From `screen`; it is not changed.
    keras_version : str
        The version of Keras that wrote it.

    Raises
    ------
    ModelError
        If something in it has no equal in today's Keras.
    """
    return _mend_model(config, keras_version.startswith(("1", "2")))


def _mend_model(model: Config, legacy: bool) -> Config:
    inner = model["config"]
    if isinstance(inner, list):
        inner = {"name": "sequential", "layers": inner}
    if not isinstance(inner, dict) or not isinstance(inner.get("layers"), list):
        raise ModelError("The model's config lists no layers.")
    layers = [_mend_layer(layer, legacy) for layer in inner["layers"]]
    sequential = model["class_name"] == "Sequential"
    settings: Config = {
        "name": _plain(inner.get("name", "model")),
        "trainable": inner.get("trainable", True),
        "layers": layers,
    }
    if sequential:
        settings |= _built_at_once(layers, inner)
    else:
        settings |= {key: _ends(inner.get(key)) for key in ("input_layers", "output_layers")}
    if legacy and not sequential:
        _renumber_calls(settings)
        for key in ("input_layers", "output_layers"):
            if isinstance(settings[key], list) and len(settings[key]) == 1:
                (settings[key],) = settings[key]
    return {
        **_outside(model),
        "module": "keras" if sequential else "keras.src.models.functional",
        "class_name": "Sequential" if sequential else "Functional",
        "config": settings,
        "registered_name": None,
    }


def _ends(value: Any) -> Any:
    """A model's inputs or outputs; a single one that has a name of its own needs none."""
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return _named(value)


def _outside(layer: Config) -> Config:
    """The parts of an entry that tie it to others."""
    outside: Config = {}
    if "name" in layer:
        outside["name"] = _plain(layer["name"])
    if "inbound_nodes" in layer:
        outside["inbound_nodes"] = [_mend_node(node) for node in layer["inbound_nodes"]]
    return outside


def _renumber_calls(model: Config) -> None:
    """Count the calls of nested models from zero; Keras 2 counts their own making as the first."""
    nested = {
        layer["config"]["name"]: layer["class_name"]
        for layer in model["layers"]
        if layer["class_name"] in MODELS
    }
    outputs = model["output_layers"] or []
    outputs = outputs if outputs and isinstance(outputs[0], list) else [outputs]
    nodes = [node for layer in model["layers"] for node in layer.get("inbound_nodes", [])]
    calls = [call for node in nodes if isinstance(node, list) for call in node]
    for name, kind in nested.items():
        to_it = [call for call in (*calls, *outputs) if call and call[0] == name]
        first = min((call[1] for call in to_it), default=0)
        for call in to_it:
            call[1] -= first
        if kind == "Functional":  # for outputs, today's Keras takes the making off itself
            for call in outputs:
                call[1] += call[0] == name


def _built_at_once(layers: list[Config], model: Config) -> Config:
    """The layers of a Sequential model without an input layer, and the shape that it had.

    It may stand elsewhere. Behind an input layer Keras would build the model anew for each layer.
    """
    shape = model.get("build_input_shape")
    for layer in model["layers"][:1]:
        inside, built = layer["config"], layer.get("build_config") or {}
        if isinstance(inside, dict):
            shape = (
                inside.get("batch_input_shape")
                or inside.get("batch_shape")
                or shape
                or built.get("input_shape")
                or _inner_shape(inside)
            )
    if not isinstance(shape, list):
        raise ModelError(
            "The model was saved before it knew the shape of its input: "
            "call it once, or give its first layer an input shape, and save it again."
        )
    if layers and layers[0]["class_name"] == "InputLayer":
        layers = layers[1:]
    return {"layers": layers, "build_input_shape": shape}


def _inner_shape(config: Config) -> Any:
    """The shape that the first layer of a nested model wants."""
    for layer in config.get("layers", [])[:1]:
        return layer["config"].get("batch_shape") or layer["config"].get("batch_input_shape")
    return None


def _mend_layer(layer: Config, legacy: bool) -> Config:
    if not isinstance(layer, dict) or not isinstance(layer.get("config"), dict | list):
        raise ModelError("The model's config holds a layer without a config.")
    if layer["class_name"] in MODELS:
        return _mend_model(layer, legacy)
    if layer.get("module") == "legacy":
        return _mend_operation(layer)
    name = KERAS_1_NAMES.get(layer["class_name"]) or str(layer["class_name"])
    config = _mend_settings(name, layer["module"], layer["config"], legacy)
    if isinstance(config.get("layer"), dict):
        config["layer"] = _mend_layer(config["layer"], legacy)
    mended = {
        "module": layer["module"],
        "class_name": name,
        "config": config,
        "registered_name": None,
        **_outside(layer),
    }
    if "build_config" in layer:
        mended["build_config"] = layer["build_config"]
    return mended


def _mend_settings(name: str, home: str, config: Config, legacy: bool) -> Config:
    """The arguments of a layer that today's Keras knows."""
    settings: Config = {}
    for key, value in config.items():
        if key.endswith(TRAINING) or key in ("dtype", "init", "seed", "cache"):
            continue
        new = RENAMED.get(key, key)
        settings[new if name in RENAMED_FOR.get(new, (name,)) else key] = value
    if isinstance(settings.get("name"), str):
        settings["name"] = _plain(settings["name"])
    if "nb_row" in settings:
        settings["kernel_size"] = [settings.pop("nb_row"), settings.pop("nb_col", 1)]
    if name == "Dense" and "output_dim" in settings:
        settings["units"] = settings.pop("output_dim")
    if settings.pop("dim_ordering", "tf") == "th" or settings.get("data_format") == (
        "channels_first"
    ):
        raise ModelError(
            f"The layer {settings.get('name')!r} wants its channels first; Triptych explains "
            "models that have them last."
        )
    if name == "BatchNormalization" and isinstance(settings.get("axis"), list):
        (settings["axis"],) = settings["axis"]
    if legacy and settings.get("activation") == "hard_sigmoid":
        raise ModelError(
            f"The layer {settings.get('name')!r} uses the hard sigmoid of Keras 2, which is "
            "another function in Keras 3."
        )
    if isinstance(settings.get("activation"), dict):
        settings["activation"] = _mend_layer(settings["activation"], legacy)
    return _known(name, home, settings)


UNIMPORTANT = ("trainable", "input_dtype", "input_dim", "input_length", *SHAPES)


def _known(name: str, home: str, settings: Config) -> Config:
    """Without the arguments that were dropped since, as long as they say nothing."""
    known = _parameters(getattr(importlib.import_module(home), name))
    for key in settings.keys() - known:
        if name.startswith("Random"):
            continue  # it acts in training alone
        value = settings[key]
        neutral = value in (None, False, 0, "default", "auto") or (key, value) in (
            ("groups", 1),
            ("mode", 0),
            ("implementation", 1),
            ("fused", True),
            ("depth_multiplier", 1),
        )
        if not neutral and key not in UNIMPORTANT:
            raise ModelError(
                f"The layer {settings.get('name')!r} has the setting {key} = {value!r}, which "
                "today's Keras does not know."
            )
    return {key: value for key, value in settings.items() if key in known}


@cache
def _parameters(constructor: Any) -> frozenset[str]:
    """What a class of Keras can be told, by itself or by those it inherits from."""
    parameters = inspect.signature(constructor.__init__).parameters
    known = {*parameters}
    if any(entry.kind is entry.VAR_KEYWORD for entry in parameters.values()):
        for base in constructor.__mro__:
            known |= {*inspect.signature(base.__init__).parameters}
    return frozenset(known)


def _mend_operation(layer: Config) -> Config:
    """A function of TensorFlow in a graph of Keras 2, as a layer."""
    config, name = layer["config"], _plain(layer["config"]["name"])
    function = config["function"]
    (node,) = layer["inbound_nodes"] if len(layer["inbound_nodes"]) == 1 else (None,)
    if not isinstance(node, list) or len(node) != 4 or not isinstance(node[3], dict):
        raise ModelError(f"The layer {name!r} calls {function!r} in an unusual way.")
    *source, arguments = node
    arguments = {key: value for key, value in arguments.items() if key != "name"}
    if function in ARITHMETIC:
        return _arithmetic(name, ARITHMETIC[function], source, arguments)
    if function in FUNCTIONS:
        return _layer("Activation", name, [source], activation=FUNCTIONS[function])
    if function == "math.reduce_mean" and arguments.get("axis") in ([1, 2], [-3, -2]):
        keep = bool(arguments.get("keepdims"))
        return _layer("GlobalAveragePooling2D", name, [source], keepdims=keep)
    if function == "__operators__.getitem" and arguments.get("slice_spec") in BACKWARDS:
        return _entry("Flip", name, "keras.src.ops.numpy", axis=-1) | _calls(name, source)
    raise ModelError(f"The layer {name!r} calls {function!r} in a way that cannot be rebuilt.")


def _arithmetic(name: str, kind: str, source: list, arguments: Config) -> Config:
    other = arguments.get("y", arguments.get("bias"))
    constant = source[0] == "_CONSTANT_VALUE"
    if isinstance(other, list) and other and isinstance(other[0], str) and not constant:
        if kind not in MERGES:
            raise ModelError(f"The layer {name!r} divides by another layer.")
        return _layer(MERGES[kind], name, [source, other])
    if constant:
        other, source = source[2], other
    numbers: list[Any] = other if isinstance(other, list) else [other]
    if not all(isinstance(number, int | float) for number in numbers) or not numbers:
        raise ModelError(f"The layer {name!r} computes with something that is no number.")
    scales: dict[str, Callable[[float], tuple[float, float]]] = {
        "add": lambda y: (1.0, y),
        "subtract": (lambda y: (-1.0, y)) if constant else (lambda y: (1.0, -y)),
        "multiply": lambda y: (y, 0.0),
        "divide": lambda y: (1.0 / y, 0.0),
    }
    if kind == "divide" and (constant or 0 in numbers):
        raise ModelError(f"The layer {name!r} divides in a way that cannot be rebuilt.")
    scale, offset = zip(*(scales[kind](number) for number in numbers), strict=True)
    if not isinstance(other, list):
        return _layer("Rescaling", name, [source], scale=scale[0], offset=offset[0])
    return _layer("Rescaling", name, [source], scale=list(scale), offset=list(offset))


def _layer(kind: str, name: str, sources: list, **settings: Any) -> Config:
    return _entry(kind, name, **settings) | _calls(name, *sources)


def _entry(kind: str, name: str, home: str = "keras.layers", **settings: Any) -> Config:
    return {
        "module": home,
        "class_name": kind,
        "config": {"name": name, **settings},
        "registered_name": None,
    }


def _calls(name: str, *sources: list) -> Config:
    return {"name": name, "inbound_nodes": [[[*_named(source), {}] for source in sources]]}


def _mend_node(node: Any) -> Any:
    """A call of a layer; the arguments that only concern training or names are left out."""
    if isinstance(node, dict):
        return _named_history(node)
    entries = node if node and isinstance(node[0], list) else [node]
    if not all(isinstance(entry, list) and len(entry) in (3, 4) for entry in entries):
        raise ModelError("The model's config ties its layers in an unusual way.")
    mended = []
    for entry in entries:
        arguments = entry[3] if len(entry) == 4 and isinstance(entry[3], dict) else {}
        kept = {
            key: value
            for key, value in arguments.items()
            if value is not None and key not in ("name", "training", "mask")
        }
        mended.append([*_named(entry[:3]), kept])
    return mended


def _named_history(value: Any) -> Any:
    """The same with every layer's name as `_plain` has it."""
    if isinstance(value, list):
        return [_named_history(item) for item in value]
    if isinstance(value, dict):
        return {
            key: _named(item) if key == "keras_history" else _named_history(item)
            for key, item in value.items()
        }
    return value


def _named(value: Any) -> Any:
    if isinstance(value, list):
        return [_named(item) for item in value]
    return _plain(value) if isinstance(value, str) else value


def _plain(name: Any) -> Any:
    """Keras 2 let names hold slashes, which tell nested layers apart today."""
    return name.replace("/", "_") if isinstance(name, str) else name
