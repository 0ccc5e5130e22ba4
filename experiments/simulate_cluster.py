"""How many photos a second a cluster predicts, from what one photo costs: where more actors no longer help, and why.

    python experiments/simulate_cluster.py --compute 0.6 --latency 0.03 --driver 0.002

A simulation of queues: every actor takes photo after photo; each waits for its requests to the object store, is
computed, and its row is taken by the one driver. The store answers a request after `latency`, and starts at most
`rate` of them a second. Times are drawn from exponential distributions (`latency`) and gamma distributions
(`compute`).
"""

import argparse
import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ACTORS = (1, 2, 4, 10, 30, 100, 300, 1000)
REQUESTS_BEFORE, REQUESTS_AFTER = 4, 5  # look, list, get, head; put three pictures, delete one, put NAME.json


@dataclass(frozen=True)
class Costs:
    """What one photo costs."""

    compute: float  # s of one actor
    latency: float = 0.0  # s until the store answers a request, on average
    rate: float = np.inf  # requests a second that the store starts
    driver: float = 0.0  # s of the driver


@dataclass(frozen=True)
class Throughput:
    """What a number of actors does."""

    photos: float  # a second
    actors_busy: float  # share of the time in which an actor computes
    driver_busy: float  # share of the time in which the driver works
    store_busy: float  # share of the requests that the store can start


def simulate(actors: int, costs: Costs, photos: int, seed: int = 0) -> Throughput:
    """Let actors share photos.

    Parameters
    ----------
    actors, photos : int
    costs : Costs
    seed : int

    Returns
    -------
    Throughput
    """
    rng = np.random.default_rng(seed)
    compute = rng.gamma(4.0, costs.compute / 4.0, photos)
    answers = rng.exponential(costs.latency, (photos, REQUESTS_BEFORE + REQUESTS_AFTER))
    store = driver = 0.0  # when each is free again
    # the time of the next step of a photo, the photo, and how many of its steps are done
    steps = [(0.0, photo, 0) for photo in range(min(actors, photos))]
    heapq.heapify(steps)
    begun, end = len(steps), 0.0
    while steps:
        now, photo, done = heapq.heappop(steps)
        if done == answers.shape[1] + 1:
            driver = max(driver, now) + costs.driver
            end = max(end, driver)
            if (
                begun < photos
            ):  # the actor goes on at once, unless the driver is behind by more than it has ahead
                heapq.heappush(steps, (max(now, driver - costs.driver * actors), begun, 0))
                begun += 1
        elif done == REQUESTS_BEFORE:
            heapq.heappush(steps, (now + compute[photo], photo, done + 1))
        else:
            store = max(store, now) + 1 / costs.rate
            answer = answers[photo, done if done < REQUESTS_BEFORE else done - 1]
            heapq.heappush(steps, (store + answer, photo, done + 1))
    return Throughput(
        photos / end,
        float(compute.sum()) / end / actors,
        photos * costs.driver / end,
        answers.size / costs.rate / end,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--compute", type=float, required=True, help="s that an actor computes for a photo")
    parser.add_argument(
        "--latency", type=float, default=0.03, help="s until the store answers. Default: 0.03"
    )
    parser.add_argument("--rate", type=float, default=np.inf, help="requests a second. Default: no limit")
    parser.add_argument("--driver", type=float, default=0.0, help="s of the driver for a photo. Default: 0")
    parser.add_argument("--photos", type=int, default=20, help="for every actor. Default: 20")
    chosen = parser.parse_args(arguments)
    costs = Costs(chosen.compute, chosen.latency, chosen.rate, chosen.driver)
    print("| Actors | Photos a second | An actor | Actors busy | Driver busy | Store busy |")
    print("|---:|---:|---:|---:|---:|---:|")
    for actors in ACTORS:
        found = simulate(actors, costs, max(200, chosen.photos * actors))
        shares = (found.actors_busy, found.driver_busy, found.store_busy)
        cells = (f"{found.photos:.1f}", f"{found.photos / actors:.2f}", *(f"{share:.0%}" for share in shares))
        print(f"| {actors} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
