"""TensorRT against torch eager FP16 and torch.compile: latency, frames a second, roofline."""

import argparse
from collections.abc import Callable
import json
from pathlib import Path
import statistics
import tempfile
import time

import numpy as np
import onnx
import torch
from torch import nn

from road_seg.backends import default_model
from road_seg.backends import ModelFile
from road_seg.backends import read_model
from road_seg.backends.tensorrt_engine import build_engine
from road_seg.backends.tensorrt_engine import engine_key
from road_seg.backends.tensorrt_engine import error_log
from road_seg.backends.tensorrt_engine import load_flavour
from road_seg.errors import RoadSegError
from road_seg.export.byte_network import ByteNetwork
from road_seg.export.onnx_export import export
from road_seg.files import atomic_write
from road_seg.labels import ROAD_LABELS
from road_seg.network.unet import UNet
from road_seg.network.unet import UNetConfig
from road_seg.training.checkpoint import Checkpoint

BATCHES = (1, 8)
ROUNDS = 5
SMALL = UNetConfig(encoder='classic', classic_width=4, decoder_widths=(16, 12, 8, 6))
# Peak of dense FP16 with tensor cores [FLOP/s] and of the memory [byte/s], from the data sheets.
PEAKS = {'H200': (989e12, 4.8e12), 'H100 PCIe': (756e12, 2.0e12), 'H100': (989e12, 3.35e12),
         'A100': (312e12, 2.0e12), 'RTX 4090': (165e12, 1.008e12)}

# Takes images (N, H, W, 3) on the host and returns when the answers are on the host.
Run = Callable[[], None]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--dry-run', action='store_true',
                        help='on the CPU, with a small network; engines are compiled, not run')
    parser.add_argument('--out', type=Path, default=Path('gpu_bench.json'), metavar='FILE',
                        help='JSON file to write (default %(default)s)')
    args = parser.parse_args()
    torch.manual_seed(0)
    config, size = (SMALL, (64, 96)) if args.dry_run else (UNetConfig(), (320, 512))
    device = 'cpu' if args.dry_run else 'cuda'
    network = UNet(config).eval()
    gpu = 'none' if args.dry_run else torch.cuda.get_device_name()
    summary = {'gpu': gpu, 'torch': torch.__version__, 'input': size, 'notes': {}, 'results': {}}
    with tempfile.TemporaryDirectory() as folder:
        model = _exported(network, config, size, Path(folder, 'float.onnx'))
        for batch in BATCHES:
            runs = _torch_runs(network, size, batch, device, compiled=not args.dry_run)
            runs.update(_tensorrt_runs(model, batch, Path(folder), summary['notes'],
                                       only_compile=args.dry_run))
            summary['results'][batch] = _measure(runs, 2 if args.dry_run else 100)
    ideal_s = _ideal_seconds(network, size, _peaks(gpu))
    _print(summary, ideal_s)
    with atomic_write(args.out) as temporary:
        temporary.write_text(json.dumps({**summary, 'ideal_s_a_frame': ideal_s}, indent=2) + '\n',
                             encoding='utf-8')


def _exported(network: UNet, config: UNetConfig, size: tuple[int, int], path: Path) -> ModelFile:
    """Return the network as a model file; speed does not depend on what it has learnt."""
    tensors = {f'ema.{name}': value for name, value in network.state_dict().items()}
    return export(Checkpoint(0, tensors, {
        'labels': ROAD_LABELS.to_json(), 'input': list(size), 'network': config.to_dict(),
        'data': [], 'seconds': 0, 'scores': {}}), path)


def _torch_runs(network: UNet, size: tuple[int, int], batch: int, device: str,
                *, compiled: bool) -> dict[str, Run]:
    """Return what runs the network in torch, by name."""
    deployed = ByteNetwork(network, ROAD_LABELS).to(device, memory_format=torch.channels_last)
    images = torch.randint(0, 256, (batch, *size, 3), dtype=torch.uint8)
    images = images.pin_memory() if device == 'cuda' else images
    half = torch.float16 if device == 'cuda' else torch.bfloat16

    def runner(forward: Callable) -> Run:
        def run() -> None:
            with torch.inference_mode(), torch.autocast(device, half):
                for answer in forward(images.to(device, non_blocking=True)):
                    answer.cpu()

        return run

    runs = {'torch eager': runner(deployed)}
    if compiled:
        runs['torch.compile'] = runner(torch.compile(deployed, mode='reduce-overhead'))
    return runs


def _tensorrt_runs(model: ModelFile, batch: int, folder: Path, notes: dict[str, str],
                   *, only_compile: bool) -> dict[str, Run]:
    """Return what runs the float network in FP16 and the shipped one in INT8, by name."""
    runs = {}
    for name, source in (('TensorRT FP16', model), ('TensorRT INT8', read_model(default_model()))):
        batched = _batched(source, batch, folder / f'{name}-{batch}.onnx')
        run, note = _tensorrt_run(batched, only_compile)
        notes[f'{name}, batch {batch}'] = note
        if run is not None:
            runs[name] = run
    return runs


def _tensorrt_run(model: ModelFile, only_compile: bool) -> tuple[Run | None, str]:
    """Return what runs a model and how it was compiled, or None and why it does not run here."""
    try:
        trt = load_flavour()
        start = time.perf_counter()
        engine = build_engine(trt, model, engine_key(model, trt), lambda text: True)
        seconds = time.perf_counter() - start
        run = None if only_compile else _engine_run(trt, engine)
    except (RoadSegError, RuntimeError) as error:
        return None, ' '.join(str(error).split())
    return run, (f'{trt.__name__} {trt.__version__}, compiled in {seconds:.1f} s, '
                 f'{len(engine) / 1e6:.1f} MB')


def _batched(model: ModelFile, batch: int, path: Path) -> ModelFile:
    """Return a model for several images at once."""
    graph = onnx.load(model.path)
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = batch
    del graph.graph.value_info[:]
    onnx.save(graph, path)
    return read_model(path)


def _engine_run(trt: object, content: bytes) -> Run:
    """Return what runs an engine as the backend does: copies and network in one CUDA graph."""
    from road_seg.backends.cuda import CudaStream
    log = error_log(trt)
    runtime = trt.Runtime(log)
    engine = runtime.deserialize_cuda_engine(content)
    if engine is None:
        raise RuntimeError(f'{trt.__name__} does not load its engine here: {log.errors}')
    context, stream = engine.create_execution_context(), CudaStream()
    arrays, addresses = {}, {}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        arrays[name] = stream.pinned(tuple(engine.get_tensor_shape(name)))
        addresses[name] = stream.allocate(arrays[name].nbytes)
        context.set_tensor_address(name, addresses[name])

    def enqueue() -> None:
        stream.copy_in(addresses['image'], arrays['image'])
        if not context.execute_async_v3(stream.handle):
            raise RuntimeError(f'inference failed: {log.errors}')
        for name in arrays.keys() - {'image'}:
            stream.copy_out(arrays[name], addresses[name])

    enqueue()
    stream.synchronize()
    graph = stream.capture(enqueue)

    def run(kept: tuple = (runtime, engine, context)) -> None:
        stream.launch(graph)
        stream.synchronize()

    return run


def _measure(runs: dict[str, Run], repetitions: int) -> dict[str, float]:
    """Return the median duration of each run in seconds; the rounds alternate between them."""
    for run in runs.values():
        for _ in range(3):
            run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            durations = []
            for _ in range(repetitions):
                start = time.perf_counter()
                run()
                durations.append(time.perf_counter() - start)
            seconds[name].append(statistics.median(durations))
    return {name: statistics.median(rounds) for name, rounds in seconds.items()}


def _peaks(gpu: str) -> tuple[float, float] | None:
    """Return FLOP/s and byte/s that a GPU reaches at most; None for an unknown one."""
    return next((peaks for name, peaks in PEAKS.items() if name in gpu), None)


def _ideal_seconds(network: UNet, size: tuple[int, int],
                   peaks: tuple[float, float] | None) -> float | None:
    """
    Return the roofline's time for one frame in FP16.

    The sum over the convolutions of the longer of arithmetic and of reading input and weights
    and writing the output once (Williams et al., 'Roofline', CACM 2009).
    """
    if peaks is None:
        return None
    total = 0.0

    def add(layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal total
        kernel = np.prod(layer.kernel_size) / layer.groups
        work = (inputs[0].numel() * layer.out_channels if isinstance(layer, nn.ConvTranspose2d)
                else output.numel() * layer.in_channels) * kernel
        size_bytes = 2 * (inputs[0].numel() + output.numel() + layer.weight.numel())
        total += max(2 * work / peaks[0], size_bytes / peaks[1])

    hooks = [layer.register_forward_hook(add) for layer in network.modules()
             if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    with torch.inference_mode():
        parameter = next(network.parameters())
        network(torch.zeros(1, 3, *size, dtype=torch.uint8, device=parameter.device))
    for hook in hooks:
        hook.remove()
    return total


def _print(summary: dict, ideal_s: float | None) -> None:
    """Print the results as a Markdown table."""
    print(f'{summary["gpu"]}, torch {summary["torch"]}, input {summary["input"]}')
    for name, note in summary['notes'].items():
        print(f'{name}: {note}')
    first, several = (summary['results'][batch] for batch in BATCHES)
    print(f'\n| | batch 1, ms | batch {BATCHES[1]}, frames/s | share of the FP16 roofline |')
    print('|---|---|---|---|')
    for name in first:
        share = ('-' if ideal_s is None or name not in several
                 else f'{ideal_s * BATCHES[1] / several[name]:.1%}')
        rate = f'{BATCHES[1] / several[name]:.0f}' if name in several else '-'
        print(f'| {name} | {first[name] * 1e3:.3f} | {rate} | {share} |')


if __name__ == '__main__':
    main()
