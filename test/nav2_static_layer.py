"""
What Nav2's StaticLayer makes of an OccupancyGrid, written from its documented behaviour.

nav2_costmap_2d: cost values of cost_values.hpp, parameters of costmap_2d_ros, interpretValue and
the checks of a new map in static_layer.
"""

from dataclasses import dataclass
import math

from nav_msgs.msg import OccupancyGrid
import numpy as np
from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSProfile

FREE_SPACE, INSCRIBED, LETHAL, NO_INFORMATION = 0, 253, 254, 255


@dataclass(frozen=True)
class StaticLayer:
    """
    The parameters that decide how a value is read; defaults are Nav2's.

    :param track_unknown_space: whether unknown stays unknown.
    :param trinary_costmap: whether there is nothing between free and lethal.
    :param lethal_cost_threshold: smallest lethal value.
    :param unknown_cost_value: the byte that means unknown.
    :param inscribed_obstacle_cost_value: the value read as inscribed.
    :param map_subscribe_transient_local: durability asked for.
    """

    track_unknown_space: bool = False
    trinary_costmap: bool = True
    lethal_cost_threshold: int = 100
    unknown_cost_value: int = 255
    inscribed_obstacle_cost_value: int = 99
    map_subscribe_transient_local: bool = True

    def cost(self, value: int) -> int:
        """Return the cost of one cell's value, -128..127, which is read as a byte."""
        byte = value % 256
        if byte == self.unknown_cost_value:
            return NO_INFORMATION if self.track_unknown_space else FREE_SPACE
        if byte == self.inscribed_obstacle_cost_value:
            return INSCRIBED
        if byte >= self.lethal_cost_threshold:
            return LETHAL
        if self.trinary_costmap:
            return FREE_SPACE
        return int(byte / self.lethal_cost_threshold * LETHAL)

    def costs(self, message: OccupancyGrid) -> np.ndarray:
        """Return the costs (height, width) of a message's cells."""
        table = np.array([self.cost(value) for value in range(256)])
        values = np.array(message.data, np.int8).astype(np.uint8)
        return table[values].reshape(message.info.height, message.info.width)

    def hears(self, offered: QoSProfile) -> bool:
        """Say whether its subscription matches a publisher: offered at least as requested."""
        return (not self.map_subscribe_transient_local
                or offered.durability == DurabilityPolicy.TRANSIENT_LOCAL)


def is_malformed(message: OccupancyGrid) -> bool:
    """Say whether Nav2 rejects the message (validateMsg of nav2_util)."""
    info, position, turn = message.info, message.info.origin.position, (
        message.info.origin.orientation)
    numbers = (info.resolution, position.x, position.y, position.z, turn.x, turn.y, turn.z,
               turn.w)
    norm = math.sqrt(turn.x**2 + turn.y**2 + turn.z**2 + turn.w**2)
    return (not message.header.frame_id or not all(map(math.isfinite, numbers))
            or info.resolution <= 0.0 or info.width == 0 or info.height == 0
            or len(message.data) != info.width * info.height or abs(norm - 1.0) > 1e-3)
