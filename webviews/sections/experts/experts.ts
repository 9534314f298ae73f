import { html } from 'lit';
import type { ExpertsSection } from '../../../protocol/sections/experts';
import type { TokensSection } from '../../../protocol/sections/tokens';
import { shownToken } from '../../../protocol/wire/token-name';
import { significant } from '../../ui/numbers';
import '../picture';
import { remembered } from '../remembered';
import { twinColumn, type PageKind, type SectionPart, type SectionView, type TwinRow } from '../section-kind';
import { tokensPicture, windowOf } from '../tokens/tokens-picture';
import { cellKey, expertsPicture, layerOfKey, parseCellKey } from './experts-picture';

const picture = remembered(expertsPicture);
const strip = remembered(tokensPicture);

const nameOf = (layer: number): string => `layer ${layer}`;

/** The layer that is drawn, by its place in the section. */
const shownAt = ({ layers }: ExpertsSection, { shown }: SectionView): number =>
  Math.max(
    0,
    layers.findIndex(({ layer }) => nameOf(layer) === shown),
  );

/** The tokens on the entropy of the router at each. */
const ribbonOf = remembered((section: ExpertsSection, at: number): TokensSection => {
  const { layer = 0, entropies = [], loads = [] } = section.layers[at] ?? {};
  return {
    kind: 'tokens',
    id: `${section.id}-tokens`,
    title: `Tokens, entropy of the router of layer ${layer}`,
    tokens: section.tokens,
    numbers: [
      {
        name: 'entropy',
        title: 'Entropy of the router',
        unit: 'nats',
        definition: '-sum p ln p at the token, p the scores of the router over their sum',
        scale: { kind: 'sequential', min: 0, max: Math.log(Math.max(2, loads.length)) },
        values: entropies,
      },
    ],
  };
});

type Part = SectionPart<ExpertsSection>;

const tokenOf = (cursor: string | undefined): number | undefined =>
  cursor === undefined ? undefined : parseCellKey(cursor)?.column;

function body(part: Part) {
  const { section, view, actions } = part;
  const at = shownAt(section, view);
  const layer = section.layers[at];
  const token = tokenOf(view.cursor);
  const ribbon = ribbonOf(section, at);
  const window = windowOf(section.tokens.length, token ?? 0);
  const choose = (cursor: string | null): void => {
    const other = cursor === null ? undefined : layerOfKey(cursor);
    const chosen = other === undefined ? undefined : section.layers[other];
    actions.view({ cursor: cursor ?? undefined, ...(chosen ? { shown: nameOf(chosen.layer) } : {}) });
  };
  const chooseToken = (chosen: string | null): void => {
    const expert = chosen === null ? undefined : layer?.chosen[Number(chosen)]?.[0];
    choose(expert === undefined ? null : cellKey(at, { row: expert, column: Number(chosen) }));
  };
  return html`<hs-section-picture
      .picture=${strip(ribbon, ribbon.numbers[0], ...window)}
      .cursor=${token === undefined ? undefined : String(token)}
      @cursor=${({ detail }: CustomEvent<string | null>) => chooseToken(detail)}
    ></hs-section-picture>
    <hs-section-picture
      .picture=${picture(section, at, token ?? 0)}
      .cursor=${view.cursor}
      @cursor=${({ detail }: CustomEvent<string | null>) => choose(detail)}
    ></hs-section-picture>`;
}

export const expertsKind: PageKind<ExpertsSection> = {
  drawn: 'page',
  numbers: ({ layers }) =>
    layers.map(({ layer }) => ({ name: nameOf(layer), title: `Layer ${layer}`, unit: '', definition: '' })),
  isEmpty: ({ layers, tokens }) => layers.length === 0 || tokens.length === 0,
  body,
  words: (section, cursor) => {
    const words = picture(section, 0).words(cursor);
    return words && `${words.title}: ${words.value}`;
  },
  scene: (section, theme, width, view) =>
    expertsPicture(section, shownAt(section, view), tokenOf(view.cursor) ?? 0).draw(width, theme),
  twin: ({ layers, tokens }) => ({
    columns: [
      twinColumn(0, 'layer', 'Layer', { text: String }),
      twinColumn(1, 'position', 'Position', { text: String }),
      twinColumn(2, 'token', 'Token'),
      twinColumn(3, 'expert', 'Expert', { text: String }),
      twinColumn(4, 'weight', 'Weight', {
        hint: 'Factor of the expert’s output for the token.',
        text: (value) => significant(value),
      }),
      twinColumn(5, 'entropy', 'Entropy', {
        unit: 'nats',
        hint: 'Entropy of the router at the token: -sum p ln p, p the scores over their sum.',
        text: (value) => significant(value),
      }),
      twinColumn(6, 'load', 'Load', {
        hint: 'Share of all choices of the layer that fall on the expert. An expert that no token uses has a row too.',
        text: (value) => significant(value),
      }),
    ],
    rows: layers.flatMap(({ layer, chosen, weights, entropies, loads }) => [
      ...chosen.flatMap((experts, at) =>
        experts.map((expert, slot): TwinRow => [
          layer,
          at,
          shownToken(tokens[at] ?? ''),
          expert,
          weights[at]?.[slot],
          entropies[at],
          loads[expert],
        ]),
      ),
      ...loads.flatMap((load, expert): readonly TwinRow[] =>
        load === 0 ? [[layer, Number.NaN, '', expert, Number.NaN, Number.NaN, 0]] : [],
      ),
    ]),
  }),
};
