from .anatomy import Anatomy as Anatomy
from .anatomy import Line as Line
from .brain import brain_slice as brain_slice
from .canvas import Canvas as Canvas
from .canvas import curve as curve
from .canvas import ellipse as ellipse
from .canvas import smooth_noise as smooth_noise
from .chest import chest_radiograph as chest_radiograph
from .chest import portable_radiograph as portable_radiograph
from .objects import (
    draw_marker_position as draw_marker_position,
)
from .objects import (
    electrodes as electrodes,
)
from .objects import (
    pacemaker as pacemaker,
)
from .objects import (
    text_marker as text_marker,
)
from .objects import (
    tubes as tubes,
)
from .opacities import opacity as opacity
from .phantoms import write_phantoms as write_phantoms
from .portable_device import (
    collimation as collimation,
)
from .portable_device import (
    grid_lines as grid_lines,
)
from .portable_device import (
    low_contrast as low_contrast,
)
from .portable_device import (
    motion_blur as motion_blur,
)
from .portable_device import (
    portable_degraded as portable_degraded,
)
from .portable_device import (
    quantum_noise as quantum_noise,
)
from .portable_device import (
    rotated_pair as rotated_pair,
)
from .portable_device import (
    scatter_veil as scatter_veil,
)
from .portable_device import (
    strengths as strengths,
)
