/** The prompt as it is typed, token by token, with how much of the context it takes. */
import { html, nothing, type TemplateResult } from 'lit';
import type { TokensSection } from '../../../protocol/sections/tokens';
import '../../sections/picture';
import type { Picture } from '../../sections/picture';
import { remembered } from '../../sections/remembered';
import { tokensPicture, windowOf } from '../../sections/tokens/tokens-picture';
import { shortened } from '../../sections/words';
import type { ModelSummary } from '../../../protocol/schema/parts';
import type { Tokenised } from '../../../protocol/compute/models';
import { shownToken } from '../../../protocol/wire/token-name';
import { count } from '../../ui/numbers';
import { modelOfForm } from '../../ui/run-state';
import type { Part } from './actions';
import type { InputForm } from './input-form';
import { isDrawnOn, readOf } from './shown';

/** Tokens that are drawn at once. */
const most = 80;

const sectionOf = (tokens: readonly string[]): TokensSection => ({
  kind: 'tokens',
  id: 'typed',
  title: 'Tokens of the prompt',
  tokens,
  numbers: [],
});

interface Chip {
  readonly text: string;
  /** The first token of it, and the one behind its last. */
  readonly from: number;
  readonly to: number;
}

/** Tokens of the picture that are the same, one behind the other, are one chip. */
function chipsOf({ tokens, image }: Tokenised): readonly Chip[] {
  const chips: Chip[] = [];
  for (let from = 0; from < tokens.length;) {
    const token = tokens[from] ?? '';
    let to = from + 1;
    const end = image && from >= image.start ? image.end : 0;
    while (to < end && tokens[to] === token) to += 1;
    chips.push({ text: to - from > 1 ? `${token}×${count(to - from)}` : token, from, to });
    from = to;
  }
  return chips;
}

const picture = remembered((prompt: Tokenised): Picture => {
  const { ids, tokens } = prompt;
  const chips = chipsOf(prompt);
  if (chips.length < tokens.length && chips.length <= most) return pictureOfChips(prompt, chips);
  const section = { ...sectionOf(tokens), tokenIds: ids };
  return tokensPicture(section, undefined, ...windowOf(tokens.length, tokens.length - 1, most));
});

/** Its words name each place as the model counts it. */
function pictureOfChips({ ids, tokens }: Tokenised, chips: readonly Chip[]): Picture {
  const drawn = tokensPicture(sectionOf(chips.map(({ text }) => text)), undefined);
  return {
    ...drawn,
    label: drawn.label.replace(`${count(chips.length)} tokens`, `${count(tokens.length)} tokens`),
    words: (cursor) => {
      const words = drawn.words(cursor);
      const chip = chips[Number(cursor)];
      if (!words || !chip) return undefined;
      const { text, from, to } = chip;
      const place = to - from > 1 ? `tokens ${from} to ${to - 1}` : `token ${from}`;
      return { ...words, title: `${place}, ${shortened(shownToken(text), 60)} · id ${ids[from] ?? ''}` };
    },
  };
}

/** How many tokens there are, and of how many there may be. */
const counted = (tokens: number, most: number | undefined): string =>
  `${count(tokens)}${most === undefined ? '' : ` of ${count(most)}`} tokens`;

const drawn = (prompt: Pick<Tokenised, 'ids' | 'tokens'>): TemplateResult =>
  html`<hs-section-picture class="typed-tokens" .picture=${picture(prompt)}></hs-section-picture>`;

export function promptTokens({ state }: Part, input: InputForm): TemplateResult | typeof nothing {
  const read = readOf(state);
  const model = modelOfForm(state);
  const context = model?.contextLength;
  const { prompt, problem } = read ?? {};
  // What is wrong with a picture is said beside it.
  if (problem !== undefined && input.image === '') return html`<p class="problem" id="token-count">${problem}</p>`;
  if (!prompt)
    return html`<p class="reason" id="token-count">
      ${context === undefined ? nothing : `Context of ${count(context)} tokens`}
    </p>`;
  const isDrawn = !isDrawnOn(state);
  const { source } = prompt;
  if (source) return ofBoth(source, prompt, model);
  const over = context !== undefined && prompt.ids.length > context;
  return html`<p class=${over ? 'problem' : 'reason'} id="token-count">
      ${counted(prompt.ids.length, context)}${over ? ': longer than the context the model was made for. Shorten the prompt.' : ''}
    </p>
    ${prompt.ids.length === 0 || !isDrawn ? nothing : drawn(prompt)}`;
}

/** The source above the target; of a target that the model writes only its first token is known before a run. */
function ofBoth(
  source: NonNullable<Tokenised['source']>,
  target: Tokenised,
  model: ModelSummary | undefined,
): TemplateResult {
  return html`<p class="reason" id="token-count">Source: ${counted(source.ids.length, model?.source?.contextLength)}</p>
    ${drawn(source)}
    <p class="reason" id="target-count">
      Target: ${target.ids.length > 1 ? counted(target.ids.length, model?.contextLength) : 'the model writes it'}
    </p>
    ${target.ids.length > 1 ? drawn(target) : nothing}`;
}
