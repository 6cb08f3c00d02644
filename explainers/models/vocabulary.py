"""What a model's config may say: objects of Keras for pictures, each under its one home.

Every object at any depth has to be on the lists below; what Keras is given is a copy that names
nothing else. The process that takes strangers' files apart reads this, so it imports nothing slow.
"""

import re
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from explainers.classifiers.errors import MEMORY_LIMIT, ModelError, in_bytes

DEPTH_LIMIT = 60
LARGEST = float(np.finfo(np.float32).max)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODELS = ("Functional", "Model", "Sequential")
LAYERS = """
    Activation ActivityRegularization AdaptiveAveragePooling2D AdaptiveMaxPooling2D Add
    AdditiveAttention AlphaDropout Attention Average AveragePooling1D AveragePooling2D
    BatchNormalization CenterCrop Concatenate Conv1D Conv2D Conv2DTranspose Convolution2D
    Cropping1D Cropping2D Dense DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten
    GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization GroupQueryAttention Identity
    InputLayer LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D Maximum Minimum
    MultiHeadAttention Multiply Normalization PReLU Permute RMSNormalization RandomBrightness
    RandomColorJitter RandomContrast RandomCrop RandomErasing RandomFlip RandomGaussianBlur
    RandomGrayscale RandomHue RandomRotation RandomSaturation RandomSharpness RandomShear
    RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing SeparableConv2D
    Softmax SpatialDropout1D SpatialDropout2D SpectralNormalization Subtract
    UnitNormalization UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D
"""
INITIALIZERS = """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform IdentityInitializer LecunNormal
    LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal
    VarianceScaling Zeros
"""
REGULARIZERS = "L1 L1L2 L2 OrthogonalRegularizer"
CONSTRAINTS = "MaxNorm MinMaxNorm NonNeg UnitNorm"
OPERATIONS = {
    "keras.src.ops.numpy": """
        Absolute Add Clip Concatenate Divide Exp ExpandDims Flip GetItem Matmul Max Maximum Mean
        Min Minimum Multiply Negative Power Prod Ravel Reciprocal Reshape Sqrt Square Squeeze
        Stack Subtract Sum Tanh Transpose TrueDivide
    """,
    "keras.src.ops.nn": """
        AveragePool Conv DepthwiseConv Elu Gelu HardSigmoid HardSilu LeakyRelu LogSoftmax MaxPool
        Relu Relu6 Selu Sigmoid Silu Softmax Softplus
    """,
    "keras.src.ops.image": "Resize",
    "keras.src.ops.math": "Rsqrt Logsumexp",
}
LEGACY_OPERATIONS = ("SlicingOpLambda", "TFOpLambda")
LEGACY_FUNCTIONS = _names(
    """
    math.truediv math.divide math.multiply math.subtract math.add math.reduce_mean nn.bias_add
    nn.relu nn.relu6 nn.silu nn.sigmoid math.sigmoid nn.softmax __operators__.add
    __operators__.getitem identity cast
    """
)
"""Keras 2 kept TensorFlow's functions in its graphs; these can be said in layers of Keras 3."""

HOMES = {
    "keras.models": "Model Sequential",
    "keras.src.models.functional": "Functional",
    "keras.layers": LAYERS,
    "keras.src.applications.convnext": "LayerScale",
    "keras.src.applications.inception_resnet_v2": "CustomScaleLayer",
    "keras.initializers": INITIALIZERS,
    "keras.regularizers": REGULARIZERS,
    "keras.constraints": CONSTRAINTS,
    "keras": "DTypePolicy",
    "keras.mixed_precision": "Policy",
}
COMPUTING_NOTHING = (
    "keras.initializers", "keras.regularizers", "keras.constraints", "keras",
    "keras.mixed_precision",
)  # fmt: skip
HOME_OF = {name: home for home, names in HOMES.items() for name in names.split()}

FED_BY = {
    "LayerScale": re.compile(r"[^,]*stage_\d+_block_\d+_pointwise_conv_2"),
    "CustomScaleLayer": re.compile(r"[^,]+, [^,]*block\d+_\d+_conv"),
}
"""What feeds the layers that networks of ``keras.applications`` keep to themselves.

Strangers have layers of these names, too. A ``.keras`` file tells their module; an HDF5 file tells
none, so there the names of the layers before it have to tell.
"""
COMPUTE_WITH = {
    "LayerScale": ("init_values", "projection_dim"),
    "CustomScaleLayer": ("scale",),
}
"""Their settings, which are plain numbers."""

ACTIVATIONS = _names(
    """
    celu elu exponential gelu hard_sigmoid hard_silu hard_swish leaky_relu linear log_softmax
    mish relu relu6 selu sigmoid silu softmax softplus softsign swish tanh
    """
)
VALUES = ("__tensor__", "__numpy__", "__ellipsis__", "__slice__", "__keras_tensor__")
NUMBERS = re.compile(r"bool|u?int(8|16|32|64)|b?float(16|32|64)")
"""The types of values; NumPy's others hold objects, or items of any length."""

# The modules that Keras has lived in. Whatever a file names, the copy names the one home above.
KERAS = re.compile(r"(keras|tf_keras|tensorflow\.keras|tensorflow\.python\.keras)(\.[a-z0-9_]+)*")

WIDTHS = _names("units filters nb_filter input_dim output_dim num_heads key_dim projection_dim")
SHAPES = ("batch_shape", "batch_input_shape", "input_shape", "target_shape", "build_input_shape")

ACTIVATING = _names("Activation ELU Identity LeakyReLU PReLU ReLU Softmax")
"""The layers that may stand where an activation belongs."""
WRAPPERS = ("SpectralNormalization",)
WRAPPED = _names(LAYERS) - {*WRAPPERS}


def clean(config: Any) -> dict[str, Any]:
    """A copy of a model's config in objects of Keras alone, each under its one home.

    Raises
    ------
    ModelError
        If any object at any depth is not on the lists.
    """
    try:
        cleaned = _clean(config, "the model", 0)
    except RecursionError as error:
        raise ModelError("The model's config is nested too deep.") from error
    if not isinstance(cleaned, dict) or cleaned.get("class_name") not in MODELS:
        raise ModelError("The file's config describes no Functional or Sequential model.")
    return cleaned


def _clean(value: Any, place: str, depth: int) -> Any:
    if depth > DEPTH_LIMIT:
        raise ModelError(
            f"The config of {place} is nested more than {DEPTH_LIMIT} levels deep, of which a "
            "model within a model takes three: put its layers into fewer models."
        )
    if isinstance(value, list):
        return [_clean(item, place, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if {"class_name", "module", "registered_name"} & value.keys():
        return _clean_object(value, place, depth)
    for key, item in value.items():
        _check_entry(key, item, place)
    return {key: _clean(item, place, depth + 1) for key, item in value.items()}


def _clean_object(value: dict[str, Any], place: str, depth: int) -> Any:
    name, module, config = (value.get(key) for key in ("class_name", "module", "config"))
    called = config.get("name") if isinstance(config, dict) else None
    if depth and isinstance(called, str) and not str(name).endswith("Policy"):
        place = f"the layer {called[:80]!r}"
    if not isinstance(name, str) or not isinstance(module, str | None):
        raise ModelError(f"An object in {place} does not say what it is.")
    name = _without_registration(name)
    if name in VALUES:
        kind = config.get("dtype", "bool") if isinstance(config, dict) else "bool"
        if not isinstance(kind, str) or not NUMBERS.fullmatch(kind):
            raise ModelError(f"A value in {place} is of the type {str(kind)[:80]!r}, no number.")
        return {"class_name": name, "config": _clean(config, place, depth + 1)}
    if name == "function":
        if not isinstance(config, str) or config not in ACTIVATIONS:
            raise ModelError(
                f"A function in {place}, {str(config)[:80]!r}, is none of Keras's activations, "
                "and code of one's own is never run: use one of Keras's by its name."
            )
        return config
    home = _home(name, value, place)
    registered = _without_registration(value.get("registered_name"))
    if registered not in (None, name, f"keras>{name}", f"tf_keras>{name}"):
        raise ModelError(
            f"{_capital(place)} is registered as {str(registered)[:80]!r}, not Keras's own."
        )
    kept = {
        key: _clean(item, place, depth + 1)
        for key, item in value.items()
        if key in ("config", "name", "inbound_nodes", "build_config")
    }
    _check_places(name, kept, place)
    settings = config if isinstance(config, dict) else {}
    for key in COMPUTE_WITH.get(name, ()):
        number = settings.get(key)
        if not isinstance(number, int | float) or not abs(number) <= LARGEST:
            raise ModelError(
                f"{_capital(place)} declares {key} = {str(number)[:40]}, which is no number to "
                "compute with."
            )
    function = settings.get("function")
    known = isinstance(function, str) and function in LEGACY_FUNCTIONS
    if name in LEGACY_OPERATIONS and not known:
        raise ModelError(
            f"{_capital(place)} calls TensorFlow's {str(function)[:80]!r} directly, which "
            "cannot be rebuilt: use Keras's layers instead."
        )
    return {**kept, "module": home, "class_name": name, "registered_name": None}


def _check_places(name: str, kept: dict[str, Any], place: str) -> None:
    """Refuse layers where none belong, so that all that is computed lies in the network itself.

    A model lists its layers. A wrapper has one inside, and an activation may be a layer that
    activates, as long as that has none of its own.
    """
    config = kept.get("config")
    for key, item in config.items() if isinstance(config, dict) else ():
        if name in MODELS and key == "layers":
            continue
        for found in _computing(item):
            inner, settings = found["class_name"], found.get("config")
            wrapped = name in WRAPPERS and key == "layer" and inner in WRAPPED
            activates = key.endswith("activation") and inner in ACTIVATING
            if not wrapped and not (activates and not [*_computing(settings)]):
                raise ModelError(
                    f"{_capital(place)} has a {inner!r} as its {key}, where no model and no such "
                    "layer belongs: make it a layer of the network itself."
                )
    if [*_computing([kept.get("inbound_nodes"), kept.get("build_config")])]:
        raise ModelError(f"{_capital(place)} is called with a layer or a model, not with numbers.")


def _computing(value: Any) -> Iterator[dict[str, Any]]:
    """The layers, operations and models in what was cleaned; what is inside of them is theirs."""
    if isinstance(value, dict) and value.get("module") not in (None, *COMPUTING_NOTHING):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _computing(item)


def _home(name: str, value: dict[str, Any], place: str) -> str:
    """The module that an object of Keras is taken from; an HDF5 file names none for operations."""
    module, config = value.get("module"), value.get("config")
    bare = isinstance(config, dict) and "trainable" not in config and "inbound_nodes" in value
    for home, names in OPERATIONS.items():
        if name in names.split() and (module == home or (module is None and bare)):
            return home
    if name in LEGACY_OPERATIONS:
        return "legacy"
    if name in HOME_OF and _of_keras(name, module, value.get("inbound_nodes")):
        return HOME_OF[name]
    called = f"{module}.{name}" if module else name
    reason = {
        "Lambda": "A Lambda layer holds code, which is never run: put layers of Keras in its "
        "place, such as Rescaling, and save the model again",
        "TFSMLayer": "A TFSMLayer runs a saved TensorFlow program, which is never done",
    }.get(
        name,
        "Triptych knows no such layer of Keras, and code of one's own is never run: build the "
        "model of Keras's usual layers for pictures, Functional or Sequential, and save it again",
    )
    if name.endswith("DTypePolicy"):
        reason = (
            "Quantised weights are not opened: save the model in float32, as it was before "
            "model.quantize(...)"
        )
    if name in FED_BY and module is None:
        reason = "The file does not tell whose it is: save the model as a .keras file"
    raise ModelError(f"{_capital(place)} is a {called[:120]!r}. {reason}.")


def _of_keras(name: str, module: str | None, calls: Any) -> bool:
    """Whether a name on the lists means what Keras means by it."""
    if module is None:
        return name not in FED_BY or bool(FED_BY[name].fullmatch(", ".join(_sources(calls))))
    own = name not in FED_BY or module.endswith(HOME_OF[name].removeprefix("keras.src"))
    return own and bool(KERAS.fullmatch(module))


def _sources(calls: Any) -> Iterator[str]:
    """The names of the layers whose outputs a layer is called with."""
    items = calls.values() if isinstance(calls, dict) else calls if isinstance(calls, list) else ()
    for item in items:
        if isinstance(item, list) and item and isinstance(item[0], str):
            yield item[0]
        else:
            yield from _sources(item)


def _without_registration(name: Any) -> Any:
    """Keras 2 registered its own CustomScaleLayer as strangers register theirs."""
    return "CustomScaleLayer" if name == "Custom>CustomScaleLayer" else name


def _check_entry(key: str, item: Any, place: str) -> None:
    """Names that Keras would look up, and numbers that would ask for memory."""
    if key.endswith(("activation", "initializer", "regularizer", "constraint")):
        known = isinstance(item, str) and re.fullmatch(r"[A-Za-z0-9_]{1,40}", item)
        if isinstance(item, str) and (
            not known or (key.endswith("activation") and item.lower() not in ACTIVATIONS)
        ):
            raise ModelError(f"{_capital(place)} names {item[:80]!r} as its {key}.")
    if key in WIDTHS and isinstance(item, int | float) and 4 * item > MEMORY_LIMIT:
        number = f"{item:,}"[:40]
        raise ModelError(
            f"{_capital(place)} declares {key} = {number}, at least {in_bytes(4 * item)}, and "
            f"{in_bytes(MEMORY_LIMIT)} are allowed."
        )
    if key in SHAPES and isinstance(item, list):
        sides = [side for side in item if isinstance(side, int | float) and side > 0]
        if 4 * prod(sides) > MEMORY_LIMIT:
            raise ModelError(
                f"{_capital(place)} declares the shape {str(item)[:80]}, "
                f"{in_bytes(4 * prod(sides))}, and {in_bytes(MEMORY_LIMIT)} are allowed."
            )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
