"""Start one road segmentation node a camera, each in the camera's namespace."""

from pathlib import Path

from launch import LaunchContext
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.actions import GroupAction
from launch.actions import IncludeLaunchDescription
from launch.actions import OpaqueFunction
from launch.launch_description_sources import get_launch_description_from_python_launch_file
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

ONE_CAMERA = str(Path(__file__).with_name('seg.launch.py'))
CAMERAS = ('front,left,right', 'names of the cameras, which are their namespaces; each argument '
           'below holds for all, NAME_ARGUMENT:=VALUE for one: left_image:=/cam2/image_raw')


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, those of seg.launch.py among them, and what is done with them."""
    default, description = CAMERAS
    shared = get_launch_description_from_python_launch_file(ONE_CAMERA).get_launch_arguments()
    return LaunchDescription([
        DeclareLaunchArgument('cameras', default_value=default, description=description),
        *shared,
        OpaqueFunction(function=_start, args=[[argument.name for argument in shared]]),
    ])


def _start(context: LaunchContext, names: list[str]) -> list[GroupAction]:
    """
    Return seg.launch.py once for each camera, in a scope of its own.

    :param names: of its arguments.
    """
    cameras = LaunchConfiguration('cameras').perform(context).split(',')
    if len(set(cameras)) < len(cameras) or not all(map(str.isidentifier, cameras)):
        raise ValueError(f'cameras: found {",".join(cameras)}; expected names that differ, of '
                         'letters, digits and underscores; correct them')
    return [GroupAction([IncludeLaunchDescription(
        PythonLaunchDescriptionSource(ONE_CAMERA),
        launch_arguments=_arguments(context, camera, names).items())]) for camera in cameras]


def _arguments(context: LaunchContext, camera: str, names: list[str]) -> dict[str, str]:
    """Return a camera's arguments of seg.launch.py: its own, else those of all cameras."""
    values = context.launch_configurations
    given = {name: values.get(f'{camera}_{name}', values[name]) for name in names}
    given['namespace'] = f'{given["namespace"]}/{camera}'
    return given
