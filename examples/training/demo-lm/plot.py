"""Draw loss.csv as loss.svg: one panel per kind of document, loss against training tokens.

    python3 plot.py loss.csv loss.svg
"""
import csv
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP = 240, 130, 44, 40, 30
STYLE = ("text{font:11px sans-serif;fill:#444}.title{font-size:13px;fill:#111}"
         "path{fill:none;stroke:#2a6db0;stroke-width:1.5}line{stroke:#ccc;stroke-width:1}")


def panel(name, tokens, values, x0, y0):
    top, last = max(values), tokens[-1]

    def place(token, value):
        return f"{x0 + WIDTH * token / last:.1f},{y0 + HEIGHT * (1 - value / top):.1f}"
    out = [f'<text class="title" x="{x0}" y="{y0 - 8}">{name.replace("_", " ")}</text>']
    for share in (0, 0.5, 1):
        y = y0 + HEIGHT * (1 - share)
        out.append(f'<line x1="{x0}" y1="{y}" x2="{x0 + WIDTH}" y2="{y}"/>'
                   f'<text x="{x0 - 6}" y="{y + 4}" text-anchor="end">{top * share:.1f}</text>')
    out.append(f'<path d="M{" L".join(place(t, v) for t, v in zip(tokens, values))}"/>')
    out.append(f'<text x="{x0 + WIDTH}" y="{y0 + HEIGHT + 14}" text-anchor="end">{last / 1e6:.1f} M tokens, last {values[-1]:.3f}</text>')
    return out


def main():
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tokens = [int(row["tokens"]) for row in rows]
    names = list(rows[0])[4:]
    columns, lines = 3, []
    for index, name in enumerate(names):
        x = LEFT + index % columns * (WIDTH + LEFT + 10)
        y = TOP + index // columns * (HEIGHT + TOP + GAP)
        lines += panel(name, tokens, [float(row[name]) for row in rows], x, y)
    width = columns * (WIDTH + LEFT + 10) + 10
    height = -(-len(names) // columns) * (HEIGHT + TOP + GAP)
    with open(target, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
                   f"<title>Training loss in nats per weighted token</title><style>{STYLE}</style>"
                   f'<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(lines) + "\n</svg>\n")


if __name__ == "__main__":
    main()
