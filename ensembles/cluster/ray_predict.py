"""`pleura predict` on a Ray cluster: a pool of actors, each with the ensemble open, writes rows to Parquet.

    python ray_predict.py ENSEMBLE INPUT... --out ROWS --actors 8 --threads 4 [--gpus 1]
    python results.py ROWS --out submission.csv

The cluster is that of --address or RAY_ADDRESS; without one, Ray starts on this machine. After an interruption, the
same command continues: images that have a row without an error are not predicted again.
"""

from __future__ import annotations

import pleura
import pyarrow as pa
import ray

import results
import rows

# Workers need no copy of `rows.py`.
ray.cloudpickle.register_pickle_by_value(rows)


class Predictor:
    """An actor: opens the ensemble once."""

    def __init__(self, manifest: str, device: str, threads: int, expected: dict[str, str]) -> None:
        self.ensemble: pleura.Ensemble = rows.opened(manifest, device, threads, expected)

    def __call__(self, images: pa.Table) -> pa.Table:
        return rows.predict(self.ensemble, images)


def main() -> int:
    parser = results.arguments(__doc__.splitlines()[0])
    parser.add_argument("--actors", type=int, default=1, help="actors, each with an ensemble (default: 1)")
    parser.add_argument("--gpus", type=float, default=0, help="GPUs of each actor, such as 1 or 0.5 (default: the CPU)")
    parser.add_argument("--address", help="the cluster's address")
    options = parser.parse_args()

    manifest = str(options.manifest.resolve())
    device = "cuda:0" if options.gpus else "cpu"  # Ray shows an actor its own GPU only
    identity, images = results.begin(options.out, manifest, device, options.inputs, options.column)
    if len(images) > 0:
        ray.init(address=options.address)
        blocks = [images.slice(at, options.batch) for at in range(0, len(images), options.batch)]
        ray.data.from_arrow(blocks).map_batches(
            Predictor,
            fn_constructor_args=(manifest, device, options.threads, identity),
            compute=ray.data.ActorPoolStrategy(size=options.actors),
            num_cpus=options.threads,
            num_gpus=options.gpus,
            batch_size=None,  # a block is a batch, and a file
            batch_format="pyarrow",
        ).write_parquet(
            str(options.out.resolve()),
            concurrency=options.actors,
            ray_remote_args={"num_cpus": 0},  # actors may hold all cores of the cluster
        )
    return results.end(options.out)


if __name__ == "__main__":
    results.run(main)
