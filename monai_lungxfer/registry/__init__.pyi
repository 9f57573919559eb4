from .gate import Comparison as Comparison
from .gate import compare as compare
from .listing import list_versions as list_versions
from .promotion import Promotion as Promotion
from .promotion import promote as promote
from .register import Registered as Registered
from .register import register_bundle as register_bundle
from .reports import mean_metric as mean_metric
from .reports import read_report as read_report
from .reports import without_names as without_names
from .store import (
    experiment_named as experiment_named,
)
from .store import (
    registry_at as registry_at,
)
from .store import (
    version_at as version_at,
)
from .store import (
    version_uri as version_uri,
)
