/** What the marks of the pictures mean: only the kinds that are there. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ModelPartFacts } from '../../../protocol/language/requests';
import { colourOf, shapes } from '../../charts/palette';
import { icon } from '../../ui/icons';
import { identityOf, markOf, type LayerKind } from './dots-layout';
import { kindWords, layerKinds, sharingOf } from './layers';
import { plural } from '../../ui/numbers';

export interface LegendEntry {
  readonly kind: LayerKind;
  readonly text: string;
}

/** `Window of 4,096 tokens, 13 layers`; widths of one kind on a line of their own. */
export const legendOf = (parts: readonly ModelPartFacts[]): readonly LegendEntry[] =>
  layerKinds(parts.flatMap(({ layers }) => layers)).map(({ layer, count }) => {
    const words = kindWords(layer);
    return {
      kind: markOf(layer),
      text: `${words.charAt(0).toUpperCase()}${words.slice(1)}, ${plural(count, 'layer')}`,
    };
  });

/** What a capsule holds; undefined where every head has keys and values of its own. */
export function capsuleWords(parts: readonly ModelPartFacts[]): string | undefined {
  const latent = parts.some((part) => part.attention === 'mla' && part.layers.length > 0);
  const shared = parts.some((part) =>
    part.layers.some((layer) => {
      const { groupSize, latent: isLatent } = sharingOf(layer, part);
      return groupSize > 1 && !isLatent;
    }),
  );
  const words = [
    ...(shared ? ['query heads that share a key/value head'] : []),
    ...(latent ? ['heads that share one latent'] : []),
  ].join(', or ');
  return words === '' ? undefined : `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

/** What is wrong with the picture of a faulty file; undefined where heads share out evenly. */
function unevenWords(parts: readonly ModelPartFacts[]): string | undefined {
  for (const part of parts) {
    const layer = part.layers.find((one) => sharingOf(one, part).uneven);
    if (layer !== undefined) {
      return `${layer.heads} query heads cannot be shared out over ${plural(layer.kvHeads, 'key/value head')}`;
    }
  }
  return undefined;
}

export function legend(parts: readonly ModelPartFacts[], dark: boolean): TemplateResult | typeof nothing {
  const entries = legendOf(parts);
  if (entries.length === 0) return nothing;
  const capsule = capsuleWords(parts);
  const uneven = unevenWords(parts);
  return html`<ul class="legend" aria-label="Legend">
    ${entries.map(({ kind, text }) => {
      const identity = identityOf(kind);
      return html`<li>
        <svg class="symbol" width="10" height="10" viewBox="0 0 16 16" aria-hidden="true">
          <path d=${shapes[identity.shape]} fill=${colourOf(identity, dark)}></path>
        </svg>
        <span>${text}</span>
      </li>`;
    })}
    ${
      capsule === undefined
        ? nothing
        : html`<li>
            <svg class="symbol capsule" width="22" height="10" aria-hidden="true">
              <rect x="0.5" y="0.5" width="21" height="9" rx="4"></rect></svg
            ><span>${capsule}</span>
          </li>`
    }
    ${uneven === undefined ? nothing : html`<li class="uneven">${icon('error')}<span>${uneven}</span></li>`}
  </ul>`;
}
