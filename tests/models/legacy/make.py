"""Write the legacy model files beside this script, with the old Keras and its own answers.

    pip install tf_keras==2.21.0
    python tests/classifiers/legacy/make.py

`tf_keras` is Keras 2 as it was last released. What only older releases wrote into a config, and it
no longer does, is put there as they wrote it: ``groups`` on depthwise convolutions (2.4).
"""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import tf_keras as keras
from tf_keras import layers
from tf_keras.src.applications.convnext import ConvNeXtBlock
from tf_keras.src.applications.inception_resnet_v2 import CustomScaleLayer

HERE = Path(__file__).parent
SHAPE = (20, 20, 3)


def grey_sigmoid() -> keras.Model:
    """The input shape in the first layer, renamed arguments, one sigmoid unit, grey pictures."""
    model = keras.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(20, 20, 1)),
            layers.LeakyReLU(alpha=0.2),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid", kernel_regularizer="l2"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    return model


def three_deep() -> keras.Model:
    """Sequential in Sequential around a Functional one, as Teachable Machine exports it."""
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, strides=2, use_bias=False, name="Conv1")(inputs)
    x = layers.ReLU(6.0)(layers.BatchNormalization(name="bn_Conv1")(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    backbone = keras.Model(inputs, layers.ReLU(6.0)(x), name="model1")
    feature = keras.Sequential([backbone, layers.GlobalAveragePooling2D()], name="sequential_1")
    head = keras.Sequential(
        [
            layers.Dense(5, activation="relu", input_shape=(4,)),
            layers.Dense(2, activation="softmax", use_bias=False),
        ],
        name="sequential_3",
    )
    return keras.Sequential([feature, head])


def frozen_transfer() -> keras.Model:
    """The transfer learning of the tutorials: scaling as functions, a frozen backbone, logits."""
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    y = layers.Conv2D(4, 1)(layers.BatchNormalization()(x))
    backbone = keras.Model(inputs, layers.Add()([x, y]), name="backbone")
    backbone.trainable = False
    outer = keras.Input(SHAPE)
    x = keras.applications.mobilenet_v2.preprocess_input(outer)
    x = layers.GlobalAveragePooling2D()(backbone(x, training=False))
    return keras.Model(outer, layers.Dense(3)(layers.Dropout(0.2)(x)))


def caffe_inside() -> keras.Model:
    """Channels in reverse and a mean taken off, inside the graph."""
    inputs = keras.Input(SHAPE)
    x = keras.applications.resnet50.preprocess_input(inputs)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def torch_inside() -> keras.Model:
    """A mean taken off and a division by three numbers, inside the graph."""
    inputs = keras.Input(SHAPE)
    x = keras.applications.densenet.preprocess_input(inputs)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def gates() -> keras.Model:
    """Slashes in names, and a hard sigmoid spelled out, as in MobileNetV3."""
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, name="expanded_conv/Conv")(inputs)
    x = x * (layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(4, 1, activation="sigmoid", name="squeeze_excite/Conv_1")(gate)
    x = layers.GlobalAveragePooling2D()(layers.Multiply()([x, gate]))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x))


def augmented() -> keras.Model:
    """Layers that act in training alone, and several sigmoids in a layer of their own."""
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)]),
            layers.Rescaling(1 / 255.0),
            layers.SeparableConv2D(4, 3),
            layers.BatchNormalization(),
            layers.SpatialDropout2D(0.1),
            layers.GlobalMaxPooling2D(),
            layers.Dense(4),
            layers.Activation("sigmoid"),
        ]
    )


def private_layers() -> keras.Model:
    """The layers that ConvNeXt and Inception-ResNet keep to themselves, named as they name them."""
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, strides=2)(inputs)
    name = "convnext_tiny_stage_0_block_0"
    x = ConvNeXtBlock(4, layer_scale_init_value=0.7, name=name)(x)
    up = layers.Conv2D(4, 1, name="block35_1_conv")(x)
    x = layers.GlobalAveragePooling2D()(CustomScaleLayer(0.17)([x, up]))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


MODELS: tuple[Callable[[], keras.Model], ...] = (
    grey_sigmoid, three_deep, frozen_transfer, caffe_inside, torch_inside, gates, augmented,
    private_layers,
)  # fmt: skip


def _with_groups(config: dict) -> None:
    for layer in config["config"]["layers"]:
        if "layers" in layer["config"]:
            _with_groups(layer)
        if layer["class_name"] == "DepthwiseConv2D":
            layer["config"]["groups"] = 1


def main() -> None:
    answers = {}
    for number, build in enumerate(MODELS):
        keras.utils.set_random_seed(number)
        model, name = build(), build.__name__
        for layer in model._flatten_layers():
            if isinstance(layer, layers.BatchNormalization):
                drawn = np.random.default_rng(number)
                layer.set_weights([drawn.uniform(0.5, 2, w.shape) for w in layer.get_weights()])
        model.save(HERE / f"{name}.h5")
        with h5py.File(HERE / f"{name}.h5", "a") as file:
            config = json.loads(file.attrs["model_config"])
            _with_groups(config)
            file.attrs["model_config"] = json.dumps(config)
        if build is not caffe_inside:  # Keras 2 cannot write an ellipsis into the newer format
            model.save(HERE / f"{name}.keras")
        pictures = np.random.default_rng(number).uniform(0, 1, (3, *model.input_shape[1:]))
        answers[name] = model.predict(pictures.astype(np.float32), verbose=0)
    keras.utils.set_random_seed(0)
    MODELS[0]().save_weights(HERE / "grey_sigmoid.weights.h5")
    np.savez(HERE / "answers.npz", **answers)


if __name__ == "__main__":
    main()
