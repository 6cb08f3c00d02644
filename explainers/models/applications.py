"""The networks of ``keras.applications``: how each is built and fed, and where its weights lie."""

import contextlib
import errno
import hashlib
import http.client
import os
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explainers.classifiers.errors import PassingError
from explainers.classifiers.scaling import AS_THEY_ARE, CAFFE, SIGNED, TORCH, Scaling

HOST = "https://storage.googleapis.com/"
PATIENCE = 20
CHUNK = 2**18
OF_THE_NET = (
    urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError,
)  # fmt: skip


@dataclass(frozen=True)
class Application:
    """A network of ``keras.applications``, trained on ImageNet.

    Parameters
    ----------
    title : str
        What people call it, and Keras its own function that builds it.
    scaling : Scaling
        What it was trained with; 0..255 where it scales its pixels itself.
    address : str
        Where its weights lie on Keras's server.
    digest : str or None
        Their MD5 or SHA-256, where Keras knows one.
    mebibytes : int
        Their size, four bytes a weight.
    side : int
        Rows and columns of its pictures.
    kept_as : str, optional
        What the file is called in Keras's cache, if not as on the server.
    """

    title: str
    scaling: Scaling
    address: str
    digest: str | None
    mebibytes: int
    side: int = 224
    kept_as: str | None = None

    @property
    def url(self) -> str:
        """Where its weights can be downloaded."""
        return HOST + self.address

    @property
    def path(self) -> Path:
        """Where its weights lie on this machine, if they do: in Keras's own cache."""
        home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
        return Path(home) / "models" / (self.kept_as or self.address.rsplit("/", 1)[-1])

    def build(self, **options: Any) -> Any:
        """The network, as a Keras model."""
        from keras import applications

        return getattr(applications, self.title)(**options)

    def download(self) -> Iterator[float]:
        """Fetch its weights into Keras's cache, and yield the share that is there.

        Raises
        ------
        PassingError
            If the server cannot be reached, what comes is not what Keras knows, or there is no
            place for it.
        """
        part = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}.part")
        hasher = self._hasher()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with (
                open(part, "wb") as to,
                urllib.request.urlopen(self.url, timeout=PATIENCE) as answer,
            ):
                expected = int(answer.headers.get("Content-Length") or self.mebibytes * 2**20)
                done = 0
                while chunk := answer.read(CHUNK):
                    to.write(chunk)
                    hasher.update(chunk)
                    done += len(chunk)
                    yield min(1.0, done / expected)
            if done < expected or self.digest not in (None, hasher.hexdigest()):
                raise PassingError(
                    f"The weights of {self.title} arrived damaged: try the download again."
                )
            part.replace(self.path)
        except OF_THE_NET as error:
            reason = getattr(error, "reason", None) or error
            raise PassingError(
                f"{self.title} could not be downloaded from {HOST.split('/')[2]} ({reason}): "
                "check the connection, or use a file of its weights."
            ) from error
        except OSError as error:
            raise PassingError.of(
                error.errno or errno.EIO, f"keep the weights of {self.title} in Keras's cache"
            ) from error
        finally:
            with contextlib.suppress(OSError):  # a folder that cannot be written holds no part
                part.unlink()

    def damaged(self) -> bool:
        """Whether the weights on this machine are known to be others than those on the server."""
        hasher = self._hasher()
        with open(self.path, "rb") as file:
            while chunk := file.read(CHUNK):
                hasher.update(chunk)
        return self.digest not in (None, hasher.hexdigest())

    def _hasher(self) -> Any:
        return hashlib.sha256() if len(self.digest or "") == 64 else hashlib.md5()


APPLICATIONS = {
    "vgg16": Application(
        "VGG16", CAFFE,
        "tensorflow/keras-applications/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
        "64373286793e3c8b2b4e3219cbf3544b", 528,
    ),
    "vgg19": Application(
        "VGG19", CAFFE,
        "tensorflow/keras-applications/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels.h5",
        "cbe5617147190e668d6c5d5026f83318", 548,
    ),
    "resnet50": Application(
        "ResNet50", CAFFE,
        "tensorflow/keras-applications/resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5",
        "2cb95161c43110f7111970584f804107", 98,
    ),
    "resnet50-v2": Application(
        "ResNet50V2", SIGNED,
        "tensorflow/keras-applications/resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels.h5",
        "3ef43a0b657b3be2300d5770ece849e0", 98,
    ),
    "inception-v3": Application(
        "InceptionV3", SIGNED,
        "tensorflow/keras-applications/inception_v3/"
        "inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
        "9a0d58056eeedaa3f26cb7ebd46da564", 91, side=299,
    ),
    "xception": Application(
        "Xception", SIGNED,
        "tensorflow/keras-applications/xception/xception_weights_tf_dim_ordering_tf_kernels.h5",
        "0a58e3b7378bc2990ea3b43d5981f1f6", 87, side=299,
    ),
    "mobilenet": Application(
        "MobileNet", SIGNED,
        "tensorflow/keras-applications/mobilenet/mobilenet_1_0_224_tf.h5", None, 16,
    ),
    "mobilenet-v2": Application(
        "MobileNetV2", SIGNED,
        "tensorflow/keras-applications/mobilenet_v2/"
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        None, 14,
    ),
    "mobilenet-v3-large": Application(
        "MobileNetV3Large", AS_THEY_ARE,
        "tensorflow/keras-applications/mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float.h5",
        "59e551e166be033d707958cf9e29a6a7", 21,
    ),
    "densenet121": Application(
        "DenseNet121", TORCH,
        "tensorflow/keras-applications/densenet/densenet121_weights_tf_dim_ordering_tf_kernels.h5",
        "9d60b8095a5708f2dcce2bca79d332c7", 31,
    ),
    "nasnet-mobile": Application(
        "NASNetMobile", SIGNED,
        "tensorflow/keras-applications/nasnet/NASNet-mobile.h5",
        "020fb642bf7360b370c678b08e0adf61", 20, kept_as="nasnet_mobile.h5",
    ),
    "efficientnet-b0": Application(
        "EfficientNetB0", AS_THEY_ARE,
        "keras-applications/efficientnetb0.h5", "902e53a9f72be733fc0bcb005b3ebbac", 20,
    ),
    "efficientnet-v2-b0": Application(
        "EfficientNetV2B0", AS_THEY_ARE,
        "tensorflow/keras-applications/efficientnet_v2/efficientnetv2-b0.h5",
        "21ecbf6da12460d5c40bb2f29ceb2188", 27,
    ),
    "convnext-tiny": Application(
        "ConvNeXtTiny", AS_THEY_ARE,
        "tensorflow/keras-applications/convnext/convnext_tiny.h5",
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff", 109,
    ),
}  # fmt: skip
