from .portable_device import (
    RandCollimationd as RandCollimationd,
)
from .portable_device import (
    RandElectrodesd as RandElectrodesd,
)
from .portable_device import (
    RandGridLinesd as RandGridLinesd,
)
from .portable_device import (
    RandLowContrastd as RandLowContrastd,
)
from .portable_device import (
    RandMarkersd as RandMarkersd,
)
from .portable_device import (
    RandMotionBlurd as RandMotionBlurd,
)
from .portable_device import (
    RandOpacityd as RandOpacityd,
)
from .portable_device import (
    RandPacemakerd as RandPacemakerd,
)
from .portable_device import (
    RandPortableDegraded as RandPortableDegraded,
)
from .portable_device import (
    RandQuantumNoised as RandQuantumNoised,
)
from .portable_device import (
    RandScatterVeild as RandScatterVeild,
)
from .portable_device import (
    RandTubesd as RandTubesd,
)
from .resize import (
    AntialiasedResize as AntialiasedResize,
)
from .resize import (
    AntialiasedResized as AntialiasedResized,
)
from .resize import (
    SameSized as SameSized,
)
