"""`pleura predict` on a Spark cluster: each Python worker opens the ensemble once and writes rows to Parquet.

    spark-submit [--master URL …] spark_predict.py ENSEMBLE INPUT... --out ROWS --threads 4
    python results.py ROWS --out submission.csv

After an interruption, the same command continues: images that have a row without an error are not predicted again.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import SparkSession

import results
import rows


def main() -> int:
    parser = results.arguments(__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    options = parser.parse_args()

    manifest, device, threads = str(options.manifest.resolve()), options.device, options.threads
    identity, images = results.begin(options.out, manifest, device, options.inputs, options.column)
    if len(images) > 0:
        spark = session(threads, options.batch)

        def predict(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            # `rows` is a module of the worker, which keeps the ensemble from one task to the next
            ensemble = rows.opened(manifest, device, threads, identity)
            for batch in batches:
                yield from rows.predict(ensemble, batch).to_batches()

        # a task is a batch, and a file
        tasks = -(-len(images) // options.batch)
        listed = spark.sparkContext.parallelize([tuple(image.values()) for image in images.to_pylist()], tasks)
        found = listed.toDF(columns(rows.IMAGES)).mapInArrow(predict, columns(rows.SCHEMA))
        found.write.mode("append").parquet(options.out.resolve().as_uri())
        spark.stop()
    return results.end(options.out)


def session(threads: int, batch: int) -> SparkSession:
    """The session, with `rows` on each worker; `spark-submit` or the environment says where it runs."""
    settings: dict[str, bool | float | int | str | None] = {
        "spark.task.cpus": threads,
        "spark.sql.execution.arrow.maxRecordsPerBatch": batch,
        # files of finished tasks stay if the job is interrupted
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": 2,
    }
    spark = SparkSession.builder.appName("pleura").config(map=settings).getOrCreate()
    spark.sparkContext.addPyFile(rows.__file__)
    return spark


def columns(schema: pa.Schema) -> str:
    """A schema as Spark spells it."""
    types = {pa.string(): "string", pa.float32(): "float", pa.int32(): "int", pa.int64(): "bigint"}
    return ", ".join(f"{field.name} {types[field.type]}" for field in schema)


if __name__ == "__main__":
    results.run(main)
