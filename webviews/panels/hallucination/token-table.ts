/** The twin of the ribbon: every token of a caption with its numbers and what the lexicon and the truth say of its word. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Caption, CaptionToken, ObjectMention } from '../../../protocol/results/hallucination-schema';
import { folded } from '../../ui/panel-page';
import { type Column, countColumn, numberColumn, table, textColumn } from '../../ui/table';
import { shownToken } from '../../../protocol/wire/token-name';
import type { Part } from './actions';
import { runsOf, verdictOf, verdictWords } from './ribbon-model';
import { captionOf, lacking } from './shown';
import { copyButtons } from '../../ui/whole-table';
import { nameOf } from './variant-words';
import { percent } from '../../ui/numbers';

export interface TokenRow {
  /** Of the caption, as it is named on the panel. */
  readonly caption: string;
  /** Place in the caption, from 0. */
  readonly at: number;
  readonly token: CaptionToken;
  readonly mention: ObjectMention | undefined;
  /** Tokens after which the caption was cut; undefined where it ended by itself. */
  readonly stoppedAt: number | undefined;
}

export const tokenRows = (
  caption: Pick<Caption, 'tokens' | 'mentions'> & Partial<Pick<Caption, 'reinforcement' | 'stoppedAt'>>,
): readonly TokenRow[] =>
  runsOf(caption).flatMap(({ from, to, mention }) =>
    caption.tokens.slice(from, to).map((token, index) => ({
      caption: nameOf({ reinforcement: caption.reinforcement ?? null }),
      at: from + index,
      token,
      mention,
      stoppedAt: caption.stoppedAt,
    })),
  );

/** `lacks`: what the second pass lacks. */
export const tokenColumns = (lacks: string): readonly Column<TokenRow>[] => [
  countColumn('token', 'Token', ({ at }) => at + 1),
  textColumn('text', 'Text', ({ token }) => token.text, { text: ({ token }) => shownToken(token.text) }),
  numberColumn('t_vhd', 'T-VHD', ({ token }) => token.tVhd, {
    hint: 'Sum over all layers of the k largest divergences of the step that made the token, outliers included.',
  }),
  countColumn('visual_attention', 'Attention', ({ token }) => token.visualAttention, {
    hint: `Share of the attention of the query that made the token on ${lacks}, mean over layers and heads.`,
    text: ({ token }) => percent(token.visualAttention),
  }),
  numberColumn('probability', 'Probability', ({ token }) => token.probability),
  textColumn('object', 'Object', ({ mention }) => mention?.object, {
    hint: 'The lexicon’s name of the object that the token’s word names.',
  }),
  textColumn('truth', 'Truth', ({ mention }) => mention && verdictWords[verdictOf(mention)]),
];

/** Of the caption whose token is chosen. */
export function tokenTable(part: Part): TemplateResult | typeof nothing {
  const { state, actions } = part;
  const { variant, step } = state.token;
  const caption = captionOf(state, variant);
  if (caption.tokens.length === 0) return nothing;
  const name = variant === null ? undefined : state.result?.variants[variant];
  const rows = tokenRows(caption);
  const columns = tokenColumns(lacking(state));
  return folded(
    part,
    { name: 'words', title: name ? `Words of “${nameOf(name)}” as a table` : 'Words as a table' },
    () =>
      html`${copyButtons(part, columns, rows)}
      ${table({
        caption: 'Tokens of the caption: choose one',
        columns,
        rows,
        key: ({ at }) => String(at),
        selected: String(step),
        onSelect: ({ at }) => actions.selectToken({ variant, step: at }),
      })}`,
  );
}
