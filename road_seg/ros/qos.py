"""The node's QoS profiles: the only place that makes them."""

from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

# Every function makes a new profile, because rclpy writes overrides into the one it is given.


def sensor() -> QoSProfile:
    """Return sensor data (REP-2003), newest only: matches reliable and best-effort cameras."""
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def output() -> QoSProfile:
    """Return reliable, volatile, newest only: matches reliable and best-effort subscribers."""
    return QoSProfile(depth=1)


def latched() -> QoSProfile:
    """Return what also reaches late subscribers; Nav2's StaticLayer asks for it."""
    return QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def diagnostics() -> QoSProfile:
    """Return what diagnostic_aggregator and its peers use."""
    return QoSProfile(depth=10)


def overridable() -> QoSOverridingOptions:
    """Let `qos_overrides.*` parameters change history, depth and reliability of a topic."""
    return QoSOverridingOptions.with_default_policies()
