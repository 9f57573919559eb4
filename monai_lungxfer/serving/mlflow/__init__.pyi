from .guard import RequestError as RequestError
from .model import LungModel as LungModel
from .packaging import input_example as input_example
from .packaging import log_model as log_model
from .packaging import save_model as save_model
from .rows import read_row as read_row
from .settings import Settings as Settings
