"""Foreign objects as a MONAI dictionary transform, for training against them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_dst_type

from monai_lungxfer.synthetic.object_doses import OBJECTS, draw_objects
from monai_lungxfer.utils.errors import LungXferError, unknown


class RandObjectsd(RandomizableTransform, MapTransform):
    """Draw foreign objects onto images with a probability: one kind of them, at a dose that is drawn as well.

    They are those of `monai_lungxfer.synthetic.object_doses.draw_objects`, with which ``lungxfer robustness`` measures.
    Masks stay valid: nothing moves.

    Parameters
    ----------
    keys : str or sequence of str
        Images, (C, H, W), of any range of grey values, bright where the body absorbs. All get the same objects.
    prob : float
        Probability.
    objects : sequence of str
        Names of which one is drawn each time, see `monai_lungxfer.synthetic.object_doses.OBJECTS`.
    dose : (float, float)
        Least and greatest dose.
    clean_key : str, optional
        Where the first image is kept as it was without objects, in every record, such as for
        `monai_lungxfer.handlers.object_consistency.ObjectConsistency`.
    allow_missing_keys : bool
        Whether a record may be without one of the keys.

    Raises
    ------
    LungXferError
        When an object is unknown, or none is named.

    Examples
    --------
    >>> transform = RandObjectsd("image", prob=1.0, objects=["tubes"]).set_random_state(seed=0)
    >>> image = np.linspace(-1, 1, 64 * 48, dtype=np.float32).reshape(1, 64, 48)
    >>> 0 < (transform({"image": image})["image"] != image).mean() < 0.3
    True
    """

    def __init__(
        self,
        keys: KeysCollection,
        prob: float = 0.1,
        objects: Sequence[str] = ("pacemaker", "tubes", "electrodes", "markers"),
        dose: tuple[float, float] = (0.5, 1.5),
        clean_key: str | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        wrong = [name for name in objects if name not in OBJECTS]
        if wrong or not objects:
            problem = f"there is no object {unknown(wrong[0], OBJECTS)}" if wrong else "no object is named"
            raise LungXferError(problem, remedy=f"Name some of {', '.join(OBJECTS)}")
        self.objects = tuple(objects)
        self.drawn_from = {"dose": dose}
        self.clean_key = clean_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the record with objects on its images, or as it is."""
        result = dict(data)
        if self.clean_key is not None:
            result[self.clean_key] = result[self.first_key(result)]
        self.randomize(None)
        if not self._do_transform:
            return result
        name = self.objects[self.R.randint(len(self.objects))]
        dose, seed = self.R.uniform(*self.drawn_from["dose"]), int(self.R.randint(2**31))
        for key in self.key_iterator(result):
            drawn = draw_objects(np.asarray(result[key], dtype=np.float32), name, dose, seed)
            result[key] = convert_to_dst_type(drawn, result[key])[0]
        return result
