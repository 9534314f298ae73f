/** Two histograms of T-VHD over the same steps: words that are not in the picture below, true ones above the line. */
import { html, svg, type TemplateResult } from 'lit';
import type { TVhdSeparation } from '../../../protocol/results/hallucination-schema';
import { colourOf, type Identity } from '../../charts/palette';
import { count, significant, tick } from '../../ui/numbers';
import { countColumn, numberColumn, table } from '../../ui/table';

const identity = (id: string, title: string, hue: number): Identity => ({
  id,
  title,
  name: title,
  code: title.charAt(0),
  hue,
  shape: 'square',
  dash: [],
});
/** The same two everywhere: words of the truth, words outside of it. */
export const truthfulIdentity = identity('true', 'in the picture', 4);
export const hallucinatedIdentity = identity('hallucinated', 'not in the picture', 1);

/** Of the room that it gets: words keep their size where that is narrow. */
const sizeOf = (wide: boolean) => ({ width: wide ? 520 : 276, height: 248, left: 34, right: 12, top: 28, bottom: 54 });

interface Bin {
  readonly from: number;
  readonly to: number;
  readonly truthful: number;
  readonly hallucinated: number;
}

export function binsOf({ histogram }: TVhdSeparation): readonly Bin[] {
  const { from, to, truthful, hallucinated } = histogram;
  const wide = (to - from) / Math.max(1, truthful.length);
  return truthful.map((value, at) => ({
    from: from + at * wide,
    to: from + (at + 1) * wide,
    truthful: value,
    hallucinated: hallucinated[at] ?? 0,
  }));
}

export interface HistogramInk {
  readonly dark: boolean;
  readonly foreground: string;
  readonly muted: string;
  readonly line: string;
  readonly wide: boolean;
}

/** As markup of SVG: for the screen and for export alike. */
function histogramParts(separation: TVhdSeparation, ink: HistogramInk): readonly TemplateResult[] {
  const size = sizeOf(ink.wide);
  const bins = binsOf(separation);
  const most = Math.max(1, ...bins.flatMap(({ truthful, hallucinated }) => [truthful, hallucinated]));
  const inner = { width: size.width - size.left - size.right, height: size.height - size.top - size.bottom };
  const middle = size.top + inner.height / 2;
  const half = inner.height / 2;
  const step = inner.width / Math.max(1, bins.length);
  const { from, to } = separation.histogram;
  const bar = (at: number, value: number, up: boolean, one: Identity): TemplateResult => {
    const tall = (half * value) / most;
    return svg`<rect x=${size.left + at * step + 1} y=${up ? middle - tall : middle} width=${Math.max(1, step - 2)} height=${tall}
      fill=${colourOf(one, ink.dark)}><title>${`T-VHD ${significant(bins[at]?.from ?? 0)} to ${significant(bins[at]?.to ?? 0)}: ${count(value)} words ${one.title}`}</title></rect>`;
  };
  const text = (x: number, y: number, words: string, anchor: string, fill = ink.muted): TemplateResult =>
    svg`<text x=${x} y=${y} text-anchor=${anchor} font-size="11" fill=${fill}>${words}</text>`;
  return [
    ...bins.map(({ truthful }, at) => bar(at, truthful, true, truthfulIdentity)),
    ...bins.map(({ hallucinated }, at) => bar(at, hallucinated, false, hallucinatedIdentity)),
    svg`<line x1=${size.left} y1=${middle} x2=${size.width - size.right} y2=${middle} stroke=${ink.line} />`,
    text(size.left - 6, size.top + 8, count(most), 'end'),
    text(size.left - 6, middle + 4, '0', 'end'),
    text(size.left - 6, size.height - size.bottom, count(most), 'end'),
    ...(ink.wide ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1]).map((share) =>
      text(size.left + share * inner.width, size.height - size.bottom + 28, tick(from + share * (to - from)), 'middle'),
    ),
    text(size.left + inner.width / 2, size.height - 6, 'T-VHD of the token that begins the word', 'middle'),
    text(
      size.width - size.right,
      size.top - 8,
      `${count(separation.truthful.length)} words in the picture`,
      'end',
      ink.foreground,
    ),
    text(
      size.width - size.right,
      size.height - size.bottom + 12,
      `${count(separation.hallucinated.length)} words not in the picture`,
      'end',
      ink.foreground,
    ),
  ];
}

export const histogramSize = sizeOf(true);

export const histogram = (separation: TVhdSeparation, ink: HistogramInk): TemplateResult =>
  html`<svg
    class="histogram"
    viewBox="0 0 ${sizeOf(ink.wide).width} ${sizeOf(ink.wide).height}"
    role="img"
    aria-label=${`T-VHD of ${separation.truthful.length} words in the picture (above) and ${separation.hallucinated.length} not in it (below), AUROC ${separation.auroc === null ? 'not known' : separation.auroc.toFixed(2)}`}
  >
    ${histogramParts(separation, ink)}
  </svg>`;

export const histogramTable = (separation: TVhdSeparation): TemplateResult =>
  html`${table({
    caption: 'Words by T-VHD',
    columns: [
      numberColumn('from', 'From', ({ from }: Bin) => from),
      numberColumn('to', 'To', ({ to }: Bin) => to),
      countColumn('truthful', 'In the picture', ({ truthful }: Bin) => truthful, { unit: 'words' }),
      countColumn('hallucinated', 'Not in it', ({ hallucinated }: Bin) => hallucinated, { unit: 'words' }),
    ],
    rows: binsOf(separation),
    key: ({ from }) => String(from),
  })}`;
