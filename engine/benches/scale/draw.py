"""Draws how cost grows: a panel for each table, both axes logarithmic."""

import math

WIDTH, HEIGHT, GAP = 250, 150, 70
LEFT, TOP = 50, 40
INK, TIME, MEMORY = "#333333", "#1f6fb4", "#c4561d"
# the tables of each panel, and the unit along its axis
PANELS = [
    (["images"], "images"),
    (["members"], "members, 200 images"),
    (["threads"], "threads, 5,000 images"),
    (["side of eight images"], "side in pixels, 8 images"),
    (["components"], "components in a mask, 8 images of 1024²"),
    (["score, ids"], "ids of two files (score)"),
]


def span(values: list[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def label(power: int) -> str:
    value = 10**power
    return f"{value:,}" if power >= 0 else f"{value:.{-power}f}"


def panel(rows: list, title: str, left: float, top: float) -> str:
    """Processor time and peak memory over the number of things; `rows` hold it, seconds, seconds by the clock, MiB."""
    logarithmic = max(row[0] for row in rows) / min(row[0] for row in rows) > 4
    seconds = [row[2] if title.startswith("threads") else row[1] for row in rows]
    lines = [("s by the clock" if title.startswith("threads") else "s of processor time", TIME, seconds)]
    lines.append(("MiB at the peak", MEMORY, [row[3] for row in rows]))
    low, high = span([value for line in lines for value in line[2]])
    first, last = (math.log10(row[0]) if logarithmic else row[0] for row in (rows[0], rows[-1]))
    x = lambda value: left + WIDTH * ((math.log10(value) if logarithmic else value) - first) / ((last - first) or 1)
    y = lambda value: top + HEIGHT * (high - math.log10(value)) / (high - low)
    out = [f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbbbbb"/>']
    for power in range(low, high + 1):
        at = y(10**power)
        out.append(f'<line x1="{left}" x2="{left + WIDTH}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{left - 5}" y="{at + 3.5:.1f}" text-anchor="end">{label(power)}</text>')
    shown = [row[0] for row in rows]
    for number in shown:
        out.append(f'<text x="{x(number):.1f}" y="{top + HEIGHT + 13}" text-anchor="middle">{number:,}</text>')
    for name, color, values in lines:
        points = " ".join(f"{x(number):.1f},{y(value):.1f}" for number, value in zip(shown, values))
        out.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.8"/>')
        out += [f'<circle cx="{x(n):.1f}" cy="{y(v):.1f}" r="2.6" fill="{color}"><title>{n:,}: {v:.3g} {name}</title></circle>'
                for n, v in zip(shown, values)]
    out.append(f'<text x="{left + WIDTH / 2}" y="{top + HEIGHT + 30}" text-anchor="middle">{title}</text>')
    return "\n".join(out)


def draw(tables: dict[str, list]) -> str:
    wide, high = 3 * (WIDTH + GAP) + LEFT, TOP + 2 * (HEIGHT + GAP)
    title = "How the engine's cost grows: processor time and peak memory"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" role="img" aria-label="{title}" '
        f'font-family="sans-serif" font-size="10" fill="{INK}">',
        f'<rect width="{wide}" height="{high}" fill="white"/>',
        f'<text x="{LEFT}" y="20"><tspan fill="{TIME}">● seconds</tspan> <tspan fill="{MEMORY}">● peak memory in MiB'
        "</tspan>, both on one logarithmic axis; networks of two nodes</text>",
    ]
    for place, (names, unit) in enumerate(PANELS):
        left, top = LEFT + place % 3 * (WIDTH + GAP), TOP + place // 3 * (HEIGHT + GAP)
        rows = [row for name in names for row in tables.get(name, [])]
        if rows:
            out.append(panel(rows, unit, left, top))
    return "\n".join([*out, "</svg>\n"])
