/** Parameters by part of the model: a bar whose lengths are shares of the total, and the same as lines. */
import { html, svg, type TemplateResult } from 'lit';
import type { ModelFacts } from '../../../protocol/language/requests';
import { colourOf, identify, shapes } from '../../charts/palette';
import { count } from '../../ui/numbers';
import { parameterCount } from './units';

export interface Share {
  readonly name: string;
  readonly count: number;
  /** Share of the total, 0 to 1. */
  readonly share: number;
}

/** Fixed order, so that a part has the same colour in every model; others come after. */
const known = [
  'embedding',
  'attention',
  'feed-forward',
  'routed experts',
  'vision',
  'output head',
  'norms',
  'projector',
  'state-space mixer',
  'router',
];

export function sharesOf(parameters: NonNullable<ModelFacts['parameters']>): readonly Share[] {
  const { total, parts } = parameters;
  return [...parts]
    .filter(({ count: size }) => size > 0)
    .sort((a, b) => b.count - a.count)
    .map(({ name, count: size }) => ({ name, count: size, share: total > 0 ? size / total : 0 }));
}

const identitiesOf = (shares: readonly Share[]) =>
  identify([...known, ...shares.map(({ name }) => name)].map((name) => ({ id: name, title: name })));

/** `82 %`, `0.4 %`, `< 0.1 %`. */
export const percent = (share: number): string =>
  share < 0.001 ? '< 0.1 %' : `${share < 0.1 ? Number((100 * share).toPrecision(2)) : Math.round(100 * share)} %`;

export function splitBar(parameters: NonNullable<ModelFacts['parameters']>, dark: boolean): TemplateResult {
  const shares = sharesOf(parameters);
  const identities = identitiesOf(shares);
  const colour = (name: string): string => {
    const identity = identities.get(name);
    return identity ? colourOf(identity, dark) : 'currentColor';
  };
  let start = 0;
  const bars = shares.map(({ name, share, count: size }) => {
    const from = start;
    start += share;
    return svg`<rect x="${100 * from}%" width="${100 * share}%" y="0" height="100%" fill=${colour(name)}><title>${name}: ${count(size)} parameters, ${percent(share)}</title></rect>`;
  });
  return html`<div class="split">
    <svg class="split-bar" role="img" aria-label="Parameters by part, as shares of the total">${bars}</svg>
    <ul>
      ${shares.map(
        ({ name, count: size, share }) =>
          html`<li title="${count(size)} parameters">
            <svg class="symbol" width="10" height="10" viewBox="0 0 16 16" aria-hidden="true">
              <path d=${shapes[identities.get(name)?.shape ?? 'circle']} fill=${colour(name)}></path>
            </svg>
            <span>${name}</span><span class="amount">${parameterCount(size)}</span
            ><span class="amount muted">${percent(share)}</span>
          </li>`,
      )}
    </ul>
  </div>`;
}
