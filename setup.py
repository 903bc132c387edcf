"""One set-up for two builders: catkin runs this file for itself, pip reads pyproject.toml and then this."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
CONTENTS = {
    "license": "BSD",
    "packages": [*find_packages(str(ROOT), include=["pspgrasp", "pspgrasp.*"]), "pspgrasp.weights"],
    "package_data": {
        "pspgrasp": ["py.typed"],
        "pspgrasp.weights": ["*.safetensors"],
        "pspgrasp.data.labelling": ["page.html"],
        "pspgrasp.evaluation.html": ["page.html"],
    },
}
SHARED = [
    "package.xml",
    "msg/*.msg",
    "srv/*.srv",
    "compat/ggcnn/*/*.*",
    "launch/*",
    "config/*.yaml",
    "config/*/*.yaml",
    "scripts/*",
]


class BuildWithMessages(build_py):
    """Adds the message classes to a wheel; an editable install has no place for them."""

    def run(self):
        """Build, then generate."""
        super().run()
        if not getattr(self, "editable_mode", False):
            self.generate_messages()

    def generate_messages(self):
        """Write pspgrasp.msg, pspgrasp.srv and ggcnn into the build, where ROS's generator is at hand."""
        sys.path.insert(0, str(ROOT))
        from pspgrasp.ros.message_generation import InterfaceError, write_packages

        try:
            write_packages(["pspgrasp", "ggcnn"], Path(self.build_lib), ROOT)
        except InterfaceError as error:
            print(f"pspgrasp: built without message classes, the node will make them at start-up ({error})")


def data_files():
    """Return what rospack, roslaunch and rosmsg look for, by the folder below share/ that it belongs to."""
    shared = {}
    for file in (file.relative_to(ROOT) for pattern in SHARED for file in sorted(ROOT.glob(pattern))):
        if file.suffix != ".sh":  # those work on a checkout
            shared.setdefault(str(Path("share/pspgrasp") / file.parent), []).append(str(file))
    return sorted(shared.items())


def is_run_by_catkin():
    """Tell whether catkin reads this file (by runpy, under another name) or installs with it."""
    return __name__ != "__main__" or "CATKIN_BINARY_DIR" in os.environ


if is_run_by_catkin():
    from catkin_pkg.python_setup import generate_distutils_setup

    setup(**generate_distutils_setup(**CONTENTS))
else:
    setup(**CONTENTS, cmdclass={"build_py": BuildWithMessages}, data_files=data_files())
