"""Is the node known to the ROS master? One that was restarted has forgotten everybody, which rospy doesn't notice.

Topics run from node to node and go on without a master; but whoever comes later finds nobody. A new process would find
no parameters and start with defaults, so this one stays and tells the master what it was told before.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from http.client import HTTPException
from typing import Any, Dict
from xmlrpc.client import Error, ServerProxy

import rosgraph
import rospy
from rospy.core import get_node_uri, is_shutdown_requested
from rospy.impl.registration import get_service_manager

LOOK_S = 2.0  # between two looks
NO_MASTER = (OSError, HTTPException, Error, rosgraph.MasterException)  # it doesn't answer, or ends in the middle of it


class Registration:
    """What a master knows of this node."""

    def __init__(self) -> None:
        """Take the node of this process, which is initialised."""
        self._name = rospy.get_name()
        self._master = rosgraph.Master(self._name)
        self._parameters: Dict[str, Any] = {}

    def keep(self) -> None:
        """Look, and go on to look for as long as the process lives."""
        self.look()
        threading.Thread(target=self._look_for_ever, name="registration", daemon=True).start()

    def look(self) -> None:
        """Keep what the master knows, or tell it if it knows nothing; without a master do nothing."""
        with suppress(*NO_MASTER):
            if self._known():
                self._parameters = self._told_parameters() or self._parameters
            elif not is_shutdown_requested():
                self._register()
                rospy.logwarn("the ROS master was restarted; told it anew what %s publishes and hears", self._name)

    def _look_for_ever(self) -> None:
        while not is_shutdown_requested():
            time.sleep(LOOK_S)
            self.look()

    def _known(self) -> bool:
        try:
            return bool(self._master.lookupNode(self._name))
        except rosgraph.MasterError:
            return False

    def _told_parameters(self) -> Dict[str, Any]:
        return self._master.getParam(self._name) if self._master.hasParam(self._name) else {}

    def _register(self) -> None:
        uri = get_node_uri()
        me: Any = ServerProxy(uri)
        if self._parameters and not self._master.hasParam(self._name):
            self._master.setParam(self._name, self._parameters)
        for topic, kind in me.getPublications(self._name)[2]:
            self._master.registerPublisher(topic, kind, uri)
        for topic, kind in me.getSubscriptions(self._name)[2]:
            me.publisherUpdate(self._name, topic, self._master.registerSubscriber(topic, kind, uri))
        for service, service_uri in get_service_manager().get_services():
            self._master.registerService(service, service_uri, uri)
