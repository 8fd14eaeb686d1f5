"""Start the road segmentation node and, unless told otherwise, bring it to active."""

import os
from pathlib import Path

from launch import LaunchContext
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.actions import EmitEvent
from launch.actions import OpaqueFunction
from launch.actions import RegisterEventHandler
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

CONFIG = Path(__file__).parents[1] / 'config'
PARAMS_FILE = str(CONFIG / 'road_seg.yaml')
# Room for whole images in Fast DDS's shared memory, unless the user has set a profile.
MIDDLEWARE = {'FASTDDS_DEFAULT_PROFILES_FILE': os.environ.get('FASTDDS_DEFAULT_PROFILES_FILE')
              or str(CONFIG / 'fastdds.xml')}
# Name, default and description; an empty remap or parameter counts as not given.
ARGUMENTS = (
    ('params_file', PARAMS_FILE, 'YAML file with the parameters of the node'),
    ('image', '', 'image topic to subscribe to; empty: image in the namespace'),
    ('camera_info', '', 'calibration topic; empty: camera_info beside the image topic'),
    ('model', '',
     'ONNX model file or name of a shipped model; empty: as in params_file'),
    ('backend', '', 'inference backend, auto for the fastest; empty: as in params_file'),
    ('namespace', '', 'namespace of the node and of its topics'),
    ('autostart', 'true', 'configure and activate the node'),
    ('use_sim_time', '', 'true: take the time from /clock; empty: as in params_file'),
    ('log_level', 'info', 'debug, info, warn, error or fatal; LOGGER:=LEVEL for one logger'),
)
REMAPS = ('image', 'camera_info')
PARAMETERS = {'model': str, 'backend': str, 'use_sim_time': bool}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and what is done with them."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=description)
          for name, default, description in ARGUMENTS),
        OpaqueFunction(function=_start),
    ])


def _start(context: LaunchContext) -> list:
    """Return the node and what brings it to active, now that the arguments have values."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    parameters = {name: ParameterValue(LaunchConfiguration(name), value_type=kind)
                  for name, kind in PARAMETERS.items() if given[name]}
    node = LifecycleNode(
        package='road_seg', executable='road_seg_node', name='road_seg',
        namespace=given['namespace'], output='screen', additional_env=MIDDLEWARE,
        parameters=[given['params_file'], *([parameters] if parameters else [])],
        remappings=[(name, given[name]) for name in REMAPS if given[name]],
        ros_arguments=['--log-level', given['log_level']])
    autostart = IfCondition(given['autostart'])
    configure = OnProcessStart(
        target_action=node, on_start=[_change_state(node, Transition.TRANSITION_CONFIGURE)])
    # Only after configuring: a node that somebody deactivates stays inactive.
    activate = OnStateTransition(
        target_lifecycle_node=node, start_state='configuring', goal_state='inactive',
        entities=[_change_state(node, Transition.TRANSITION_ACTIVATE)])
    return [RegisterEventHandler(configure, condition=autostart),
            RegisterEventHandler(activate, condition=autostart), node]


def _change_state(node: LifecycleNode, transition: int) -> EmitEvent:
    """Return the action that asks the node for a transition."""
    return EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_action(node),
                                       transition_id=transition))
