"""`make bench`: the census. Seconds and memory of imports and rankings, and how often intervals
hold the truth in pretend cities.

Each command runs as its own process, as a person would run it; memory is its peak resident set.
"Flat" compares the peak of a tenth of the rows with that of all of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import census_data
from bench.census_cities import coverages

FAIRVIEW = (sys.executable, "-m", "fairview.cli.main", "census")


def timed(*words: str) -> tuple[float, float]:
    """Seconds and peak MiB of one command."""
    begin = time.perf_counter()
    process = subprocess.Popen([*FAIRVIEW, *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} failed")
    return time.perf_counter() - begin, usage.ru_maxrss / 1_024


def show(name: str, seconds: float, mebibytes: float) -> None:
    print(f"| {name} | {seconds:.1f} | {mebibytes:.0f} |", flush=True)


def imports(folder: Path, cameras: int, rows: int) -> None:
    outlines, people = folder / "cities.geojson", folder / "people.csv"
    census_data.boundaries(outlines)
    census_data.populations(people)
    mapping = folder / "mapping.toml"
    mapping.write_text(census_data.MAPPING)
    print("| step | s | MiB |\n| --- | --- | --- |")
    show("fairview census --help, for comparison", *timed("--help"))
    extract = folder / "extract.osm.pbf"
    census_data.extract(extract, cameras, others=cameras, bad=100)
    into = str(folder / "map")
    show(f"import a PBF with {cameras:,} cameras", *timed("import", str(extract), "--into", into))
    timed("import", str(outlines), "--into", into)
    timed("import", str(people), "--into", into)
    ranking = ("rank", "--census", into, "--no-own", "--format", "json")
    show(f"rank them in {census_data.GRID**2} boundaries", *timed(*ranking))
    for count in (rows // 10, rows):
        path = folder / f"register-{count}.csv"
        census_data.register(path, count)
        words = (
            "import",
            str(path),
            "--mapping",
            str(mapping),
            "--into",
            str(folder / f"r{count}"),
        )
        show(f"import a CSV register of {count:,} rows", *timed(*words))
        features = folder / f"features-{count}.geojson"
        census_data.register_features(features, count)
        shape = folder / "features.toml"
        text = census_data.MAPPING.replace('"csv"', '"geojson"')
        shape.write_text(text.replace('lon = "x"\nlat = "y"\n', ""))
        words = (
            "import",
            str(features),
            "--mapping",
            str(shape),
            "--into",
            str(folder / f"f{count}"),
        )
        show(f"import a GeoJSON register of {count:,} rows", *timed(*words))
    into = str(folder / f"r{rows}")
    timed("import", str(outlines), "--into", into)
    timed("import", str(people), "--into", into)
    ranking = ("rank", "--census", into, "--no-own", "--format", "json")
    show(f"rank {rows:,} register rows", *timed(*ranking))


def intervals(runs: int) -> None:
    print(f"\n| interval at 95 %, {runs:,} cities each | held the truth | median width |")
    print("| --- | --- | --- |")
    for row in coverages(runs):
        error = 1.96 * (row.frac * (1 - row.frac) / row.runs) ** 0.5
        print(
            f"| {row.name} | {row.frac:.1%} ± {error:.1%} | {row.width_frac:.0%} of the truth |",
            flush=True,
        )


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--cameras", type=int, default=100_000)
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--runs", type=int, default=1_000)
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        imports(Path(folder), given.cameras, given.rows)
    intervals(given.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
