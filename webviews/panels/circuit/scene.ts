/** The picture of a circuit on its plane: where things stand on the screen, what lies under the pointer, and its marks. Pure. */
import type { ShownEdge, ShownNode } from '../../../protocol/circuits/shown';
import { css, diverging } from '../../charts/colour-map';
import { shapes, type Shape } from '../../charts/palette';
import { textWidth } from '../../charts/text-width';
import { fitted, smallSize, textMark } from '../../sections/legend';
import type { Box, Mark } from '../../sections/scene';
import type { Theme } from '../../ui/theme';
import type { Drawn, Visible } from './state';

/** A point (x, y) of the plane stands at (x * scale + left, y * scale + top). */
export interface Camera {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

/** Nodes that are being moved, by so much on the plane. */
export interface Dragged {
  readonly ids: ReadonlySet<string>;
  readonly x: number;
  readonly y: number;
}

export interface SceneParts {
  readonly drawn: Drawn;
  readonly visible: Visible;
  readonly selection: ReadonlySet<string>;
  readonly hovered: string | undefined;
  readonly camera: Camera;
  readonly dragged?: Dragged | undefined;
  readonly width: number;
  readonly height: number;
}

export const leastScale = 0.05;
export const mostScale = 4;
const room = 40;
/** For the names of the lines. */
const gutter = 48;
const longestLabel = 150;
const nodeRadius = 8;
const groupHeight = 22;

const shapeOf: Readonly<Record<Exclude<ShownNode['kind'], 'group'>, Shape>> = {
  embedding: 'inverted',
  head: 'circle',
  mlp: 'square',
  logits: 'triangle',
  feature: 'diamond',
};

interface Place {
  readonly x: number;
  readonly y: number;
}

export function placeOf({ camera, dragged }: Pick<SceneParts, 'camera' | 'dragged'>, node: ShownNode): Place {
  const [dx, dy] = dragged?.ids.has(node.id) ? [dragged.x, dragged.y] : [0, 0];
  return { x: (node.x + dx) * camera.scale + camera.left, y: (node.y + dy) * camera.scale + camera.top };
}

/** Everything in view with its labels, beside the names of the lines at the left; no larger than life. */
export function fit(drawn: Pick<Drawn, 'nodes' | 'only'>, width: number, height: number, theme: Theme): Camera {
  if (drawn.nodes.length === 0) return { scale: 1, left: width / 2, top: height / 2 };
  const least = (of: readonly number[]): number => of.reduce((a, b) => Math.min(a, b), Infinity);
  const most = (of: readonly number[]): number => of.reduce((a, b) => Math.max(a, b), -Infinity);
  const [left, ys] = [least(drawn.nodes.map(({ x }) => x)), drawn.nodes.map(({ y }) => y)];
  const ends = drawn.nodes.map((node) => ({ x: node.x - left, reach: reachOf(node, drawn, theme) }));
  const start = gutter + most(ends.map(({ x, reach }) => (x === 0 ? reach.left : 0)));
  const across = Math.max(1, width - start);
  // A label that would leave the nodes no room may be cut.
  const scales = ends.map(({ x, reach }) => Math.max(0.5 * across, across - reach.right) / Math.max(1, x));
  const [top, bottom] = [least(ys), most(ys)];
  const down = Math.max(1, height - 2 * room) / Math.max(1, bottom - top);
  const scale = Math.max(leastScale, Math.min(1.8, down, ...scales));
  const used = most(ends.map(({ x, reach }) => x * scale + reach.right));
  return {
    scale,
    left: start + Math.max(0, across - used) / 2 - scale * left,
    top: height / 2 - (scale * (top + bottom)) / 2,
  };
}

/** How far a node goes to the left and, with its label, to the right, at most. */
function reachOf(node: ShownNode, drawn: Pick<Drawn, 'only'>, theme: Theme): { left: number; right: number } {
  if (node.kind === 'group') {
    const half = groupBox(node, { x: 0, y: 0 }, theme).width / 2 + 6;
    return { left: half, right: half };
  }
  const size = smallSize(theme);
  const text = textWidth(fitted(wordsOf(node, drawn), longestLabel, size, theme.font), size, { font: theme.font });
  return { left: nodeRadius + 4, right: nodeRadius + 10 + text };
}

const radiusOf = ({ scale }: Camera): number => Math.max(2.5, Math.min(nodeRadius, nodeRadius * scale * 1.2));

const groupBox = (node: ShownNode, at: Place, theme: Theme): Box => {
  const size = smallSize(theme);
  const width = Math.min(180, textWidth(wordsOfGroup(node), size, { font: theme.font }) + 18);
  return { x: at.x - width / 2, y: at.y - groupHeight / 2, width, height: groupHeight };
};

const wordsOfGroup = ({ name, of }: ShownNode): string =>
  `${name.length > 24 ? `${name.slice(0, 23)}…` : name} (${of.length})`;

const widthOf = ({ weight }: ShownEdge, strongest: number): number =>
  0.75 + 4.25 * (strongest > 0 && Number.isFinite(weight) ? Math.abs(weight) / strongest : 0);

const n = (value: number): string => value.toFixed(1);

/** Leaves a node upwards and enters the next from below; within one height it bows. */
function curve(from: Place, to: Place): string {
  const rise = (from.y - to.y) / 2;
  const flat = Math.abs(rise) < 1;
  const bow = flat ? 24 : rise;
  return `M${n(from.x)} ${n(from.y)}C${n(from.x)} ${n(from.y - bow)} ${n(to.x)} ${n(to.y + (flat ? -bow : bow))} ${n(to.x)} ${n(to.y)}`;
}

const goneHatch = [2, 4];

export function circuitMarks(parts: SceneParts, theme: Theme): readonly Mark[] {
  const { drawn, visible, selection, camera, width, height } = parts;
  const marks: Mark[] = [];
  for (const { y } of drawn.lines) {
    const at = y * camera.scale + camera.top;
    if (at < -10 || at > height + 10) continue;
    marks.push({
      kind: 'path',
      d: `M${gutter} ${n(at)}L${width} ${n(at)}`,
      stroke: theme.line,
      lineWidth: 1,
      opacity: 0.35,
    });
  }
  const places = new Map(drawn.nodes.map((node) => [node.id, placeOf(parts, node)]));
  marks.push(...frameMarks(parts, places, theme));
  const lit = (edge: ShownEdge): boolean => selection.has(edge.from) || selection.has(edge.to);
  const dim = visible.edges.some(lit);
  const edges = [...visible.edges].reverse();
  for (const edge of [...edges.filter((one) => !lit(one)), ...edges.filter(lit)]) {
    const [from, to] = [places.get(edge.from), places.get(edge.to)];
    if (!from || !to) continue;
    const lineWidth = widthOf(edge, drawn.strongest);
    const gone = edge.gone !== undefined;
    const stroke = gone ? theme.muted : css(diverging(edge.weight < 0 ? -1 : 1, theme.dark));
    const dash = gone ? goneHatch : edge.weight < 0 ? [Math.max(4, lineWidth * 2), 3] : undefined;
    const opacity = gone ? 0.45 : dim && !lit(edge) ? 0.25 : 0.85;
    marks.push({ kind: 'path', d: curve(from, to), stroke, lineWidth, opacity, ...(dash ? { dash } : {}) });
  }
  for (const node of drawn.nodes) marks.push(...nodeMarks(parts, node, places.get(node.id) ?? { x: 0, y: 0 }, theme));
  marks.push(...labelMarks(parts, places, theme));
  const size = smallSize(theme);
  let last = Infinity;
  for (const { y, name } of drawn.lines) {
    const at = y * camera.scale + camera.top;
    if (at < 4 || at > height - 2 || last - at < size + 2) continue;
    last = at;
    marks.push(textMark(name, gutter - 6, at + size * 0.36, theme, { anchor: 'end', halo: theme.background }));
  }
  return marks;
}

function nodeMarks(parts: SceneParts, node: ShownNode, at: Place, theme: Theme): readonly Mark[] {
  const { visible, selection, hovered, camera, drawn } = parts;
  const chosen = selection.has(node.id);
  const touched = visible.touched.has(node.id) || chosen;
  const faded = node.gone !== undefined;
  const ring = chosen ? theme.focus : hovered === node.id ? theme.foreground : undefined;
  if (node.kind === 'group') {
    const { x, y, width, height } = groupBox(node, at, theme);
    const size = smallSize(theme);
    return [
      {
        kind: 'rect',
        x,
        y,
        width,
        height,
        fill: theme.background,
        stroke: ring ?? theme.foreground,
        lineWidth: ring ? 2.5 : 1.25,
      },
      { kind: 'rect', x: x + 3, y: y + 3, width: width - 6, height: height - 6, stroke: theme.muted, lineWidth: 0.75 },
      textMark(fitted(wordsOfGroup(node), width - 10, size, theme.font), at.x, at.y + size * 0.36, theme, {
        anchor: 'middle',
        fill: faded ? theme.muted : theme.foreground,
        weight: 600,
      }),
      ...(node.pinned ? [pinMark(x + width, y, theme)] : []),
    ];
  }
  const radius = touched ? radiusOf(camera) : Math.min(2.5, radiusOf(camera));
  const other = drawn.only.get(node.id) === '−';
  const outline = (grow: number, more: Partial<Extract<Mark, { kind: 'path' }>>): Mark => ({
    kind: 'path',
    d: shapes[shapeOf[node.kind as Exclude<ShownNode['kind'], 'group'>]],
    x: at.x - radius - grow,
    y: at.y - radius - grow,
    scale: (2 * (radius + grow)) / 16,
    ...more,
  });
  return [
    ...(ring ? [outline(4, { stroke: ring, lineWidth: 2 })] : []),
    outline(0, {
      fill: faded || other ? theme.background : touched ? theme.foreground : theme.muted,
      stroke: faded || other ? theme.muted : theme.background,
      lineWidth: 1.5,
      opacity: touched ? 1 : 0.6,
      ...(faded ? { dash: [3, 3] } : {}),
    }),
    ...(node.pinned ? [pinMark(at.x + radius, at.y - radius, theme)] : []),
  ];
}

const pinMark = (x: number, y: number, theme: Theme): Mark => ({
  kind: 'path',
  d: shapes.circle,
  x: x - 4,
  y: y - 4,
  scale: 8 / 16,
  fill: theme.focus,
  stroke: theme.background,
  lineWidth: 1,
});

/** `new`, `gone`, and what compared circuits have alone, in front of or behind the name. */
function wordsOf(node: ShownNode, drawn: Pick<Drawn, 'only'>): string {
  const only = drawn.only.get(node.id);
  const news = node.gone !== undefined ? ' (gone)' : node.fresh ? ' (new)' : '';
  return `${only === undefined ? '' : `${only} `}${node.name}${news}`;
}

/** Chosen and pinned nodes first, then the strongest; a label that would lie on another is left to the pointer and the keys. */
function labelMarks(parts: SceneParts, places: ReadonlyMap<string, Place>, theme: Theme): readonly Mark[] {
  const { drawn, visible, selection, hovered, camera, width, height } = parts;
  const size = smallSize(theme);
  const radius = radiusOf(camera);
  const taken: { readonly left: number; readonly right: number; readonly y: number }[] = [];
  for (const node of drawn.nodes) {
    const at = places.get(node.id);
    if (!at || (node.kind !== 'group' && !visible.touched.has(node.id))) continue;
    const half = node.kind === 'group' ? groupBox(node, at, theme).width / 2 : radius;
    taken.push({ left: at.x - half, right: at.x + half, y: at.y + size * 0.36 });
  }
  const rank = (node: ShownNode): number =>
    (node.id === hovered ? 8 : 0) +
    (selection.has(node.id) ? 4 : 0) +
    (node.pinned ? 2 : 0) +
    (node.name === node.label ? 0 : 1);
  return drawn.nodes
    .filter((node) => node.kind !== 'group' && (visible.touched.has(node.id) || rank(node) >= 4))
    .sort((a, b) => rank(b) - rank(a) || (Math.abs(b.weight) || 0) - (Math.abs(a.weight) || 0))
    .slice(0, 300)
    .flatMap((node): readonly Mark[] => {
      const at = places.get(node.id);
      if (!at || at.x < 0 || at.x > width || at.y < 0 || at.y > height) return [];
      const left = at.x + radius + 4;
      const text = fitted(
        wordsOf(node, drawn),
        Math.min(longestLabel, Math.max(0, width - left - 4)),
        size,
        theme.font,
      );
      const box = { left, right: left + textWidth(text, size, { font: theme.font }), y: at.y + size * 0.36 };
      const free = taken.every(
        (other) => Math.abs(other.y - box.y) > size || other.right <= box.left || other.left >= box.right,
      );
      if (!free && rank(node) < 4) return [];
      taken.push(box);
      const fill = node.gone !== undefined ? theme.muted : theme.foreground;
      const weight = node.name === node.label ? 400 : 600;
      return [textMark(text, box.left, box.y, theme, { fill, weight, halo: theme.background })];
    });
}

/** The box of an open group on the screen, its title over it. */
function frameBox(around: readonly string[], places: ReadonlyMap<string, Place>): Box | undefined {
  const inside = around.flatMap((id) => places.get(id) ?? []);
  if (inside.length === 0) return undefined;
  const pad = 18;
  const left = Math.min(...inside.map(({ x }) => x)) - pad;
  const top = Math.min(...inside.map(({ y }) => y)) - pad;
  const right = Math.max(...inside.map(({ x }) => x)) + pad;
  const bottom = Math.max(...inside.map(({ y }) => y)) + pad;
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function frameMarks(
  { drawn, selection }: SceneParts,
  places: ReadonlyMap<string, Place>,
  theme: Theme,
): readonly Mark[] {
  return drawn.frames.flatMap((frame): readonly Mark[] => {
    const box = frameBox(frame.around, places);
    if (!box) return [];
    const { x, y, width, height } = box;
    const chosen = selection.has(frame.id);
    const stroke = chosen ? theme.focus : theme.muted;
    return [
      {
        kind: 'path',
        d: `M${n(x)} ${n(y)}H${n(x + width)}V${n(y + height)}H${n(x)}Z`,
        stroke,
        lineWidth: chosen ? 2 : 1,
        dash: [5, 4],
      },
      textMark(fitted(frame.name, Math.max(60, width), smallSize(theme), theme.font), x + 2, y - 4, theme, {
        weight: 600,
        halo: theme.background,
      }),
    ];
  });
}

/** The node under a point of the screen, or the open group whose title is there. */
export function hit(parts: SceneParts, x: number, y: number, theme: Theme): string | undefined {
  let best: { readonly id: string; readonly distance: number } | undefined;
  const places = new Map<string, Place>();
  for (const node of parts.drawn.nodes) {
    const at = placeOf(parts, node);
    places.set(node.id, at);
    if (node.kind === 'group') {
      const box = groupBox(node, at, theme);
      if (x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height) return node.id;
      continue;
    }
    const distance = Math.hypot(at.x - x, at.y - y);
    if (distance < 12 && distance < (best?.distance ?? Infinity)) best = { id: node.id, distance };
  }
  if (best) return best.id;
  return parts.drawn.frames.find(({ around }) => {
    const box = frameBox(around, places);
    return box && x >= box.x && x <= box.x + Math.max(60, box.width) && y >= box.y - 18 && y <= box.y;
  })?.id;
}

/** Nodes in a rectangle of the screen. */
export function inside(parts: SceneParts, { x, y, width, height }: Box): readonly string[] {
  return parts.drawn.nodes
    .filter((node) => {
      const at = placeOf(parts, node);
      return at.x >= x && at.x <= x + width && at.y >= y && at.y <= y + height;
    })
    .map(({ id }) => id);
}

const directions: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

/** The nearest node in the direction of an arrow key: what lies straight ahead is nearer than what lies aside. */
export function neighbour(drawn: Drawn, from: string | undefined, key: string): string | undefined {
  const direction = directions[key];
  if (!direction) return undefined;
  const here = drawn.byId.get(from ?? '');
  if (!here) return drawn.nodes.find(({ kind }) => kind === 'logits')?.id ?? drawn.nodes[0]?.id;
  let best: { readonly id: string; readonly distance: number } | undefined;
  for (const node of drawn.nodes) {
    const ahead = (node.x - here.x) * direction[0] + (node.y - here.y) * direction[1];
    const aside = Math.abs((node.x - here.x) * direction[1]) + Math.abs((node.y - here.y) * direction[0]);
    if (node === here || ahead <= 0) continue;
    const distance = ahead + 2.5 * aside;
    if (distance < (best?.distance ?? Infinity)) best = { id: node.id, distance };
  }
  return best?.id;
}
