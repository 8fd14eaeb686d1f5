"""A measurement as a Markdown table."""

from collections.abc import Mapping
from typing import Any


def markdown(summary: Mapping[str, Any]) -> str:
    """
    Return the tables of a measurement.

    :param summary: what `bench --json` writes.
    """
    width, height = summary['size']
    threads = summary['threads']
    lines = [f'{width}x{height}, backend {summary["backend"]}, {summary["cores"]} cores, network '
             f'threads {threads}:', '', '| ms | p50 | p95 | p99 | times ours |',
             '|---|---|---|---|---|',
             _row('network alone', summary['network_ms'], ''),
             _row('Segmenter', summary['segmenter_ms'], '1.00')]
    lines += [_row(f'Segmenter: {stage}', values, '')
              for stage, values in summary['stages_ms'].items()]
    lines += [_row(f'{name} (computes in {peer["precision"]}, {peer["threads"]} threads)',
                   {key: peer[f'{key}_ms'] for key in ('p50', 'p95', 'p99')},
                   f'{peer["ratio"]:.2f}') for name, peer in summary['peers'].items()]
    lines.append(f'\nAll but the network: {summary["outside_network_share"]:.1%} of the '
                 "Segmenter's time.")
    graph = summary['graph']
    return '\n'.join(lines + (_graph_lines(graph) if graph else []))


def _graph_lines(graph: Mapping[str, Any]) -> list[str]:
    """Return the live graph's part."""
    lines = ['', f'Live graph, {graph["rate_hz"]:g} Hz for {graph["seconds"]:g} s: '
             f'{graph["fps"]:.2f} fps, drops {graph["drop_ratio"]:.2%}, node '
             f'{graph["cpu_cores"]:.2f} cores, {graph["memory_mib"]:.0f} MiB', '',
             '| ms | p50 | p95 | p99 |', '|---|---|---|---|']
    named = {'image stamp to mask received': graph['mask_latency_ms'],
             'image stamp to grid received': graph['grid_latency_ms'],
             'image stamp to both received': graph['latency_ms'],
             **{f'node: {stage}': values for stage, values in graph['stages_ms'].items()}}
    return lines + [_row(name, values) for name, values in named.items() if values]


def _row(name: str, values: Mapping[str, float], *more: str) -> str:
    """Return a row: the name, the percentiles and further cells."""
    cells = [name, *(f'{values[key]:.2f}' for key in ('p50', 'p95', 'p99')), *more]
    return f'| {" | ".join(cells)} |'
