"""What MLflow runs to make the model: it is logged as this code, and nothing is pickled."""

from mlflow.models import set_model

from monai_lungxfer.serving.mlflow.model import LungModel

set_model(LungModel())
