/** Pictures of serving: time by part as bars, operators under the roof of the device. */
import { html, svg, type TemplateResult } from 'lit';
import type { ServingCostView, ServingDeviceView, ServingPhaseView } from '../../../protocol/language/serving';
import type { Chart, Series } from '../../charts/chart';
import { colourOf, identify, shapes, type Identity } from '../../charts/palette';
import { roofEnds, roofPoints } from '../../charts/roof';
import { significant, tick } from '../../ui/numbers';
import { percent } from './split';
import { boundWords, duration, memoryOf, timeWords } from './serving-words';

/** In the order of the model; a part looks the same whatever else there is. */
const parts = [
  'embedding',
  'attention projections',
  'attention scores',
  'recurrent mixers',
  'feed-forward',
  'experts',
  'norms and residuals',
  'output head',
  'all-reduce',
  'runtime',
];
const identities = identify(parts.map((part) => ({ id: part, title: part })));

const identityOfPart = (part: string): Identity | undefined => identities.get(part);

export function partSymbol(part: string, dark: boolean): TemplateResult {
  const identity = identityOfPart(part);
  return html`<svg class="symbol" width="10" height="10" viewBox="0 0 16 16" aria-hidden="true">
    <path d=${shapes[identity?.shape ?? 'circle']} fill=${identity ? colourOf(identity, dark) : 'currentColor'}></path>
  </svg>`;
}

export type PhaseName = 'prefill' | 'decode';
export const phaseTitles: Readonly<Record<PhaseName, string>> = { prefill: 'Prompt', decode: 'Token' };

/** Two bars, each as long as its whole: what a prompt and a token spend their time on. */
export const timeBars = (cost: ServingCostView, dark: boolean): TemplateResult =>
  html`<div class="time-bars">
    ${(['prefill', 'decode'] as const).map(
      (phase) =>
        html`<span class="muted">${phaseTitles[phase]}</span>${bar(phase, cost[phase], dark)}<span class="amount"
            >${duration(cost[phase].seconds)}</span
          >`,
    )}
  </div>`;

function bar(phase: PhaseName, { parts: shown, seconds }: ServingPhaseView, dark: boolean): TemplateResult {
  let start = 0;
  const words = shown.map((part) => `${part.part} ${percent(part.seconds / seconds)}`).join(', ');
  const bars = shown.map((part) => {
    const share = seconds > 0 ? part.seconds / seconds : 0;
    const from = start;
    start += share;
    const identity = identityOfPart(part.part);
    const fill = identity ? colourOf(identity, dark) : 'currentColor';
    return svg`<rect x="${100 * from}%" width="${100 * share}%" y="0" height="100%" fill=${fill}><title>${part.part}: ${duration(part.seconds)}, ${percent(share)}</title></rect>`;
  });
  return html`<svg class="split-bar" role="img" aria-label="${phaseTitles[phase]}, time by part: ${words}">
    ${bars}
  </svg>`;
}

const tera = 1e12;

/**
 * Operators of one phase under the roof of the device. x is FLOPs over bytes of weights, cache and activations; y FLOPs over the
 * time that they take at their roof, so points lie on it, or below where the link is slower.
 */
export function operatorRoofline(cost: ServingPhaseView, device: ServingDeviceView, phase: PhaseName): Chart {
  const drawn = cost.operators.filter((operator) => operator.flops > 0 && memoryOf(operator) > 0);
  const intensity = (operator: (typeof drawn)[number]): number => operator.flops / memoryOf(operator);
  const series: readonly Series[] = parts.flatMap((part): Series[] => {
    const identity = identityOfPart(part);
    const own = drawn.filter((operator) => operator.part === part);
    if (identity === undefined || own.length === 0) return [];
    const points = own.map((operator, at) => ({
      x: intensity(operator),
      y: operator.flops / operator.seconds / tera,
      key: { series: part, at },
      text: `${operator.name}: ${significant(intensity(operator))} FLOP/byte, ${timeWords(operator, device)}; bound by ${boundWords[operator.bound]}`,
    }));
    return [{ id: part, identity: { ...identity, code: '' }, title: part, role: 'measured', mark: 'points', points }];
  });
  const roof = { peak: device.peak / tera, bandwidth: device.bandwidth / tera };
  const [low, high] = roofEnds(roof.peak / roof.bandwidth, drawn.map(intensity));
  const description = `Operators of a ${phaseTitles[phase].toLowerCase()}: rate against arithmetic intensity, under the roof of ${device.title} (${significant(roof.peak)} TFLOP/s, ${significant(device.bandwidth / 1e9)} GB/s).`;
  return {
    id: 'serving-roofline',
    title: 'Roofline',
    description,
    x: { name: 'Arithmetic intensity', unit: 'FLOP/byte', base: 10, format: tick, include: [low, high] },
    y: { name: 'Rate', unit: 'TFLOP/s', base: 10, format: tick },
    series,
    references: [
      {
        points: roofPoints(roof, [low, high]),
        label: `${significant(roof.peak)} TFLOP/s, ${significant(device.bandwidth / 1e9)} GB/s`,
      },
    ],
    marks: [],
    // The table of the operators stands beside it.
    twin: { columns: [], rows: [] },
    hover: 'point',
    empty: 'No operator computes anything.',
  };
}
