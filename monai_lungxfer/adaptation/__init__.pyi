from .outcome import AdaptationOutcome as AdaptationOutcome
from .outcome import AdaptationVerdict as AdaptationVerdict
from .outcome import judge as judge
from .run import AdaptationSettings as AdaptationSettings
from .run import adapt as adapt
from .sources import SourceRules as SourceRules
from .sources import collect_images as collect_images
