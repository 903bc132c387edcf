"""Start the node; what can't be started says why in one line.

The heavy modules are imported only when it is known that they can be: Debian's OpenCV beside numpy 2 can't.
"""

from __future__ import annotations

import sys

import rospy
from rospy.impl.registration import get_service_manager

from pspgrasp.errors import PspGraspError
from pspgrasp.ros.cv_bridge_check import check_cv_bridge
from pspgrasp.ros.log_loss import let_logs_be_lost


def main() -> None:
    """Run the node until ROS shuts down; exit status 1 if it can't start."""
    rospy.init_node("grasp_detector")
    let_logs_be_lost()
    try:
        check_cv_bridge()
        from pspgrasp.node_config import NodeConfig
        from pspgrasp.ros.node import GraspNode

        config = NodeConfig.from_parameters(rospy.get_param("~", {}))
        if not config.services.set_logger_level:  # `init_node` offers it to everybody
            get_service_manager().get_service(rospy.resolve_name("~set_logger_level")).shutdown("left out")
        node = GraspNode(config)
    except PspGraspError as error:
        rospy.logfatal("%s", error)
        sys.exit(1)
    except ImportError as error:
        rospy.logfatal(
            "%s; `make setup` installs what the node needs, and PSPGRASP_PYTHON names the interpreter", error
        )
        sys.exit(1)
    node.run()
