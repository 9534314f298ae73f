/** The prompt as it is typed, token by token, with how much of the context it takes. */
import { html, nothing, type TemplateResult } from 'lit';
import type { TokensSection } from '../../../protocol/sections/tokens';
import '../../sections/picture';
import { remembered } from '../../sections/remembered';
import { tokensPicture, windowOf } from '../../sections/tokens/tokens-picture';
import type { Tokenised } from '../../../protocol/compute/models';
import { count } from '../../ui/numbers';
import { modelOfForm } from '../../ui/run-state';
import type { Part } from './actions';
import type { InputForm } from './input-form';
import { isDrawnOn, readOf } from './shown';

/** Tokens that are drawn at once. */
const most = 80;

const picture = remembered(({ ids, tokens }: Tokenised) =>
  tokensPicture(
    {
      kind: 'tokens',
      id: 'typed',
      title: 'Tokens of the prompt',
      tokens,
      tokenIds: ids,
      numbers: [],
    } satisfies TokensSection,
    undefined,
    ...windowOf(tokens.length, tokens.length - 1, most),
  ),
);

export function promptTokens({ state }: Part, input: InputForm): TemplateResult | typeof nothing {
  const read = readOf(state);
  const context = modelOfForm(state)?.contextLength;
  const of = context === undefined ? '' : ` of ${count(context)}`;
  const { prompt, problem } = read ?? {};
  // What is wrong with a picture is said beside it.
  if (problem !== undefined && input.image === '') return html`<p class="problem" id="token-count">${problem}</p>`;
  if (!prompt)
    return html`<p class="reason" id="token-count">
      ${context === undefined ? nothing : `Context of ${count(context)} tokens`}
    </p>`;
  const over = context !== undefined && prompt.ids.length > context;
  return html`<p class=${over ? 'problem' : 'reason'} id="token-count">
      ${count(prompt.ids.length)}${of}
      tokens${over ? ': longer than the context the model was made for. Shorten the prompt.' : ''}
    </p>
    ${prompt.ids.length === 0 || isDrawnOn(state) ? nothing : html`<hs-section-picture class="typed-tokens" .picture=${picture(prompt)}></hs-section-picture>`}`;
}
