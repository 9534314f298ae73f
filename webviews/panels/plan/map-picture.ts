/** The head map of a plan as a drawing: a colour and a letter for what each key/value head keeps, a pattern in small cells. */
import { headPlanText, type HeadPlan } from '../../../protocol/plans/head-plan';
import { planClasses, planClassNames, planClassOf, type PlanClass } from '../../../protocol/plans/plan-words';
import { inkOn, parseColour } from '../../charts/colour-map';
import { colourOf, identify } from '../../charts/palette';
import { headAt, headBox, layOutHeads } from '../../sections/heads/heads-layout';
import { fitted, smallSize, textMark } from '../../sections/legend';
import { lineThrough, type Box, type Mark, type Scene } from '../../sections/scene';
import { headKey } from '../../ui/head-names';
import { type HeadPlace } from '../../../protocol/schema/written-form';
import type { Theme } from '../../ui/theme';

const identities = identify(planClassNames.map((id) => ({ id, title: planClasses[id].title })));

export function classColour(name: PlanClass, dark: boolean): string {
  const identity = identities.get(name);
  return identity ? colourOf(identity, dark) : '#808080';
}

/** A place on the map: a head, or the label of a layer or of a column of heads. */
export type MapPlace =
  | ({ readonly kind: 'head' } & HeadPlace)
  | { readonly kind: 'layer'; readonly layer: number }
  | { readonly kind: 'column'; readonly head: number };

export interface DrawnMap extends Scene {
  readonly at: (x: number, y: number) => MapPlace | undefined;
  readonly box: (place: HeadPlace) => Box;
}

const labelHeight = 16;
/** Cells at least so wide and high hold a letter, smaller ones a pattern. */
const lettered = 14;
const patterned = 5;

export interface MapParts {
  readonly heads: readonly (readonly HeadPlan[])[];
  /** By `layer.head`: differs from a second plan. */
  readonly marked: ReadonlySet<string>;
}

export function drawMap({ heads, marked }: MapParts, width: number, theme: Theme): DrawnMap {
  const counts = heads.map((layer) => layer.length);
  const at = layOutHeads(counts, width, counts.length > 100 ? 34 : 28, labelHeight);
  const size = smallSize(theme);
  const marks: Mark[] = [...labels(counts, at, theme)];
  const frames: Mark[] = [];
  const gap = at.cellWidth >= 8 && at.cellHeight >= 8 ? 1 : 0;
  heads.forEach((layer, index) =>
    layer.forEach((keep, head) => {
      const box = headBox(at, index, head);
      const inner = { ...box, width: box.width - gap, height: box.height - gap };
      const name = planClassOf(keep);
      const fill = classColour(name, theme.dark);
      const ink = inkOn(parseColour(fill));
      marks.push({ kind: 'rect', ...inner, fill });
      if (inner.width >= lettered && inner.height >= lettered - 2) {
        const { letter } = planClasses[name];
        const form = name === 'full' ? '' : headPlanText(keep);
        const words =
          at.written && form !== '' ? fitted(`${letter} ${form}`, inner.width - 4, size, theme.font) : letter;
        marks.push(
          textMark(words, inner.x + inner.width / 2, inner.y + inner.height / 2 + size / 2 - 2, theme, {
            anchor: 'middle',
            fill: ink,
            weight: 600,
          }),
        );
      } else if (Math.min(inner.width, inner.height) >= patterned) marks.push(...pattern(name, inner, ink));
      if (marked.has(headKey(index, head)))
        frames.push(
          { kind: 'rect', ...inner, stroke: theme.background, lineWidth: 3.5 },
          { kind: 'rect', ...inner, stroke: theme.foreground, lineWidth: 2 },
        );
    }),
  );
  return {
    width,
    height: at.height + 2,
    marks: [...marks, ...frames],
    at: (x, y) => {
      if (x < at.left) {
        const found = headAt(at, at.left, y);
        return found && { kind: 'layer', layer: found.layer };
      }
      if (y < at.top) {
        const head = Math.floor((x - at.left) / at.cellWidth);
        const folded = at.lines.at(-1) !== counts.length;
        return !folded && head < Math.max(0, ...counts) ? { kind: 'column', head } : undefined;
      }
      const found = headAt(at, x, y);
      return found && heads[found.layer]?.[found.head] !== undefined ? { kind: 'head', ...found } : undefined;
    },
    box: ({ layer, head }) => headBox(at, layer, head),
  };
}

/** So that kinds are told apart without colour where no letter fits. */
function pattern(name: PlanClass, { x, y, width, height }: Box, ink: string): readonly Mark[] {
  const line = (...points: readonly (readonly [number, number])[]): Mark => ({
    kind: 'path',
    d: lineThrough(points),
    x,
    y,
    stroke: ink,
    lineWidth: 1,
  });
  switch (name) {
    case 'full':
      return [];
    case 'recent':
      return [line([0, height], [width, 0])];
    case 'mean':
      return [line([0, height], [width, 0]), line([0, 0], [width, height])];
    case 'span':
      return [line([0, height / 2], [width, height / 2])];
    case 'kept':
      return [{ kind: 'rect', x: x + width / 3, y: y + height / 3, width: width / 3, height: height / 3, fill: ink }];
  }
}

function labels(counts: readonly number[], at: ReturnType<typeof layOutHeads>, theme: Theme): Mark[] {
  const size = smallSize(theme);
  const everyLayer = Math.max(1, Math.ceil((size + 2) / (at.cellHeight + at.layerGap)));
  const layers = counts.flatMap((_, layer): Mark[] => {
    if (layer % everyLayer !== 0) return [];
    const { y } = headBox(at, layer, 0);
    return [textMark(`L${layer}`, at.left - 6, y + Math.min(at.cellHeight, 26) / 2 + 4, theme, { anchor: 'end' })];
  });
  if (at.lines.at(-1) !== counts.length)
    return [...layers, textMark('key/value heads, line by line', at.left, 10, theme)];
  const most = Math.max(0, ...counts);
  const every = Math.max(1, Math.ceil((String(most).length * size * 0.62 + 6) / at.cellWidth));
  for (let head = 0; head < most; head += every)
    layers.push(
      textMark(
        head === 0 && at.cellWidth >= 20 ? `H${head}` : String(head),
        headBox(at, 0, head).x + at.cellWidth / 2,
        11,
        theme,
        {
          anchor: 'middle',
        },
      ),
    );
  return layers;
}
