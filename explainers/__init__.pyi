"""What `explainers` offers; read by type checkers, and by the package itself to import it late."""

from .classifiers.check_up import CheckUp as CheckUp
from .classifiers.check_up import check_up as check_up
from .classifiers.classifier import Classifier as Classifier
from .classifiers.errors import ModelError as ModelError
from .classifiers.errors import NoAnswerError as NoAnswerError
from .classifiers.prediction import Answer as Answer
from .classifiers.prediction import Prediction as Prediction
from .classifiers.prediction import Target as Target
from .classifiers.scaling import Scaling as Scaling
from .explanation import Explainer as Explainer
from .explanation import Explanation as Explanation
from .images.reading import ImageError as ImageError
from .images.reading import read_image as read_image
from .methods import METHODS as METHODS
from .methods import TRIPTYCH as TRIPTYCH
from .methods import GradCam as GradCam
from .methods import GradCamPlusPlus as GradCamPlusPlus
from .methods import HiResCam as HiResCam
from .methods import IntegratedGradients as IntegratedGradients
from .methods import KernelShap as KernelShap
from .methods import LayerCam as LayerCam
from .methods import LimeSuperpixels as LimeSuperpixels
from .methods import Occlusion as Occlusion
from .methods import Rise as Rise
from .methods import Saliency as Saliency
from .methods import ScoreCam as ScoreCam
from .models.apart import open_apart as open_apart
from .models.model_file import open_classifier as open_classifier
from .models.zoo import load_classifier as load_classifier
from .report.side_by_side import SideBySide as SideBySide

__version__: str
