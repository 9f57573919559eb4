"""Outlines of the organs of a chest, in the coordinates of `phantom_canvas.Canvas`.

The patient's right is on the image's left, as in a radiograph: side -1 is the patient's right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monai_lungxfer.synthetic.canvas import curve, ellipse

Line = tuple[np.ndarray, float, float]
"""A stroke: points (N, 2), width, value in 0..1."""


@dataclass(frozen=True)
class Anatomy:
    """What differs between patients. Lengths are in the coordinates of the canvas.

    Attributes
    ----------
    breadth : float
        Factor of the lungs' breadth.
    apex : float
        v of the lungs' apex.
    domes : tuple of float
        v of the top of the diaphragm, right and left; the right one is higher.
    depth : float
        How far the costophrenic angles lie below the domes.
    heart : tuple of float
        Half axes of the heart, long and short.
    rib_slope : float
        How steeply the ribs fall to the sides.
    """

    breadth: float
    apex: float
    domes: tuple[float, float]
    depth: float
    heart: tuple[float, float]
    rib_slope: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Anatomy:
        """Draw a patient at random."""
        right = rng.uniform(0.24, 0.46)
        return cls(
            breadth=rng.uniform(0.88, 1.06),
            apex=rng.uniform(-0.8, -0.7),
            domes=(right, right + rng.uniform(0.04, 0.09)),
            depth=rng.uniform(0.12, 0.26),
            heart=(rng.uniform(0.32, 0.4), rng.uniform(0.22, 0.28)),
            rib_slope=rng.uniform(0.2, 0.34),
        )

    def dome(self, side: int) -> np.ndarray:
        """Return the diaphragm from the spine to the costophrenic angle."""
        top, reach = self.domes[side > 0], self.breadth
        angle = (side * 0.76 * reach, top + self.depth)
        return curve([(side * 0.1, top + 0.09), (side * 0.36 * reach, top), (side * 0.6 * reach, top + 0.06), angle])

    def lung(self, side: int, rng: np.random.Generator) -> np.ndarray:
        """Return a lung's outline before the heart is cut out: up the mediastinum, down the chest wall, the dome."""
        dome, reach, apex = self.dome(side), self.breadth, self.apex
        wall = [(0.15, apex + 0.16), (0.28, apex), (0.46, apex + 0.11), (0.6, apex + 0.35), (0.7, -0.05)]
        wall = [(side * u * reach + rng.normal(0, 0.008), v + rng.normal(0, 0.008)) for u, v in wall]
        low = (float(dome[-1, 0]), float(dome[-1, 1]))
        medial = [(side * 0.14, float(dome[0, 1])), (side * 0.17, -0.05), (side * 0.13, -0.35), wall[0]]
        return np.concatenate([curve(medial, 20), curve([*wall, low], 40), dome[::-1]])

    def mediastinum(self) -> list[np.ndarray]:
        """Return the outlines of heart, right heart border, aortic arch and great vessels."""
        long, short = self.heart
        level = self.domes[1] - short * 0.72
        vessels = [(-0.11, -0.9), (0.11, -0.9), (0.13, -0.3), (0.16, 0.6), (-0.13, 0.6), (-0.12, -0.3)]
        return [
            ellipse((0.13, level), (long, short), 32),
            ellipse((-0.06, level - 0.02), (0.16, short * 1.05)),
            ellipse((0.1, -0.3), (0.09, 0.1)),
            np.array(vessels),
        ]

    def abdomen(self) -> np.ndarray:
        """Return what lies below the diaphragm."""
        floor = np.array(
            [[1.3, self.domes[1] + self.depth], [1.3, 1.8], [-1.3, 1.8], [-1.3, self.domes[0] + self.depth]]
        )
        return np.concatenate([self.dome(-1)[::-1], self.dome(1), floor])

    def ribs(self) -> list[Line]:
        """Return the posterior ribs, which fall to the sides, and the fainter anterior ones, which rise again."""
        lines: list[Line] = []
        for side in (-1, 1):
            for number, level in enumerate(np.linspace(self.apex - 0.02, 0.78, 10)):
                edge = min(0.42 + 0.09 * number, 0.77) * self.breadth
                fall = self.rib_slope * (0.55 + 0.05 * number)
                back = [(0.06, level + 0.02), (0.5 * edge, level - 0.04), (0.85 * edge, level + 0.3 * fall)]
                back.append((edge, level + fall))
                front = [(edge, level + fall), (0.85 * edge, level + 1.6 * fall), (0.42 * edge, level + 2.1 * fall)]
                for points, value in ((front, 0.45), (back, 1.0)):
                    path = curve([(side * u, v) for u, v in points])
                    # The cortex at both edges of a rib absorbs more than the marrow between.
                    lines += [(path, 0.062, value), (path, 0.034, 0.55 * value)]
        return lines

    def clavicles(self) -> list[Line]:
        """Return clavicles, the heads of both humeri and the scapulae's edges."""
        lines: list[Line] = []
        for side in (-1, 1):
            key = [(0.07, -0.56), (0.26, -0.63), (0.5, -0.74), (0.8, -0.76)]
            lines.append((curve([(side * u, v) for u, v in key]), 0.075, 1.0))
            lines.append((ellipse((side * 0.97, -0.66), (0.1, 0.1)), 0.12, 0.8))
            blade = [(0.84, -0.6), (0.8, -0.3), (0.74, -0.02)]
            lines.append((curve([(side * u, v) for u, v in blade]), 0.04, 0.5))
        return lines

    def vertebrae(self) -> list[Line]:
        """Return the vertebral bodies, with dimmer discs between them."""
        column = np.array([[0.0, -1.4], [0.0, 1.4]])
        levels = np.linspace(-1.3, 1.3, 20)
        bodies = [(np.array([[0.0, v - 0.045], [0.0, v + 0.045]]), 0.19, 1.0) for v in levels]
        return [(column, 0.16, 0.65), *bodies]

    @staticmethod
    def body(rng: np.random.Generator) -> list[np.ndarray]:
        """Return the outlines of trunk with neck and shoulders, and of both arms, with air between them."""
        neck, flank = rng.uniform(0.2, 0.28), rng.uniform(0.88, 0.96)
        half = curve(
            [(neck, -1.5), (neck, -1.05), (0.5, -0.9), (1.05, -0.78), (0.98, -0.3), (flank, 0.2), (flank, 1.6)]
        )
        trunk = np.concatenate([half, half[::-1] * (-1, 1)])
        gap = rng.uniform(0.02, 0.16)
        arm = np.array([(0.85, -0.72), (1.15, -0.72), (1.6, 1.5), (flank + gap + 0.25, 1.5), (0.98 + gap, -0.1)])
        return [trunk, arm, arm * (-1, 1)]

    @staticmethod
    def vessels(rng: np.random.Generator, side: int) -> list[Line]:
        """Return the vessels of a lung: branches that leave the hilum, turn at random and get thinner."""
        lines: list[Line] = []
        for leaving in np.linspace(-1.25, 1.35, 9) + rng.normal(0, 0.1, 9):
            heading, point, width = leaving, np.array([side * 0.17, -0.02 + 0.12 * leaving]), 0.045
            for _ in range(6):
                heading += rng.normal(0, 0.16)
                ahead = point + rng.uniform(0.06, 0.13) * np.array([side * np.cos(heading), np.sin(heading)])
                twig = point + 0.12 * np.array([side * np.cos(heading + 0.7), np.sin(heading + 0.7)])
                lines += [(np.array([point, twig]), 0.5 * width, 0.5), (np.array([point, ahead]), width, 0.9)]
                point, width = ahead, 0.74 * width
        return lines
