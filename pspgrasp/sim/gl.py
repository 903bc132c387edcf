"""MuJoCo's OpenGL without a window, for any pinhole camera."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Optional, Sequence, Tuple

import mujoco
import numpy as np

from pspgrasp.camera import PinholeCamera
from pspgrasp.errors import PspGraspError
from pspgrasp.sim.world import World

NEAR_M, FAR_M = 0.02, 10.0  # nothing else is drawn
SMOOTH = 64  # sides of what is drawn for a circle; an eye sees the corners of MuJoCo's 28
ADVICE = "install libegl1 and libgl1 (Debian, Ubuntu), or use --camera rays, which needs none"


@dataclass(frozen=True)
class Quality:
    """What a picture is worth.

    Attributes:
        shadow_px: Side of the map of shadows, 0 for none. One of 4096 makes a new world's first frame 10 times slower.
        samples: Of a pixel, 0 for one. Depth must have one: the mean of two depths is a place where nothing is.
    """

    shadow_px: int = 0
    samples: int = 0


class GlRenderer:
    """Draws worlds. It keeps the meshes of the newest one, since many frames show the same.

    It belongs to the process and the thread that made it.
    """

    def __init__(self, quality: Quality) -> None:
        """Open a context.

        Args:
            quality: What pictures are worth.

        Raises:
            PspGraspError: There is no OpenGL.
        """
        self._quality = quality
        self._model: Optional[Any] = None
        self._buffers: Optional[Any] = None
        self._size_px = (0, 0)
        _load_compiler()
        try:
            self._context = _context_maker()(64, 64)
            self._context.make_current()
            mujoco.MjrContext(mujoco.MjSpec().compile(), mujoco.mjtFontScale.mjFONTSCALE_50).free()
        except Exception as error:  # whatever a driver and its binding may raise
            raise PspGraspError(f"there is no OpenGL to render with ({_first_line(error)}); {ADVICE}") from error

    def depth_m(self, world: World, camera: PinholeCamera, pose: np.ndarray, groups: Sequence[int]) -> np.ndarray:
        """Return depth (H, W) float32 [m] along the optical axis, FAR_M where nothing is nearer."""
        viewport = self._draw(world, camera, pose, groups, plain=True)
        drawn = np.empty((camera.height_px, camera.width_px), np.float32)
        mujoco.mjr_readPixels(None, drawn, viewport, self._buffers)
        # MuJoCo's buffer is 1 at the near plane and 0 at the far one, and linear in 1 / depth.
        inverse = drawn[::-1].astype(np.float64) * (1 / NEAR_M - 1 / FAR_M) + 1 / FAR_M
        return (1 / inverse).astype(np.float32)

    def colours(self, world: World, camera: PinholeCamera, pose: np.ndarray, groups: Sequence[int]) -> np.ndarray:
        """Return a picture (H, W, 3) uint8 BGR."""
        viewport = self._draw(world, camera, pose, groups, plain=False)
        drawn = np.empty((camera.height_px, camera.width_px, 3), np.uint8)
        mujoco.mjr_readPixels(drawn, None, viewport, self._buffers)
        return np.ascontiguousarray(drawn[::-1, :, ::-1])

    def _draw(
        self, world: World, camera: PinholeCamera, pose: np.ndarray, groups: Sequence[int], plain: bool
    ) -> mujoco.MjrRect:
        self._context.make_current()
        self._load(world.model, (camera.width_px, camera.height_px))
        option, free = mujoco.MjvOption(), mujoco.MjvCamera()
        option.geomgroup[:] = [group in groups for group in range(len(option.geomgroup))]
        everything = mujoco.mjtCatBit.mjCAT_ALL.value
        mujoco.mjv_updateScene(world.model, world.data, option, None, free, everything, self._scene)
        for flag in (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR):  # no light is worked out
            self._scene.flags[flag] = plain
        for eye in self._scene.camera:  # two, for stereo pictures
            _aim(eye, camera, pose)
        viewport = mujoco.MjrRect(0, 0, camera.width_px, camera.height_px)
        mujoco.mjr_render(viewport, self._scene, self._buffers)
        return viewport

    def _load(self, model: mujoco.MjModel, size_px: Tuple[int, int]) -> None:
        if model is self._model and size_px == self._size_px:
            return
        if self._buffers is not None:
            self._buffers.free()
        quality = model.vis.quality
        quality.shadowsize, quality.offsamples = self._quality.shadow_px, self._quality.samples
        quality.numslices, quality.numstacks = SMOOTH, SMOOTH // 2
        model.vis.global_.offwidth, model.vis.global_.offheight = size_px
        self._buffers = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._buffers)
        self._buffers.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR  # else most digits are lost
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 10)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._quality.shadow_px > 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        self._model, self._size_px = model, size_px


def _context_maker() -> Any:
    """Return the class of contexts. On Linux MuJoCo takes one that needs a screen, unless MUJOCO_GL says otherwise."""
    if os.environ.get("MUJOCO_GL") or not sys.platform.startswith("linux"):
        return mujoco.GLContext
    from mujoco.egl import GLContext

    return GLContext


def _load_compiler() -> None:
    """Load torch's compiler before OpenGL, if it is there; else networks load it later.

    Both bring an LLVM: triton, and Mesa where there is no graphics card. With triton's as the second the process dies.
    """
    if find_spec("triton") is not None:
        import_module("triton")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _aim(eye: Any, camera: PinholeCamera, pose: np.ndarray) -> None:
    """Make MuJoCo's camera the pinhole at a pose (4, 4); pixel centres lie at whole numbers."""
    eye.pos, eye.forward, eye.up = pose[:3, 3], pose[:3, 2], -pose[:3, 1]
    left, right = -0.5 - camera.cx, camera.width_px - 0.5 - camera.cx
    above, below = -0.5 - camera.cy, camera.height_px - 0.5 - camera.cy
    eye.frustum_center = (left + right) / 2 / camera.fx * NEAR_M
    eye.frustum_width = (right - left) / 2 / camera.fx * NEAR_M
    eye.frustum_top, eye.frustum_bottom = -above / camera.fy * NEAR_M, -below / camera.fy * NEAR_M
    eye.frustum_near, eye.frustum_far = NEAR_M, FAR_M
