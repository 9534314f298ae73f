/** A circuit: nodes with a shape by their kind, edges as wide as they are strong; a negative edge is dashed and of the other hue. */
import type { GraphNode, GraphSection } from '../../../protocol/sections/graph';
import { css, diverging } from '../../charts/colour-map';
import { shapes, type Shape } from '../../charts/palette';
import { textWidth } from '../../charts/text-width';
import { count } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { fitted, flow, smallSize, textMark, wordsItem } from '../legend';
import type { CellWords, Drawn, Picture } from '../picture';
import { moved, type Mark } from '../scene';
import { shortened, valueWords } from '../words';
import { layOutGraph, type NodePlace } from './graph-layout';
import { cursorKey, keptGraph, moveInGraph, parseCursor, type KeptEdge, type KeptGraph } from './graph-model';

/** More edges than this are a felt; the strongest are drawn and the legend says so. */
const mostEdges = 1500;

const shapeOf: Readonly<Record<GraphNode['kind'], Shape>> = {
  embedding: 'inverted',
  head: 'circle',
  mlp: 'square',
  logits: 'triangle',
  feature: 'diamond',
};
const kindWords: Readonly<Record<GraphNode['kind'], string>> = {
  embedding: 'embedding',
  head: 'head',
  mlp: 'MLP',
  logits: 'logits',
  feature: 'feature',
};

export function graphPicture(section: GraphSection, threshold: number): Picture {
  const graph = keptGraph(section, threshold);
  return {
    label: `${section.title}: ${graph.touched.size} of ${graph.nodes.size} nodes, ${graph.edges.length} of ${graph.total} edges. Arrow keys walk along edges, Enter asks, Escape leaves.`,
    draw: (width, theme) => drawGraph(section, graph, width, theme),
    first: () => {
      const [id] = [...graph.touched];
      const end = [...graph.nodes.values()].find(({ kind, id: one }) => kind === 'logits' && graph.touched.has(one));
      const to = end?.id ?? id;
      return to === undefined ? undefined : cursorKey({ kind: 'node', id: to });
    },
    move: (cursor, key) => {
      const at = parseCursor(cursor);
      const to = at && moveInGraph(graph, at, key);
      return to && cursorKey(to);
    },
    words: (cursor) => wordsOf(section, graph, cursor),
  };
}

function wordsOf({ unit, definition }: GraphSection, graph: KeptGraph, cursor: string): CellWords | undefined {
  const at = parseCursor(cursor);
  if (at?.kind === 'node') {
    const node = graph.nodes.get(at.id);
    if (!node) return undefined;
    const [into, outOf] = [
      graph.edges.filter(({ to }) => to === node.id).length,
      graph.edges.filter(({ from }) => from === node.id).length,
    ];
    return {
      title: `${kindWords[node.kind]} ${shortened(node.label, 60)}`,
      value: `${valueWords(node.weight, unit, true)}; ${into} ${into === 1 ? 'edge' : 'edges'} in, ${outOf} out`,
      definition,
    };
  }
  const edge = graph.edges.find((one) => one.at === at?.at);
  if (!edge) return undefined;
  const label = (id: string): string => shortened(graph.nodes.get(id)?.label ?? id, 40);
  return {
    title: `${label(edge.from)} → ${label(edge.to)}${edge.input === undefined ? '' : ` (${edge.input})`}`,
    value: valueWords(edge.weight, unit, true),
    definition,
  };
}

const colourOfSign = (weight: number, dark: boolean): string => css(diverging(weight < 0 ? -1 : 1, dark));

function drawGraph(section: GraphSection, graph: KeptGraph, width: number, theme: Theme): Drawn {
  const size = smallSize(theme);
  const layout = layOutGraph(section, width, 46);
  const { places, radius } = layout;
  const drawn = graph.edges.slice(0, mostEdges);
  const widthOf = ({ weight }: KeptEdge): number =>
    0.75 + 4.25 * (graph.strongest > 0 ? Math.abs(weight) / graph.strongest : 0);
  const edgeMark = (edge: KeptEdge, more: Partial<Extract<Mark, { kind: 'path' }>> = {}): Mark[] => {
    const [from, to] = [places.get(edge.from), places.get(edge.to)];
    if (!from || !to) return [];
    const lineWidth = widthOf(edge);
    return [
      {
        kind: 'path',
        d: curve(from, to),
        stroke: colourOfSign(edge.weight, theme.dark),
        lineWidth,
        opacity: 0.8,
        ...(edge.weight < 0 ? { dash: [Math.max(4, lineWidth * 2), 3] } : {}),
        ...more,
      },
    ];
  };
  const marks: Mark[] = [
    ...layout.layers.flatMap(({ layer, y }): Mark[] => [
      {
        kind: 'path',
        d: `M${layout.left} ${y}L${width} ${y}`,
        stroke: theme.line,
        lineWidth: 1,
        opacity: 0.4,
      },
      textMark(layerName(section, layer), layout.left - 6, y + size * 0.36, theme, { anchor: 'end' }),
    ]),
    // The strongest last, so that they lie above.
    ...[...drawn].reverse().flatMap((edge) => edgeMark(edge)),
  ];
  for (const place of places.values()) {
    const touched = graph.touched.has(place.node.id);
    marks.push(nodeMark(place, touched ? radius : Math.min(2, radius), theme, touched));
  }
  marks.push(...labels(graph, [...places.values()], radius, width, theme));
  const legend = flow(legendItems(section, graph, drawn.length, theme), width);
  const legendTop = layout.height + 8;
  return {
    width,
    height: legendTop + legend.height,
    marks: [...marks, ...legend.marks.map((mark) => moved(mark, 0, legendTop))],
    hit: (x, y) => nearest(graph, places, x, y),
    box: (cursor) => {
      const at = parseCursor(cursor);
      if (at?.kind === 'node') {
        const place = places.get(at.id);
        return place && { x: place.x - radius, y: place.y - radius, width: 2 * radius, height: 2 * radius };
      }
      const edge = graph.edges.find((one) => one.at === at?.at);
      const [from, to] = [places.get(edge?.from ?? ''), places.get(edge?.to ?? '')];
      return from && to && { x: (from.x + to.x) / 2 - 3, y: (from.y + to.y) / 2 - 3, width: 6, height: 6 };
    },
    over: (cursor) => {
      const at = parseCursor(cursor);
      const lit =
        at?.kind === 'node'
          ? drawn.filter(({ from, to }) => from === at.id || to === at.id)
          : drawn.filter((edge) => edge.at === at?.at);
      const ends = new Set(at?.kind === 'node' ? [at.id] : lit.flatMap(({ from, to }) => [from, to]));
      return [
        ...lit.flatMap((edge) => [
          ...edgeMark(edge, { stroke: theme.background, lineWidth: widthOf(edge) + 4, dash: [], opacity: 1 }),
          ...edgeMark(edge, { opacity: 1, lineWidth: widthOf(edge) + 1 }),
        ]),
        ...[...ends].flatMap((id): Mark[] => {
          const place = places.get(id);
          if (!place) return [];
          const label = labelOf(place, radius, width, theme, 160);
          return [
            nodeMark(place, radius + 1, theme, true, theme.focus),
            textMark(label.text, label.left, label.y, theme, {
              weight: 600,
              fill: theme.foreground,
              halo: theme.background,
            }),
          ];
        }),
      ];
    },
  };
}

/** Leaves a node upwards and enters the next from below; within one layer it bows. */
function curve(from: NodePlace, to: NodePlace): string {
  const rise = (from.y - to.y) / 2;
  const bow = Math.abs(rise) < 1 ? 18 : rise;
  const n = (value: number): string => value.toFixed(1);
  return `M${n(from.x)} ${n(from.y)}C${n(from.x)} ${n(from.y - bow)} ${n(to.x)} ${n(to.y + (Math.abs(rise) < 1 ? -bow : bow))} ${n(to.x)} ${n(to.y)}`;
}

const nodeMark = (
  { node, x, y }: NodePlace,
  radius: number,
  theme: Theme,
  touched: boolean,
  stroke = theme.background,
): Mark => ({
  kind: 'path',
  d: shapes[shapeOf[node.kind]],
  x: x - radius,
  y: y - radius,
  scale: (2 * radius) / 16,
  fill: touched ? theme.foreground : theme.muted,
  stroke,
  lineWidth: 1.5,
  opacity: touched ? 1 : 0.5,
});

function layerName({ nodes }: GraphSection, layer: number): string {
  const kinds = new Set(nodes.filter((node) => node.layer === layer).map(({ kind }) => kind));
  if (kinds.size === 1 && kinds.has('embedding')) return 'embed';
  if (kinds.size === 1 && kinds.has('logits')) return 'logits';
  return `L${layer}`;
}

/** Right of its node, or left of it where the picture ends. */
function labelOf({ node, x, y }: NodePlace, radius: number, width: number, theme: Theme, most: number) {
  const size = smallSize(theme);
  const text = fitted(node.label, most, size, theme.font);
  const wide = textWidth(text, size);
  const right = x + radius + 3;
  const left = right + wide <= width ? right : x - radius - 3 - wide;
  return { text, left, right: left + wide, y: y + size * 0.36 };
}

/** The strongest nodes first; a label that would lie on another or on a node is left to the pointer and the keys. */
function labels(graph: KeptGraph, places: readonly NodePlace[], radius: number, width: number, theme: Theme): Mark[] {
  const size = smallSize(theme);
  const taken: { readonly left: number; readonly right: number; readonly y: number }[] = places
    .filter(({ node }) => graph.touched.has(node.id))
    .map(({ x, y }) => ({ left: x - radius, right: x + radius, y: y + size * 0.36 }));
  return [...places]
    .filter(({ node }) => graph.touched.has(node.id))
    .sort((a, b) => (Math.abs(b.node.weight) || 0) - (Math.abs(a.node.weight) || 0))
    .slice(0, 200)
    .flatMap((place) => {
      const box = labelOf(place, radius, width, theme, 90);
      const free = taken.every(
        (other) => Math.abs(other.y - box.y) > size || other.right <= box.left || other.left >= box.right,
      );
      if (!free || box.left < 0) return [];
      taken.push(box);
      return [textMark(box.text, box.left, box.y, theme, { fill: theme.foreground, halo: theme.background })];
    });
}

function nearest(graph: KeptGraph, places: ReadonlyMap<string, NodePlace>, x: number, y: number): string | undefined {
  let best: { readonly key: string; readonly distance: number } | undefined;
  for (const { node, x: nodeX, y: nodeY } of places.values()) {
    const distance = Math.hypot(nodeX - x, nodeY - y) - (graph.touched.has(node.id) ? 6 : 0);
    if (distance < 9 && distance < (best?.distance ?? Infinity))
      best = { key: cursorKey({ kind: 'node', id: node.id }), distance };
  }
  if (best) return best.key;
  for (const edge of graph.edges.slice(0, mostEdges)) {
    const [from, to] = [places.get(edge.from), places.get(edge.to)];
    if (!from || !to || y > Math.max(from.y, to.y) + 6 || y < Math.min(from.y, to.y) - 24) continue;
    for (let step = 1; step < 16; step += 1) {
      const [px, py] = onCurve(from, to, step / 16);
      const distance = Math.hypot(px - x, py - y);
      if (distance < 7 && distance < (best?.distance ?? Infinity))
        best = { key: cursorKey({ kind: 'edge', at: edge.at, entered: 'from' }), distance };
    }
  }
  return best?.key;
}

function onCurve(from: NodePlace, to: NodePlace, t: number): readonly [number, number] {
  const rise = (from.y - to.y) / 2;
  const flat = Math.abs(rise) < 1;
  const bow = flat ? 18 : rise;
  const [a, b, c, d] = [(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t ** 3];
  return [
    a * from.x + b * from.x + c * to.x + d * to.x,
    a * from.y + b * (from.y - bow) + c * (to.y + (flat ? -bow : bow)) + d * to.y,
  ];
}

function legendItems({ unit, nodes }: GraphSection, graph: KeptGraph, drawn: number, theme: Theme) {
  const sample = (weight: number, lineWidth: number, words: string) => {
    const said = wordsItem(words, theme, theme.foreground);
    const line: Mark = {
      kind: 'path',
      d: 'M0 9L26 9',
      stroke: colourOfSign(weight, theme.dark),
      lineWidth,
      ...(weight < 0 ? { dash: [6, 3] } : {}),
    };
    return { width: 32 + said.width, marks: [line, ...said.marks.map((mark) => moved(mark, 32, 0))] };
  };
  const kinds = [...new Set(nodes.map(({ kind }) => kind))];
  return [
    sample(1, 3, 'positive'),
    sample(-1, 3, 'negative'),
    wordsItem(`width: up to ${valueWords(graph.strongest, unit)}`, theme),
    ...kinds.map((kind) => {
      const said = wordsItem(kindWords[kind], theme, theme.foreground);
      return {
        width: 16 + said.width,
        marks: [
          { kind: 'path', d: shapes[shapeOf[kind]], x: 1, y: 4, scale: 10 / 16, fill: theme.foreground } as const,
          ...said.marks.map((mark) => moved(mark, 16, 0)),
        ],
      };
    }),
    ...(drawn < graph.edges.length
      ? [wordsItem(`The strongest ${count(drawn)} of ${count(graph.edges.length)} edges.`, theme)]
      : []),
  ];
}
