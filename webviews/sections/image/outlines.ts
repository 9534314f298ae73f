/** Lines around parts of a picture, each in its colour and with its name. */
import { darkHues, lightHues } from '../../charts/palette';
import type { Theme } from '../../ui/theme';
import type { Box, Mark } from '../scene';

export const regionColour = (at: number, dark: boolean): string => {
  const hues = dark ? darkHues : lightHues;
  return hues[at % hues.length] ?? hues[0];
};

const key = (x: number, y: number): string => `${Math.round(4 * x)},${Math.round(4 * y)}`;

/** Sides of the boxes that no other box has: SVG path data. */
export function outlineOf(boxes: readonly Box[]): string {
  const sides = new Map<string, string>();
  for (const { x, y, width, height } of boxes) {
    const [right, bottom] = [x + width, y + height];
    const corners = [x, y, right, y, right, bottom, x, bottom, x, y];
    for (let at = 0; at < 8; at += 2) {
      const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = corners.slice(at, at + 4);
      const name = [key(x0, y0), key(x1, y1)].sort().join(' ');
      if (!sides.delete(name)) sides.set(name, `M${x0} ${y0}L${x1} ${y1}`);
    }
  }
  return [...sides.values()].join('');
}

/** Light and dark lie under the line, so that it is seen on any picture. */
export function outlineMarks(boxes: readonly Box[], name: string, at: number, theme: Theme): readonly Mark[] {
  const [first] = boxes;
  if (!first) return [];
  const d = outlineOf(boxes);
  return [
    { kind: 'path', d, stroke: theme.background, lineWidth: 5 },
    { kind: 'path', d, stroke: regionColour(at, theme.dark), lineWidth: 2.5 },
    {
      ...{ kind: 'text', text: name, x: first.x + 5, y: first.y + 15, size: 13, weight: 700, font: theme.font },
      fill: theme.foreground,
      halo: theme.background,
    },
  ];
}
